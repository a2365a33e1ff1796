//! What stands between the products, for one position: norm, GELU, softmax, over plain numbers.
//!
//! The loops have no branches and no calls in them, so that the compiler makes vector instructions of them on any processor.

use crate::config::Gelu;

/// The sum of all numbers, in lanes: a single running sum could not be computed several numbers at a time.
fn sum(numbers: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = numbers.as_chunks::<16>();
    let mut lanes = [0.0; 16];
    for chunk in chunks {
        for (lane, &number) in lanes.iter_mut().zip(chunk) {
            *lane += of(number);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|&number| of(number)).sum::<f32>()
}

/// Layer normalisation, as [`LayerNorm::forward`](crate::norm::LayerNorm::forward).
///
/// # Shapes
/// - `x`, `weight`, `bias`, `out`: `[C]`
pub fn normalise(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f64, out: &mut [f32]) {
    let mean = sum(x, |x| x) / x.len() as f32;
    let variance = sum(x, |x| (x - mean) * (x - mean)) / x.len() as f32;
    let scale = 1.0 / (variance + epsilon as f32).sqrt();
    for (((out, x), weight), bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
        *out = (x - mean) * scale * weight + bias;
    }
}

/// Turns scores into weights above 0 that sum to 1.
pub fn softmax(scores: &mut [f32], factor: f32) {
    let largest =
        scores.iter().fold(f32::NEG_INFINITY, |largest, &score| if score > largest { score } else { largest });
    for score in &mut *scores {
        *score = exp((*score - largest) * factor);
    }
    let share = 1.0 / sum(scores, |weight| weight);
    for weight in scores {
        *weight *= share;
    }
}

impl Gelu {
    /// Applies the activation to each number, as [`Gelu::forward`] does to tensors.
    ///
    /// # Source
    /// `(1 + tanh u) / 2 = 1 / (1 + e^(-2u))`. The error function is formula 7.1.26 of Abramowitz and Stegun, Handbook of
    /// Mathematical Functions, whose error stays below 1.5e-7.
    pub fn apply(self, numbers: &mut [f32]) {
        match self {
            Self::Tanh => {
                let factor = -2.0 * std::f32::consts::FRAC_2_PI.sqrt();
                for x in numbers {
                    *x /= 1.0 + exp(factor * (*x + 0.044_715 * *x * *x * *x));
                }
            }
            Self::Exact => {
                for x in numbers {
                    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
                    let t = 1.0 / (1.0 + 0.327_591_1 * z);
                    let series = [-1.453_152_f32, 1.421_413_7, -0.284_496_72, 0.254_829_6];
                    let tail = t * series.iter().fold(1.061_405_4, |sum, term| sum * t + term) * exp(-z * z); // 1 - erf z
                    // Below zero the share of the normal distribution is half the tail, above it all but that.
                    *x = if *x < 0.0 { 0.5 * *x * tail } else { *x - 0.5 * *x * tail };
                }
            }
        }
    }
}

/// `e^x` between the smallest normal number and the largest, with a relative error below 3e-7.
///
/// # Source
/// `e^x = 2^n e^r` with `n` the whole number nearest to `x / ln 2`; for `r`, at most `ln 2 / 2`, Taylor's series up to `r^7 / 7!`.
#[expect(clippy::inline_always, reason = "a part of loops that are compiled anew for registers of each width")]
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to a whole number, which stands in the lowest bits
    let x = x.clamp(-87.3, 88.7);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4; // ln 2 in two parts, the first short enough for an exact product
    let series = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0_f32];
    let e_to_r = series.iter().fold(1.0 / 5040.0, |sum, term| sum * r + term);
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()) << 23;
    f32::from_bits(e_to_r.to_bits().wrapping_add(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From -200 to 200, close together around zero.
    fn numbers() -> Vec<f32> {
        (-2000..=2000).map(|i| (i as f32 / 1000.0).powi(5) * 6.25).collect()
    }

    #[test]
    fn the_exponential_is_that_of_the_standard_library() {
        for x in numbers() {
            let exact = f64::from(x.clamp(-87.3, 88.7)).exp();
            let gap = (f64::from(exp(x)) / exact - 1.0).abs();
            assert!(gap < 3e-7, "e^{x}: relative difference {gap:e}");
        }
    }

    #[test]
    fn both_forms_of_gelu_are_those_of_tensors() {
        for form in [Gelu::Exact, Gelu::Tanh] {
            let exact = form.forward(&tch::Tensor::from_slice(&numbers()).to_kind(tch::Kind::Double));
            let mut ours = numbers();
            form.apply(&mut ours);
            for ((x, ours), exact) in numbers().iter().zip(ours).zip(Vec::<f64>::try_from(exact).expect("a vector")) {
                let gap = (f64::from(ours) - exact).abs() / exact.abs().max(1.0);
                assert!(gap < 3e-7, "{form:?} of {x}: difference {gap:e}");
            }
        }
    }

    #[test]
    fn softmax_and_norm_worked_out_on_paper() {
        // e^0 = 1 and e^(ln 3) = 3, whatever is added to both.
        let mut scores = [1000.0, 1000.0 + 2.0 * 3_f32.ln()];
        softmax(&mut scores, 0.5);
        assert!((scores[0] - 0.25).abs() < 1e-4 && (scores[1] - 0.75).abs() < 1e-4, "{scores:?}");
        // Mean 2, variance 1; with an epsilon of 3 the root is 2.
        let mut out = [0.0; 2];
        normalise(&[1.0, 3.0], &[2.0, 4.0], &[0.25, 0.5], 3.0, &mut out);
        assert!((out[0] + 0.75).abs() < 1e-6 && (out[1] - 2.5).abs() < 1e-6, "{out:?}");
    }
}
