//! Scores of the vocabulary, turned into their own gradient.
//!
//! Cross-entropy's gradient is the probabilities less 1 for each target. libtorch goes through the logits four times for it, and the
//! logits are the largest tensor of a step: 100 MB for 512 positions. Here they are fetched twice. Positions stand side by side, so
//! that neither sums nor largest logits have to be found across a register; and the product that makes the logits is a third faster
//! when it writes rows of 512 numbers than when it writes rows of 50,257, which begin anywhere. Both together took a twentieth off
//! a step of the 124M model.
//!
//! `cargo xtask bench train --only train-2x256` measures it.

#![expect(clippy::inline_always, reason = "compiled anew for registers of each width")]

use super::rows::Scored;
use model::{
    fast::{
        cpu::{
            bf16::Bf16,
            tensor_slice::{Number, with_slices_of},
            threads::parallel_for,
        },
        ops::functions::exp,
    },
    multiversion,
};
use tch::{Kind, Tensor};

/// Lines of the vocabulary that are worked on together: with 512 positions, what a processor's cache holds.
const LINES: usize = 64;

/// Of some lines, for each position: the largest logit, and the sum of all powers of e once it has been taken off.
struct Part<'a, N> {
    logits: &'a mut [N], // [lines, rows]
    largest: Vec<f32>,   // [rows]
    sum: Vec<f32>,       // [rows]
}

/// Replaces logits by the gradient of the loss, added up over all targets. Returns that loss.
///
/// # Shapes
/// - `logits`: `[V, rows]`, in float32 or bfloat16
///
/// # Source
/// Milakov and Gimelshein 2018 (<https://arxiv.org/abs/1805.02867>), section 3.1: parts of a softmax put together.
pub fn into_gradient(logits: &mut Tensor, scored: &Scored) -> f64 {
    let counts = &scored.counts;
    let of_targets = logits.index(&scored.targets).sum(Kind::Double).double_value(&[]);
    let of_all = if logits.kind() == Kind::BFloat16 {
        with_slices_of([], [&mut *logits], |[]: [&[f32]; 0], [logits]| {
            to_probabilities(logits, counts, measure_bf16, write_bf16)
        })
    } else {
        with_slices_of([], [&mut *logits], |[]: [&[f32]; 0], [logits]| {
            to_probabilities(logits, counts, measure_f32, write_f32)
        })
    };
    let minus_one = Tensor::from(-1.0_f32).to_kind(logits.kind());
    let _ = logits.index_put_(&scored.targets, &minus_one, true);
    of_all - of_targets
}

/// Replaces logits by probabilities, each position's times its count. Returns the logarithms of what softmax divided by, added up
/// for all targets.
///
/// # Shapes
/// - `logits`: `[V, rows]`, `counts`: `[rows]`
fn to_probabilities<N: Number>(
    logits: &mut [N],
    counts: &[f32],
    measure: fn(&mut Part<N>),
    write: fn(&mut [N], &[f32], &[f32]),
) -> f64 {
    let rows = counts.len();
    let mut parts: Vec<_> = logits
        .chunks_mut(LINES * rows)
        .map(|logits| Part { logits, largest: vec![f32::NEG_INFINITY; rows], sum: vec![0.0; rows] })
        .collect();
    parallel_for(parts.iter_mut().collect(), measure);
    let log_sums: Vec<f32> = (0..rows).map(|row| log_sum(&parts, row)).collect();
    parallel_for(parts, |part| write(part.logits, &log_sums, counts));
    log_sums.iter().zip(counts).map(|(sum, count)| f64::from(sum * count)).sum()
}

/// The logarithm of the sum of all powers of e of a position.
fn log_sum<N>(parts: &[Part<N>], row: usize) -> f32 {
    let largest =
        parts.iter().fold(f32::NEG_INFINITY, |largest, part| largest.max(part.largest[row]));
    let sum: f32 =
        parts.iter().map(|part| part.sum[row] * (part.largest[row] - largest).exp()).sum();
    largest + sum.ln()
}

/// Finds the largest logits, and the sums of the powers of e once they have been taken off.
#[inline(always)]
fn measure<N: Number>(part: &mut Part<N>) {
    let rows = part.largest.len();
    for line in part.logits.chunks_exact(rows) {
        for (largest, &logit) in part.largest.iter_mut().zip(line) {
            let logit = logit.widen();
            *largest = if logit > *largest { logit } else { *largest };
        }
    }
    for line in part.logits.chunks_exact(rows) {
        for ((logit, largest), sum) in line.iter().zip(&part.largest).zip(&mut part.sum) {
            *sum += exp(logit.widen() - largest);
        }
    }
}

