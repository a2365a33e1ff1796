//! What is between the products, over plain numbers: norm, GELU, softmax.
//!
//! The loops have no branches and no calls in them, so that the compiler makes vector instructions of them on any processor. Training
//! and the reading of prompts compile them anew for wider registers.
//!
//! GELU alone takes a fiftieth off a step of the 124M model, and is a part of the 12 % that a prompt of 512 tokens gains over operators:
//! `cargo xtask bench train --only train-2x256` and `cargo xtask bench prefill` measure it.

#![expect(
    clippy::inline_always,
    reason = "compiled anew within each function for which other instructions are allowed"
)]

use crate::{config::Gelu, multiversion};

/// The sum of all numbers, in lanes: a single running sum could not be computed several numbers at a time.
#[inline(always)]
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

/// Layer normalization, as [`LayerNorm::forward`](crate::norm::LayerNorm::forward).
///
/// # Shapes
/// - `x`, `weight`, `bias`, `out`: `[C]`
#[inline(always)]
pub fn normalize(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f64, out: &mut [f32]) {
    let mean = sum(x, |x| x) / x.len() as f32;
    let variance = sum(x, |x| (x - mean) * (x - mean)) / x.len() as f32;
    let scale = 1.0 / (variance + epsilon as f32).sqrt();
    for (((out, x), weight), bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
        *out = (x - mean) * scale * weight + bias;
    }
}

multiversion! {
    /// The same in registers as wide as the processor has.
    pub fn normalize_simd(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f64, out: &mut [f32]) = normalize;
}

/// The gradient of [`normalize`]: the input's is added to `dx`, those of weight and bias to `d_weight` and `d_bias`.
///
/// With `g = dy w` and `x̂ = (x - mean) / deviation`, the input's is `(g - mean(g) - x̂ mean(g x̂)) / deviation`.
///
/// # Shapes
/// - `x`, `dy`, `weight`, `dx`, `d_weight`, `d_bias`: `[C]`
///
/// # Source
/// Ba et al. 2016 (<https://arxiv.org/abs/1607.06450>), equation 4, differentiated: a common shift of the channels changes nothing,
/// nor does a common factor, so what points there is taken out.
#[inline(always)]
pub fn normalize_backward(
    [x, dy, weight]: [&[f32]; 3],
    epsilon: f64,
    [dx, d_weight, d_bias]: [&mut [f32]; 3],
) {
    let channels = x.len() as f32;
    let mean = sum(x, |x| x) / channels;
    let scale = 1.0 / (sum(x, |x| (x - mean) * (x - mean)) / channels + epsilon as f32).sqrt();
    let (shift, stretch) = shift_and_stretch(x, dy, weight, mean);
    let (shift, stretch) = (shift / channels, stretch * scale / channels);
    let given = x.iter().zip(dy).zip(weight);
    let gradients = dx.iter_mut().zip(d_weight).zip(d_bias);
    for (((x, dy), weight), ((dx, d_weight), d_bias)) in given.zip(gradients) {
        let normal = (x - mean) * scale;
        *d_weight += dy * normal;
        *d_bias += dy;
        *dx += (dy * weight - shift - normal * stretch) * scale;
    }
}

/// The sum of `g = dy w`, and that of `g (x - mean)`, in lanes.
#[inline(always)]
fn shift_and_stretch(x: &[f32], dy: &[f32], weight: &[f32], mean: f32) -> (f32, f32) {
    let [(x, x_rest), (dy, dy_rest), (weight, weight_rest)] =
        [x, dy, weight].map(|numbers| numbers.as_chunks::<16>());
    let (mut shifts, mut stretches) = ([0.0_f32; 16], [0.0_f32; 16]);
    for ((x, dy), weight) in x.iter().zip(dy).zip(weight) {
        let lanes = shifts.iter_mut().zip(&mut stretches);
        for (((x, dy), weight), (shift, stretch)) in x.iter().zip(dy).zip(weight).zip(lanes) {
            *shift += dy * weight;
            *stretch += dy * weight * (x - mean);
        }
    }
    let (mut shift, mut stretch) = (shifts.iter().sum::<f32>(), stretches.iter().sum::<f32>());
    for ((x, dy), weight) in x_rest.iter().zip(dy_rest).zip(weight_rest) {
        shift += dy * weight;
        stretch += dy * weight * (x - mean);
    }
    (shift, stretch)
}

multiversion! {
    /// The same in registers as wide as the processor has.
    pub fn normalize_backward_simd(given: [&[f32]; 3], epsilon: f64, gradients: [&mut [f32]; 3]) = normalize_backward;
}

