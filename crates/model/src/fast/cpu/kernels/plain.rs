//! The kernels for every processor; what the others must equal.

use super::{BLOCK, INPUTS_OF_A_SCALE, LANE, Quantized};
use crate::fast::cpu::bf16::widen;
use std::array;

/// Lanes of sums that the compiler can keep in vector registers of any processor.
const SUMS: usize = 8;

pub fn f32<const ROWS: usize>(rows: &[f32], x: &[f32]) -> [f32; ROWS] {
    dot(rows, x, |w| w)
}

pub fn bf16<const ROWS: usize>(rows: &[half::bf16], x: &[f32]) -> [f32; ROWS] {
    dot(rows, x, widen)
}

fn dot<W: Copy, const ROWS: usize>(rows: &[W], x: &[f32], widen: impl Fn(W) -> f32) -> [f32; ROWS] {
    array::from_fn(|row| {
        let (chunks, rest) = rows[row * x.len()..][..x.len()].as_chunks::<SUMS>();
        let (x_chunks, x_rest) = x.as_chunks::<SUMS>();
        let mut sums = [0.0; SUMS];
        for (w, x) in chunks.iter().zip(x_chunks) {
            for lane in 0..SUMS {
                sums[lane] += widen(w[lane]) * x[lane];
            }
        }
        sums.iter().sum::<f32>() + rest.iter().zip(x_rest).map(|(&w, x)| widen(w) * x).sum::<f32>()
    })
}

pub fn int8<const ROWS: usize>((rows, scales): (&[u8], &[f32]), x: &Quantized) -> [f32; ROWS] {
    const GROUP: usize = INPUTS_OF_A_SCALE;
    let inputs = x.values.len();
    array::from_fn(|row| {
        let groups = rows[row * inputs..][..inputs]
            .as_chunks::<GROUP>()
            .0
            .iter()
            .zip(x.values.as_chunks::<GROUP>().0);
        let mut sum = 0.0;
        // The bit takes 128 off; sums wrap around, which they never do, because a check for that would be made for each.
        for (group, (weights, values)) in groups.enumerate() {
            let products = weights
                .iter()
                .zip(values)
                .map(|(&w, &x)| i32::from((w ^ 128) as i8) * i32::from(x));
            let scale = scales[row * (inputs / BLOCK) + group * GROUP / BLOCK]
                * x.scales[group * GROUP / LANE];
            sum += products.fold(0, i32::wrapping_add) as f32 * scale;
        }
        sum
    })
}

pub fn weighted_sum<const ROWS: usize>(
    weights: &[f32; ROWS],
    rows: &[f32],
    stride: usize,
    out: &mut [f32],
) {
    for (row, weight) in weights.iter().enumerate() {
        for (out, value) in out.iter_mut().zip(&rows[row * stride..]) {
            *out += weight * value;
        }
    }
}
