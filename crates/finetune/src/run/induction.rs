//! The weights that a model made on the spot starts from: GPT-2's, but for some heads that are set by hand (chapter 5.7).
//!
//! Most words of an answer are words of its question. What copies in a transformer is a pair of heads: one tells each position which
//! token came before it, the other looks for positions that came after the token at hand, and reads them. Left to itself a model
//! finds this late, and all at once; the minutes of this run are over before.

use anyhow::{Context, Result};
use model::gpt2::Gpt2;
use std::{collections::HashMap, f64::consts::PI};
use tch::{Device, Kind, Tensor};

/// The standard deviation of both embeddings. With 128 channels, GPT-2's 0.02 is too little: `x` of length `sqrt(C)` and an embedding of
/// length `0.02 sqrt(C)` make a logit of `0.02 C` at most, which is 15 in GPT-2 and 2.6 here.
const DEVIATION: f64 = 0.1;
/// Queries and keys of block 0, by which a position looks at the one before it.
const LOOKS_BACK: f64 = 2.0;
/// What block 0 says of the token before, beside the embedding of deviation 0.1.
const SAYS: f64 = 0.3;
/// Queries and keys of block 1, by which a token looks for the positions after its like.
const FINDS: f64 = 2.4;
/// What block 1 says of the token found there.
const COPIES: f64 = 1.0;

/// Redraws all parameters as [`initialize_as_gpt2`](Gpt2::initialize_as_gpt2) does, and sets the first half of the heads of blocks 0
/// and 1 so that together they continue what has been there before: where `A B` was followed by another text and then by `A`, they
/// raise the logit of `B`.
///
/// Row `t` of the position table holds `sin(w t)` and `cos(w t)` for `C / 2` frequencies `w`; so the row before is the same, rotated.
/// - Head `h` of block 0 asks with rotated positions for unrotated ones, which agree one position back. It reads `P_h x`, a slice of `D`
///   channels of the token there, and writes it along `P_(h + H / 2)`, where nobody who asks for `P_h` meets it.
/// - Head `h` of block 1 asks with `P_h x` for `P_(h + H / 2) x`, which agree where the token before is the token at hand. It reads
///   `R_h x`, and writes it back where it was.
///
/// `P` and `R` are random orthogonal matrices; `P_h` and `R_h` are the rows of one head. All of it is learned further, as are all
/// other weights.
///
/// # Errors
/// If the model has fewer than two blocks.
///
/// # Source
/// Olsson et al. 2022, "In-context Learning and Induction Heads" (<https://arxiv.org/abs/2209.11895>), for what such heads do; Trockman
/// and Kolter 2023, "Mimetic Initialization of Self-Attention Layers" (<https://arxiv.org/abs/2305.09828>), for starting from weights
/// that look like trained ones.
pub fn initialize_with_induction_heads(model: &Gpt2) -> Result<()> {
    let _guard = tch::no_grad_guard();
    model.initialize_as_gpt2();
    let config = &model.config;
    let (channels, width) = (config.channels, config.channels / config.heads);
    let parameters = model.store.variables();
    let drawn = |size: &[i64]| Tensor::randn(size, (Kind::Float, Device::Cpu));
    named(&parameters, "token.weight")?.copy_(&(drawn(&[config.vocab_size, channels]) * DEVIATION));
    named(&parameters, "position.weight")?.copy_(&positions(config.context, channels));
    let orthogonal = || Tensor::linalg_qr(&drawn(&[channels, channels]), "reduced").0;
    let [p, r] = [orthogonal(), orthogonal()];
    for head in 0..config.heads / 2 {
        let set = |block: i64, layer: &str, value: Tensor| -> Result<()> {
            let weight = named(&parameters, &format!("blocks.{block}.attention.{layer}.weight"))?;
            // A head is a slice of rows of what reads, and of columns of what writes.
            let along = i64::from(layer == "output");
            weight.narrow(along, head * width, width).copy_(&value);
            Ok(())
        };
        let slice = |matrix: &Tensor, head: i64| matrix.narrow(0, head * width, width); // [D, C]
        let (read, written) = (slice(&p, head), slice(&p, head + config.heads / 2));
        let copied = slice(&r, head);
        set(0, "query", shifted(head, width, channels, 1.0) * LOOKS_BACK)?;
        set(0, "key", shifted(head, width, channels, 0.0) * LOOKS_BACK)?;
        set(0, "value", read.shallow_clone())?;
        set(0, "output", written.tr() * SAYS)?;
        set(1, "query", read * FINDS)?;
        set(1, "key", written * FINDS)?;
        set(1, "value", copied.shallow_clone())?;
        set(1, "output", copied.tr() * COPIES)?;
    }
    Ok(())
}