/// Turns scores into weights above 0 that sum to 1.
pub fn softmax(scores: &mut [f32], factor: f32) {
    let largest = scores
        .iter()
        .fold(f32::NEG_INFINITY, |largest, &score| if score > largest { score } else { largest });
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
    #[inline(always)]
    pub fn apply(self, numbers: &mut [f32]) {
        match self {
            Self::Tanh => numbers.iter_mut().for_each(|x| *x *= tanh_share(*x).0),
            Self::Exact => numbers.iter_mut().for_each(|x| *x *= normal_share(*x).0),
        }
    }

    /// Applies it in registers as wide as the processor has.
    ///
    /// libtorch's function takes 3 ns for a number, which is the hyperbolic tangent to the last digit; this takes one power of e, of
    /// which six digits are right.
    pub fn apply_simd(self, numbers: &mut [f32]) {
        apply_simd(self, numbers);
    }

    /// Multiplies each gradient by the slope of the activation at its input.
    ///
    /// # Shapes
    /// - `x`, `gradient`: equally long
    #[inline(always)]
    pub fn slope(self, x: &[f32], gradient: &mut [f32]) {
        let pairs = gradient.iter_mut().zip(x);
        match self {
            Self::Tanh => pairs.for_each(|(gradient, &x)| {
                let (share, rest) = tanh_share(x);
                let steepness = 2.0 * TANH_FACTOR * (1.0 + 3.0 * TANH_CUBE * x * x);
                *gradient *= share + x * share * rest * steepness;
            }),
            Self::Exact => pairs.for_each(|(gradient, &x)| {
                let (share, density) = normal_share(x);
                *gradient *= share + x * density;
            }),
        }
    }
}

multiversion! {
    fn apply_simd(gelu: Gelu, numbers: &mut [f32]) = Gelu::apply;
}

const TANH_FACTOR: f32 = 0.797_884_6; // sqrt(2 / π)
const TANH_CUBE: f32 = 0.044_715;

/// What the `tanh` form multiplies `x` by: `(1 + tanh u) / 2 = 1 / (1 + e^(-2u))` with `u = sqrt(2 / π) (x + 0.044715 x³)`;
/// and what is left to 1, of which a difference would leave few digits.
#[inline(always)]
fn tanh_share(x: f32) -> (f32, f32) {
    let power = -2.0 * TANH_FACTOR * (x + TANH_CUBE * x * x * x);
    let odds = exp(power.clamp(-80.0, 80.0)); // far from numbers so small that a processor calculates slowly with them
    let share = 1.0 / (1.0 + odds);
    (share, odds * share)
}

/// What the exact form multiplies `x` by: the share `Φ(x)` of a normal distribution below it; and the density there.
///
/// # Source
/// The error function is formula 7.1.26 of Abramowitz and Stegun, Handbook of Mathematical Functions, whose error stays below
/// 1.5e-7.
#[inline(always)]
fn normal_share(x: f32) -> (f32, f32) {
    const TALLEST: f32 = 0.398_942_3; // 1 / sqrt(2 π)
    let bell = exp((-0.5 * x * x).max(-80.0)); // as above
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs() * std::f32::consts::FRAC_1_SQRT_2);
    let series = [-1.453_152_f32, 1.421_413_7, -0.284_496_72, 0.254_829_6];
    let tail = 0.5 * t * series.iter().fold(1.061_405_4, |sum, term| sum * t + term) * bell;
    (if x < 0.0 { tail } else { 1.0 - tail }, TALLEST * bell)
}

/// `e^x` between the smallest normal number and the largest, with a relative error below 3e-7.
///
/// # Source
/// `e^x = 2^n e^r` with `n` the whole number nearest to `x / ln 2`; for `r`, at most `ln 2 / 2`, Taylor's series up to `r^7 / 7!`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it rounds to a whole number, which is then in the lowest bits
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
            let exact =
                form.forward(&tch::Tensor::from_slice(&numbers()).to_kind(tch::Kind::Double));
            let mut ours = numbers();
            form.apply(&mut ours);
            for ((x, ours), exact) in
                numbers().iter().zip(ours).zip(Vec::<f64>::try_from(exact).expect("a vector"))
            {
                let gap = (f64::from(ours) - exact).abs() / exact.abs().max(1.0);
                assert!(gap < 3e-7, "{form:?} of {x}: difference {gap:e}");
            }
        }
    }

    #[test]
    fn the_gradient_of_a_norm_is_that_of_autograd() {
        let drawn = |number| crate::fast::twin::wave(&[37], number); // two groups of lanes and a rest
        let [x, weight, bias] = [0, 1, 2].map(|number| drawn(number).set_requires_grad(true));
        let dy = drawn(3);
        let y = x.layer_norm([37], Some(&weight), Some(&bias), 1e-5, false);
        (y * &dy).sum(tch::Kind::Float).backward();
        let numbers = |x: &tch::Tensor| Vec::<f32>::try_from(x.detach()).expect("a vector");
        let given = [&x, &dy, &weight].map(numbers);
        let mut gradients = [(); 3].map(|()| vec![0.5; 37]);
        let places = gradients.each_mut().map(|gradient| &mut gradient[..]);
        normalize_backward(given.each_ref().map(|numbers| &numbers[..]), 1e-5, places);
        for (name, ours, expected) in [
            ("input", &gradients[0], x.grad()),
            ("weight", &gradients[1], weight.grad()),
            ("bias", &gradients[2], bias.grad()),
        ] {
            for (ours, expected) in ours.iter().zip(numbers(&expected)) {
                assert!((ours - 0.5 - expected).abs() < 1e-5, "{name}: {ours}, not {expected}");
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
        normalize(&[1.0, 3.0], &[2.0, 4.0], &[0.25, 0.5], 3.0, &mut out);
        assert!((out[0] + 0.75).abs() < 1e-6 && (out[1] - 2.5).abs() < 1e-6, "{out:?}");
    }
}
