//! The model on paper: six words, four channels, two heads, eight hidden numbers, one block, every weight chosen by hand.
//!
//! The demos `forward_on_paper`, `attention_on_paper`, `block_on_paper` and `step_on_paper`, one in each of four chapters,
//! follow one sentence through it. The weights of chapters 2 and 3 stand here too, so that there is one list of them.

#![allow(dead_code)] // each demo uses a part of it

use tch::nn::VarStore;
use tch::{Device, Tensor};

/// What the vocabulary is made of.
pub const TEXT: &str = "the cat saw the dog. the dog ran.";
/// What the model reads.
pub const SENTENCE: &str = "the cat saw the dog";
/// The ids of the sentence.
pub const IDS: [i64; 5] = [5, 1, 4, 5, 2];
/// What comes after each word; after the last one, a full stop.
pub const TARGETS: [i64; 5] = [1, 4, 5, 2, 0];

/// A parameter: its name in the model, and its rows.
type Named = (&'static str, &'static [&'static [f32]]);

const PARAMETERS: [Named; 11] = [
    (
        "token.weight",
        &[
            &[-0.4, -0.8, 0.3, 0.9],
            &[0.9, 1.1, -0.9, -1.1],
            &[1.2, 0.5, -1.2, -0.5],
            &[-1.1, 0.3, -0.5, 1.3],
            &[-1.3, 0.1, -0.3, 1.5],
            &[1.2, -1.2, 0.6, -0.6],
        ],
    ),
    (
        "position.weight",
        &[
            &[0.2, -0.2, -0.4, 0.4],
            &[0.1, -0.1, -0.1, 0.1],
            &[-0.1, 0.1, 0.1, -0.1],
            &[-0.2, 0.2, 0.4, -0.4],
            &[0.2, -0.3, -0.2, 0.3],
        ],
    ),
    (
        "blocks.0.attention.query.weight",
        &[
            &[0.5, 0.0, 0.0, -0.5],
            &[0.0, 0.5, -0.5, 0.0],
            &[0.5, -0.5, 0.0, 0.0],
            &[0.0, 0.0, 0.5, 0.5],
        ],
    ),
    (
        "blocks.0.attention.key.weight",
        &[
            &[0.0, 1.0, -1.0, 0.0],
            &[0.5, 0.0, 0.0, 0.5],
            &[0.5, 0.0, 0.0, -0.5],
            &[0.0, -1.0, 1.0, 0.0],
        ],
    ),
    (
        "blocks.0.attention.value.weight",
        &[
            &[1.0, 0.0, 0.0, 0.0],
            &[0.0, 1.0, 0.0, 0.0],
            &[0.0, 0.0, 0.5, -0.5],
            &[0.5, -0.5, 0.0, 0.0],
        ],
    ),
    (
        "blocks.0.attention.output.weight",
        &[
            &[0.5, 0.0, 0.5, 0.0],
            &[0.0, 0.5, 0.0, -0.5],
            &[-0.5, 0.0, 0.0, 0.5],
            &[0.0, -0.5, 0.5, 0.0],
        ],
    ),
    ("blocks.0.attention.output.bias", &[&[0.1, 0.0, -0.1, 0.0]]),
    (
        "blocks.0.feed_forward.up.weight",
        &[
            &[0.5, -0.5, 0.0, 0.0],
            &[0.0, 0.5, -0.5, 0.0],
            &[0.0, 0.0, 0.5, -0.5],
            &[-0.5, 0.0, 0.0, 0.5],
            &[0.5, 0.5, 0.0, 0.0],
            &[0.0, 0.5, 0.5, 0.0],
            &[0.0, 0.0, 0.5, 0.5],
            &[0.5, 0.0, 0.0, 0.5],
        ],
    ),
    ("blocks.0.feed_forward.up.bias", &[&[0.1, 0.1, 0.0, 0.0, -0.1, -0.1, 0.0, 0.0]]),
    (
        "blocks.0.feed_forward.down.weight",
        &[
            &[0.4, 0.0, 0.0, -0.2, 0.2, 0.0, 0.0, 0.0],
            &[0.0, 0.4, -0.2, 0.0, 0.0, 0.2, 0.0, 0.0],
            &[0.0, -0.2, 0.4, 0.0, 0.0, 0.0, 0.2, 0.0],
            &[-0.2, 0.0, 0.0, 0.4, 0.0, 0.0, 0.0, 0.2],
        ],
    ),
    ("blocks.0.feed_forward.down.bias", &[&[0.0, 0.1, 0.0, -0.1]]),
];

/// The output head, which is not tied here: a step that changes it leaves the token vectors as they are.
const HEAD: Named = (
    "head.weight",
    &[
        &[0.2, 0.3, -0.3, 0.1],
        &[0.3, -0.2, 0.2, -0.3],
        &[0.3, -0.3, 0.3, -0.2],
        &[-0.2, 0.3, -0.1, 0.2],
        &[0.1, 0.4, -0.3, -0.2],
        &[-0.4, 0.1, 0.2, 0.5],
    ],
);

/// All parameters under their names, for a model or a part of it to be made around. Norms have theirs of 1 and 0 by themselves.
pub fn store() -> VarStore {
    let store = VarStore::new(Device::Cpu);
    for (name, rows) in PARAMETERS.iter().chain([&HEAD]) {
        let numbers = Tensor::from_slice(&rows.concat());
        let width = rows[0].len() as i64;
        let shaped = if name.ends_with("bias") { numbers } else { numbers.view([-1, width]) };
        let (folder, last) = name.rsplit_once('.').expect("every name has a folder");
        let path = folder.split('.').fold(store.root(), |path, part| path / part);
        let _ = path.add(last, shaped, true);
    }
    store
}

/// The ids of the sentence as a batch of one, `[1, T]`.
pub fn ids() -> Tensor {
    Tensor::from_slice(&IDS).view([1, -1])
}
