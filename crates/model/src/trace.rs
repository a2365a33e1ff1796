//! Looking inside (chapter 3.9): the forward pass once more, keeping what it passes through.

use crate::{block::Block, gpt2::Gpt2};
use anyhow::{Result, ensure};
use attention::{attend::attention_weights, mask::causal_mask};
use tch::{Kind, Tensor};

/// Positions that are kept at most: at 1,024 the weights of GPT-2 small's 144 heads would take 0.6 GB.
pub const MOST_POSITIONS: i64 = 256;
/// So many of the likeliest tokens are kept for each position at each depth.
pub const LIKELIEST: i64 = 10;

/// What a text leaves behind on its way through a model.
#[derive(Debug)]
pub struct Trace {
    /// How much each position reads from each: `[L, H, T, T]`, readers in rows that sum to 1.
    pub attention: Tensor,
    /// The residual stream before each block and behind the last: `[L + 1, T, C]`.
    pub residual: Tensor,
    /// The likeliest next tokens if the head read the stream at this depth, the first the most probable: `[L + 1, T, 10]`.
    pub lens_ids: Tensor,
    /// The probability of each of them: `[L + 1, T, 10]`.
    pub lens_probabilities: Tensor,
}

/// Sends a text through the model and keeps what it passes through.
///
/// The numbers are those of [`Gpt2::hidden`] with attention spelled out, which has the weights that the fused kernel never stores.
///
/// # Errors
/// If there is no id, one is outside the vocabulary, or there are more than the context or [`MOST_POSITIONS`].
///
/// # Source
/// nostalgebraist 2020, "interpreting GPT: the logit lens"
/// (<https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru/interpreting-gpt-the-logit-lens>): the final norm and the head read the stream
/// behind every block.
pub fn trace(model: &Gpt2, ids: &[i64]) -> Result<Trace> {
    let t = ids.len() as i64;
    ensure!(t <= MOST_POSITIONS, "{t} positions are too many to keep; give {MOST_POSITIONS}");
    let ids = Tensor::from_slice(ids).unsqueeze(0).to_device(model.store.device()); // [1, T]
    model.check_ids(&ids, 0)?;
    let _guard = tch::no_grad_guard();
    let (mut attention, mut residual) = (Vec::new(), vec![model.embed.forward(&ids, 0)]); // [1, T, C]
    for (depth, block) in model.blocks.iter().enumerate() {
        let (weights, after) = pass(block, &residual[depth]); // [1, H, T, T], [1, T, C]
        attention.push(weights);
        residual.push(after);
    }
    let (lens_probabilities, lens_ids) = logit_lens(model, &residual); // [L + 1, T, 10]
    let (attention, residual) = (Tensor::cat(&attention, 0), Tensor::cat(&residual, 0));
    Ok(Trace { attention, residual, lens_ids, lens_probabilities })
}

/// [`Block::forward`] without cache and dropout, its weights spelled out.
///
/// # Shapes
/// - `x`: `[B, T, C]`
/// - returns the weights, `[B, H, T, T]`, and the stream behind the block, `[B, T, C]`
fn pass(block: &Block, x: &Tensor) -> (Tensor, Tensor) {
    let (q, k, v) = block.attention.project(&block.norm1.forward(x)); // [B, H, T, D]
    let t = q.size()[2];
    let weights = attention_weights(&q, &k, Some(&causal_mask(t, t, q.device()))); // [B, H, T, T]
    let mixed = weights.matmul(&v).transpose(1, 2).reshape(x.size()); // [B, T, C]
    let x = x + block.attention.w_o.forward(&mixed);
    let processed = block.feed_forward.forward(&block.norm2.forward(&x));
    (weights, &x + processed)
}

/// What the head would say at each depth, as if the blocks behind it were not there.
///
/// # Shapes
/// - `residual`: `L + 1` times `[1, T, C]`
/// - returns probabilities and ids, each `[L + 1, T, 10]`, fewer where the vocabulary is smaller
fn logit_lens(model: &Gpt2, residual: &[Tensor]) -> (Tensor, Tensor) {
    let likeliest = LIKELIEST.min(model.config.vocab_size);
    let (mut probabilities, mut ids) = (Vec::new(), Vec::new());
    for stream in residual {
        let logits = model.logits(&model.norm.forward(stream)); // [1, T, V]
        let (highest, order) = logits.softmax(-1, Kind::Float).topk(likeliest, -1, true, true);
        probabilities.push(highest);
        ids.push(order);
    }
    (Tensor::cat(&probabilities, 0), Tensor::cat(&ids, 0))
}
