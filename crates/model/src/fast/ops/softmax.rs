//! Softmax of a row of scores, and the way back.
//!
//! A part of [attention](super::flash_attention) and of what it gains.

#![expect(clippy::inline_always, reason = "compiled anew for registers of each width")]

use super::functions::exp;
use crate::multiversion;

/// Sums that are kept side by side, so that the width of the registers changes no bit.
const LANES: usize = 16;

/// Raises e to scores times `factor`, less the largest. Returns that one, and the sum.
#[inline(always)]
fn softmax(scores: &mut [f32], factor: f32) -> (f32, f32) {
    let (chunks, rest) = scores.as_chunks_mut::<LANES>();
    let mut largest = [f32::NEG_INFINITY; LANES];
    for chunk in &*chunks {
        for (largest, &score) in largest.iter_mut().zip(chunk) {
            *largest = if score > *largest { score } else { *largest };
        }
    }
    let largest =
        largest.iter().chain(&*rest).fold(f32::NEG_INFINITY, |largest, score| largest.max(*score))
            * factor;
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for (sum, score) in sums.iter_mut().zip(chunk) {
            *score = power(*score * factor - largest);
            *sum += *score;
        }
    }
    for (sum, score) in sums.iter_mut().zip(rest) {
        *score = power(*score * factor - largest);
        *sum += *score;
    }
    (largest, sums.iter().sum())
}

/// Turns scores into weights, and what is said about the weights into what is said about the scores.
#[inline(always)]
fn softmax_backward(weights: &mut [f32], slopes: &mut [f32], factor: f32, log_sum: f32, dot: f32) {
    for (weight, slope) in weights.iter_mut().zip(slopes) {
        *weight = power(*weight * factor - log_sum);
        *slope = *weight * (*slope - dot) * factor;
    }
}

/// `e^x`, and nothing where that would be lost beside 1: products of numbers so small would be too small to calculate with fast.
#[inline(always)]
fn power(x: f32) -> f32 {
    if x > -60.0 { exp(x) } else { 0.0 }
}

#[inline(always)]
fn dot(left: &[f32], right: &[f32]) -> f32 {
    let ((left, left_rest), (right, right_rest)) =
        (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (left, right) in left.iter().zip(right) {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum = left.mul_add(*right, *sum);
        }
    }
    for ((sum, left), right) in sums.iter_mut().zip(left_rest).zip(right_rest) {
        *sum = left.mul_add(*right, *sum);
    }
    sums.iter().sum()
}

multiversion! {
    pub fn softmax_simd(scores: &mut [f32], factor: f32) -> (f32, f32) = softmax;
}

multiversion! {
    pub fn softmax_backward_simd(weights: &mut [f32], slopes: &mut [f32], factor: f32, log_sum: f32, dot: f32) = softmax_backward;
}

multiversion! {
    pub fn dot_simd(left: &[f32], right: &[f32]) -> f32 = dot;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fast::cpu::simd::{narrowed, widths};

    #[test]
    fn no_weight_and_no_slope_is_nearly_nothing() {
        let scores: Vec<f32> = (0..100).map(|i| -2.0 * i as f32).collect();
        let (mut weights, mut after, mut slopes) = (scores.clone(), scores, vec![1e-6; 100]);
        let (largest, sum) = softmax_simd(&mut weights, 1.0);
        softmax_backward_simd(&mut after, &mut slopes, 1.0, largest + sum.ln(), 0.0);
        for numbers in [weights, after, slopes] {
            assert!(numbers[29] > 0.0, "e^-58 can be had");
            assert!(numbers.iter().all(|number| *number == 0.0 || *number > 1e-33), "{numbers:?}");
        }
    }

    #[test]
    fn each_width_of_registers_gives_the_same_bits() {
        let numbers: Vec<f32> = (0..210).map(|i| (i as f32 * 12.9898).sin()).collect();
        let results = || {
            let (mut scores, mut weights, mut slopes) =
                (numbers.clone(), numbers.clone(), numbers.clone());
            let softened = softmax_simd(&mut scores, 0.3);
            softmax_backward_simd(&mut weights, &mut slopes, 0.3, 0.2, 0.1);
            (softened, scores, weights, slopes, dot_simd(&numbers, &numbers))
        };
        for width in widths() {
            assert_eq!(narrowed(width, results), narrowed(1, results), "registers of {width}");
        }
    }
}
