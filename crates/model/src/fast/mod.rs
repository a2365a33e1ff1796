//! The door to speed: the same numbers as the lesson's, sooner, on a CPU.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`path`], [`proof`], [`twin`] | when it is taken: where it agrees with the lesson on a small twin of the model |
//! | [`decode`] | writes token by token, and reads prompts |
//! | [`weights`] | the parameters by layer |
//! | [`gain`] | what bfloat16 gains on this processor |
//! | [`ops`] | attention, softmax, GELU, norms and matrix products over plain slices |
//! | [`cpu`] | registers, threads and memory of the processor: all unsafe code of the workspace |

pub mod cpu;
pub mod decode;
pub mod gain;
pub mod ops;
pub mod path;
pub mod proof;
pub mod twin;
pub mod weights;

use crate::{
    generate::{CachedModel, TokenScorer},
    gpt2::Gpt2,
};
use anyhow::{Result, ensure};
use decode::{Decoder, Dtype};
use path::{CodePath, choose};

/// What reads a text with a model and gives the logits of its next token: a decoder where it is proven to write what the lesson
/// writes, else the lesson's model with its cache, and then why.
///
/// # Errors
/// If the fast path is asked for, by name or by a `dtype` that only it has, and cannot be taken.
pub fn scorer(
    model: &Gpt2,
    dtype: Dtype,
    wanted: Option<CodePath>,
) -> Result<(Box<dyn TokenScorer + '_>, Option<String>)> {
    let lesson = wanted == Some(CodePath::Lesson);
    ensure!(
        dtype == Dtype::F32 || !lesson,
        "the lesson writes in f32; {dtype} needs the fast path"
    );
    let wanted = if dtype == Dtype::F32 { wanted } else { Some(CodePath::Fast) };
    let threads = tch::get_num_threads() as usize;
    let chosen = choose(wanted, || {
        proof::writing(model, dtype, threads)?;
        Decoder::new(model, dtype, threads)
    })?;
    Ok(match chosen {
        Ok(decoder) => (Box::new(decoder), None),
        Err(reason) => (Box::new(CachedModel::new(model)), reason),
    })
}