/// Row `t` holds the sine and the cosine of `w t` for each frequency `w`: `[T, C]`.
fn positions(context: i64, channels: i64) -> Tensor {
    let row = |t: i64| {
        (0..channels / 2).flat_map(move |pair| {
            let (sine, cosine) = (frequency(pair, channels) * t as f64).sin_cos();
            [sine, cosine].map(|value| (2_f64.sqrt() * DEVIATION * value) as f32)
        })
    };
    let values: Vec<f32> = (0..context).flat_map(row).collect();
    Tensor::from_slice(&values).view([context, channels])
}

/// Evenly from slow to fast, so that a position agrees with its own row and hardly with its neighbors'.
fn frequency(pair: i64, channels: i64) -> f64 {
    PI * (pair as f64 + 0.5) / (channels / 2) as f64
}

/// What takes some of the pairs of channels from a row of the position table, turned back by so many rows: `[D, C]`.
fn shifted(head: i64, width: i64, channels: i64, rows: f64) -> Tensor {
    let matrix = Tensor::zeros([width, channels], (Kind::Float, Device::Cpu));
    let heads = channels / width;
    for pair in 0..width / 2 {
        let taken = pair * heads + head; // each head gets slow and fast ones
        let (sine, cosine) = (frequency(taken, channels) * rows).sin_cos();
        let turned = Tensor::from_slice(&[cosine, -sine, sine, cosine]).view([2, 2]);
        matrix.narrow(0, 2 * pair, 2).narrow(1, 2 * taken, 2).copy_(&turned);
    }
    matrix
}

fn named(parameters: &HashMap<String, Tensor>, name: &str) -> Result<Tensor> {
    let found = parameters.get(name).with_context(|| format!("the model has no {name}"))?;
    Ok(found.shallow_clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{config::Gpt2Config, trace::trace};
    use train::run::presets;

    fn model() -> Gpt2 {
        let tales = presets::find(presets::DEFAULT).expect("a preset").config;
        let config = Gpt2Config { vocab_size: 500, ..tales };
        let model = Gpt2::new(config, Device::Cpu).expect("a model");
        initialize_with_induction_heads(&model).expect("two blocks");
        model
    }

    /// Other tests draw from the same generator, so that no two runs of this one see the same models.
    #[test]
    fn before_any_training_one_pair_of_heads_reads_the_token_before_and_the_other_what_followed_the_same_token()
     {
        const ONCE: i64 = 16;
        let (mut before, mut again) = (0, 0);
        for _ in 0..8 {
            let ids = Tensor::randperm(500, (Kind::Int64, Device::Cpu)).narrow(0, 0, ONCE);
            let twice = Vec::<i64>::try_from(Tensor::cat(&[&ids, &ids], 0)).expect("ids");
            let most = trace(&model(), &twice).expect("a text").attention.argmax(-1, false); // [L, H, T]
            let places = Tensor::arange(2 * ONCE, (Kind::Int64, Device::Cpu));
            // How often the two heads of a block read, from place `first` on, the places from `read` on.
            let reads = |block: i64, first: i64, read: i64| {
                let count = 2 * ONCE - first;
                let most = most.get(block).narrow(0, 0, 2).narrow(1, first, count);
                most.eq_tensor(&places.narrow(0, read, count)).sum(Kind::Int64).int64_value(&[])
            };
            before += reads(0, 1, 0);
            again += reads(1, ONCE, 1);
        }
        assert!(before >= 300, "{before} of 496 read the token before, of which chance has 30");
        assert!(again >= 100, "{again} of 256 read what followed, of which chance has 11");
    }

    #[test]
    fn a_row_turned_back_is_the_row_before() {
        let table = positions(8, 16);
        for head in 0..2 {
            let now = table.matmul(&shifted(head, 8, 16, 1.0).tr()).narrow(0, 1, 7);
            let before = table.matmul(&shifted(head, 8, 16, 0.0).tr()).narrow(0, 0, 7);
            assert!(now.allclose(&before, 1e-5, 1e-6, false));
        }
    }

    #[test]
    fn a_model_of_one_block_has_no_place_for_the_pair() {
        let config = Gpt2Config { layers: 1, ..Gpt2Config::TINY };
        let model = Gpt2::new(config, Device::Cpu).expect("a model");
        let said = initialize_with_induction_heads(&model).expect_err("one block");
        assert_eq!(said.to_string(), "the model has no blocks.1.attention.query.weight");
    }
}
