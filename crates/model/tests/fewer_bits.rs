//! Weights in fewer bits write what the whole ones write.

#[path = "../../embedding/tests/public_data/mod.rs"]
mod public_data;

use model::{
    fast::decode::{Decoder, Dtype},
    format,
    generate::{CachedModel, TokenScorer},
    gpt2::Gpt2,
};
use public_data::public_data;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};

/// Tokens that are written after a prompt.
const NEW: usize = 24;

/// The folders of models that others have drawn or trained, each with a text of ids to begin with.
fn models() -> Vec<(PathBuf, Vec<i64>)> {
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/reference/tiny-models");
    let mut models: Vec<_> = ["tied", "untied-exact-gelu", "one-wide-head", "bfloat16"]
        .map(|name| (tiny.join(name), "/ids/0"))
        .into();
    models.extend(public_data("models/slm-char").map(|folder| (folder, "/cases/0/input_ids")));
    let prompt = |folder: &Path, place| {
        let text = std::fs::read_to_string(folder.join("expected.json")).expect("a file");
        let whole: Value = serde_json::from_str(&text).expect("JSON");
        let ids = whole.pointer(place).expect("ids").clone();
        serde_json::from_value::<Vec<i64>>(ids).expect("whole numbers")
    };
    let with_prompt = |(folder, place): (PathBuf, _)| (folder.clone(), prompt(&folder, place));
    models.into_iter().map(with_prompt).collect()
}

/// The two largest logits, and the id of the first.
fn first_two(logits: &Tensor) -> (i64, f64, f64) {
    let (values, ids) = logits.topk(2, -1, true, true);
    (ids.int64_value(&[0]), values.double_value(&[0]), values.double_value(&[1]))
}

/// Counts the places where weights of a type choose another token than the whole ones, read anew as a prompt each time.
fn other_choices(model: &Gpt2, prompt: &[i64], dtype: Dtype, digit: f64) -> usize {
    let mut decoder = Decoder::new(model, dtype, 1).expect("a decoder");
    let mut plain = CachedModel::new(model);
    let (mut ids, mut others) = (prompt.to_vec(), 0);
    let room = model.config.context as usize - prompt.len();
    for _ in 0..NEW.min(room) {
        plain.clear();
        decoder.clear();
        let (expected, ours) = (plain.read(&ids), decoder.read(&ids)); // [V]
        let (id, first, second) = first_two(&expected);
        if first_two(&ours).0 != id {
            let largest = expected.abs().max().double_value(&[]);
            let gap = (first - second) / largest;
            println!("{dtype}, position {}: {id} leads by {gap:.1e} of the largest", ids.len());
            assert!(gap < digit, "{dtype}: {id} leads by {gap:e} and is not chosen");
            others += 1;
        }
        ids.push(id);
    }
    others
}

#[test]
fn fewer_bits_choose_another_token_only_where_the_first_two_differ_by_less_than_they_can_tell() {
    tch::set_num_threads(1);
    for (folder, prompt) in models() {
        let model = format::load(&folder, Device::Cpu).expect("a whole model");
        // bfloat16 has eight digits in base 2, and so has a byte with its sign; a logit is a sum of many products.
        for (dtype, digit) in [(Dtype::Bf16, 1.0 / 128.0), (Dtype::Int8, 1.0 / 64.0)] {
            let others = other_choices(&model, &prompt, dtype, digit);
            println!("{}: {others} other choices in {dtype}", folder.display());
            assert!(others <= NEW / 8, "{dtype}: {others} other choices of {NEW}");
        }
    }
}

#[test]
fn a_prompt_in_fewer_bits_has_the_logits_of_the_whole_one_within_their_rounding() {
    tch::set_num_threads(1);
    for (folder, prompt) in models() {
        let model = format::load(&folder, Device::Cpu).expect("a whole model");
        let expected = CachedModel::new(&model).read(&prompt);
        let scale = expected.abs().max().double_value(&[]);
        for (dtype, bound) in [(Dtype::Bf16, 0.02), (Dtype::Int8, 0.04)] {
            let ours = Decoder::new(&model, dtype, 1).expect("a decoder").read(&prompt);
            let gap = (ours.to_kind(Kind::Double) - &expected).abs().max().double_value(&[]);
            assert!(gap / scale < bound, "{}, {dtype}: {:e}", folder.display(), gap / scale);
        }
    }
}