/// Raises e to each logit, once the logarithm of the position's sum has been taken off, times the position's count.
///
/// What would be about as small as the smallest normal number becomes 0: with smaller ones a processor calculates many times slower.
#[inline(always)]
fn write<N: Number>(logits: &mut [N], log_sums: &[f32], counts: &[f32]) {
    for line in logits.chunks_exact_mut(counts.len()) {
        for ((logit, log_sum), count) in line.iter_mut().zip(log_sums).zip(counts) {
            let power = logit.widen() - log_sum;
            let probability = exp(power) * count;
            *logit = N::nearest(if power < -87.0 { 0.0 } else { probability });
        }
    }
}

multiversion! {
    fn measure_f32(part: &mut Part<f32>) = measure;
}

multiversion! {
    fn measure_bf16(part: &mut Part<Bf16>) = measure;
}

multiversion! {
    fn write_f32(logits: &mut [f32], log_sums: &[f32], counts: &[f32]) = write;
}

multiversion! {
    fn write_bf16(logits: &mut [Bf16], log_sums: &[f32], counts: &[f32]) = write;
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::fast::{
        cpu::simd::{narrowed, widths},
        twin::wave,
    };
    use tch::Device;

    #[test]
    fn the_gradient_is_the_probabilities_less_one_for_each_target() {
        let of_positions = wave(&[3, 150], 0).to_kind(Kind::Double) * 7.0; // [rows, V], in three parts
        // The second position has two targets, the third one the same target twice.
        let targets = [(4_i64, 0_i64), (149, 1), (70, 1), (8, 2), (8, 2)];
        let [ids, places] = [targets.map(|(id, _)| id), targets.map(|(_, place)| place)]
            .map(|n| Tensor::from_slice(&n));
        let log_probabilities = of_positions.log_softmax(1, Kind::Double);
        let counts = Tensor::from_slice(&[1.0, 2.0, 2.0]).unsqueeze(1);
        let (expected, expected_loss) = targets.iter().fold(
            (log_probabilities.exp() * &counts, 0.0),
            |(gradient, loss), &(id, place)| {
                let _ = gradient.get(place).get(id).g_sub_(&Tensor::from(1.0));
                (gradient, loss - log_probabilities.double_value(&[place, id]))
            },
        );
        let mut logits = of_positions.tr().contiguous().to_kind(Kind::Float);
        let scored = Scored {
            rows: Tensor::arange(3, (Kind::Int64, Device::Cpu)),
            counts: vec![1.0, 2.0, 2.0],
            targets: [Some(ids), Some(places)],
        };
        let mut rounded = logits.to_kind(Kind::BFloat16);
        for (logits, most) in [(&mut logits, 1e-6), (&mut rounded, 2e-2)] {
            let loss = into_gradient(logits, &scored);
            assert!((loss / expected_loss - 1.0).abs() < most, "{loss}, not {expected_loss}");
            let gap = (logits.tr() - &expected).abs().max().double_value(&[]);
            assert!(gap < most, "largest difference {gap:e}");
        }
    }

    #[test]
    fn no_probability_is_smaller_than_the_smallest_normal_number() {
        let mut logits =
            Tensor::from_slice(&[0.0_f32, -70.0, -95.0, -110.0]).unsqueeze(1).repeat([40, 1]); // [V, 1]
        let _ = logits.narrow(0, 1, 159).g_sub_(&Tensor::from(10.0));
        let one = || Some(Tensor::from_slice(&[0_i64]));
        let scored = Scored {
            rows: Tensor::from_slice(&[0_i64]),
            counts: vec![1.0],
            targets: [one(), one()],
        };
        into_gradient(&mut logits, &scored);
        let gradient = Vec::<f32>::try_from(logits.squeeze()).expect("numbers");
        assert!((gradient[1] * 80_f32.exp() - 1.0).abs() < 1e-2, "e^-80 can be had");
        assert!(gradient[2..4].iter().all(|number| *number < 2e-38), "e^-105 and e^-120 cannot");
        assert!(gradient.iter().all(|number| *number == 0.0 || number.is_normal()));
        assert!(gradient[150..].contains(&0.0), "the smallest numbers are none");
    }

    #[test]
    fn each_width_of_registers_gives_the_same_bits() {
        let logits: Vec<f32> = (0..13 * 37).map(|i| (i as f32 * 12.9898).sin() * 9.0).collect();
        let worked_out = || {
            let mut logits = logits.clone();
            let mut part = Part {
                logits: &mut logits,
                largest: vec![f32::NEG_INFINITY; 37],
                sum: vec![0.0; 37],
            };
            measure_f32(&mut part);
            let Part { largest, sum, .. } = part;
            let log_sums: Vec<f32> = sum.iter().map(|sum| 3.0 + sum.ln()).collect();
            write_f32(&mut logits, &log_sums, &sum);
            (logits, largest, sum)
        };
        for width in widths() {
            assert_eq!(
                narrowed(width, worked_out),
                narrowed(1, worked_out),
                "registers of {width}"
            );
        }
    }
}
