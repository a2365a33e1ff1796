//! A vocabulary of eight words and their scores: the toy of `decoding`, `top_k` and `temperature`.

#![allow(dead_code)] // each demo uses a part of it

use tch::{Tensor, kind::FLOAT_CPU};
use train::sampling::Sampling;

/// The vocabulary.
pub const WORDS: [&str; 8] =
    ["war", "battle", "revolution", "novel", "experiment", "day", "journey", "movement"];

/// The score of each word, drawn from a normal distribution of mean 0 and deviation 4.
///
/// # Shapes
/// - returns `[V]`
pub fn logits() -> Tensor {
    tch::manual_seed(123);
    Tensor::empty([WORDS.len() as i64], FLOAT_CPU).normal_(0.0, 4.0)
}

/// How often each word comes in 100 draws, seeded anew.
pub fn draw_counts(sampling: Sampling, logits: &Tensor) -> [usize; 8] {
    tch::manual_seed(123);
    let mut counts = [0; 8];
    for _ in 0..100 {
        counts[sampling.choose(logits) as usize] += 1;
    }
    counts
}
