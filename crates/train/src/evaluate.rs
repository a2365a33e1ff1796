//! How well the model does on what it does not learn from (chapter 4.3).

use crate::{
    examples::Examples,
    loss::{IGNORED, mean_loss},
};
use anyhow::{Result, ensure};
use model::gpt2::Gpt2;
use std::f64::consts::LN_2;
use tch::Tensor;

/// The mean loss of some examples, with dropout off: of all if `batches` is 0, else of so many batches, spread evenly over the
/// examples, and the same at each measurement.
///
/// # Errors
/// If the examples hold no target.
pub fn evaluate(
    model: &Gpt2,
    examples: &dyn Examples,
    batch_size: usize,
    batches: usize,
) -> Result<f64> {
    let len = examples.len();
    let measured = if batches == 0 { len } else { len.min(batches.saturating_mul(batch_size)) };
    let items: Vec<usize> = (0..measured).map(|index| index * len / measured).collect();
    let device = model.store.device();
    let batches = items.chunks(batch_size).map(|items| {
        let (inputs, targets) = examples.batch(items);
        (inputs.to_device(device), targets.to_device(device))
    });
    mean_loss(model, batches)
}

/// The mean loss of a text of any length: windows of the whole context move on by `stride` ids, and each id but the first counts once,
/// in the first window that reaches it. With a small stride every id has much text before it, and there are more windows to compute.
///
/// # Units
/// Nats per token.
///
/// # Errors
/// If there are fewer than two ids, or the stride leaves ids out.
///
/// # Source
/// "Perplexity of fixed-length models" in the documentation of transformers.
///
/// # Differs
/// There the mean gives each window one token too few as its weight; here all tokens weigh the same.
pub fn sliding_loss(
    model: &Gpt2,
    ids: &[i64],
    stride: usize,
    mut tell: impl FnMut(),
) -> Result<f64> {
    let context = model.config.context as usize;
    ensure!(ids.len() >= 2, "a text of {} tokens has nothing to be predicted", ids.len());
    ensure!(
        (1..context).contains(&stride),
        "stride is {stride}; it must be from 1 to {}",
        context - 1
    );
    let windows = windows(ids.len(), context, stride).into_iter().map(|(begin, end, counted)| {
        tell();
        let mut targets = ids[begin + 1..end].to_vec();
        targets[..counted - begin - 1].fill(IGNORED);
        let row =
            |ids: &[i64]| Tensor::from_slice(ids).unsqueeze(0).to_device(model.store.device());
        (row(&ids[begin..end - 1]), row(&targets)) // [1, T], [1, T]
    });
    mean_loss(model, windows)
}

/// Where each window over a text of so many ids begins and ends, and the first id that counts in it.
pub fn windows(length: usize, context: usize, stride: usize) -> Vec<(usize, usize, usize)> {
    let (mut begin, mut counted) = (0, 1);
    let mut windows = Vec::new();
    while counted < length {
        let end = length.min(begin + context);
        windows.push((begin, end, counted));
        counted = end;
        begin += stride;
    }
    windows
}

/// A mean loss in nats per token as bits for each byte of the text, which compares models whatever their tokenizers are.
///
/// # Source
/// Gao et al. 2020, "The Pile" (<https://arxiv.org/abs/2101.00027>), section 3.1.
pub fn bits_per_byte(loss: f64, bytes_per_token: f64) -> f64 {
    loss / LN_2 / bytes_per_token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_but_the_first_counts_once_and_windows_are_full() {
        for (length, context, stride) in [(2, 8, 4), (8, 8, 4), (9, 8, 4), (100, 8, 3), (50, 8, 7)]
        {
            let windows = windows(length, context, stride);
            let mut counted = 1;
            for &(begin, end, first) in &windows {
                assert_eq!(first, counted);
                assert!(begin < first && first < end && end - begin <= context);
                counted = end;
            }
            assert_eq!(counted, length);
            assert!(windows.iter().rev().skip(1).all(|(begin, end, _)| end - begin == context));
        }
    }

    #[test]
    fn a_bit_for_each_of_two_bytes_is_two_bits_for_their_token() {
        assert!((bits_per_byte(2.0 * LN_2, 2.0) - 1.0).abs() < 1e-12);
    }
}
