//! GELU and its slope, in loops of our own.
//!
//! libtorch's functions take 3 ns for a number, which is the hyperbolic tangent to the last digit; these take one power of e, of
//! which six digits are right. A step of the 124M model became a fiftieth shorter by them.
//!
//! `cargo xtask bench train --only train-2x256` measures it.

use model::{
    config::Gelu,
    fast::{
        cpu::{
            bf16::{Bf16, nearest, widen},
            tensor_slice::{with_slices, with_slices_of},
        },
        ops::layers::in_pieces,
    },
    multiversion,
};
use tch::{Kind, Tensor};

/// Turns the gradient of the output into that of the input `x`, in place.
///
/// # Shapes
/// - `x`, `gradient`: equal, both in float32 or both in bfloat16
pub fn backward(gelu: Gelu, x: &Tensor, mut gradient: Tensor) -> Tensor {
    if x.kind() == Kind::BFloat16 {
        with_slices_of([x], [&mut gradient], |[x], [gradient]| {
            in_pieces(x, gradient, |x, gradient| slope_bf16(gelu, x, gradient));
        });
    } else {
        with_slices([x], [&mut gradient], |[x], [gradient]| {
            in_pieces(x, gradient, |x, gradient| slope_f32(gelu, x, gradient));
        });
    }
    gradient
}

#[inline(always)]
fn slope(gelu: Gelu, x: &[Bf16], gradient: &mut [Bf16]) {
    const PIECE: usize = 256;
    for (x, gradient) in x.chunks(PIECE).zip(gradient.chunks_mut(PIECE)) {
        let [mut inputs, mut outputs] = [[0.0; PIECE]; 2];
        inputs.iter_mut().zip(x).for_each(|(number, x)| *number = widen(*x));
        outputs.iter_mut().zip(&*gradient).for_each(|(number, x)| *number = widen(*x));
        gelu.slope(&inputs, &mut outputs);
        gradient.iter_mut().zip(outputs).for_each(|(place, number)| *place = nearest(number));
    }
}

multiversion! {
    fn slope_f32(gelu: Gelu, x: &[f32], gradient: &mut [f32]) = Gelu::slope;
}

multiversion! {
    fn slope_bf16(gelu: Gelu, x: &[Bf16], gradient: &mut [Bf16]) = slope;
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::fast::ops::layers::gelu;
    use tch::{Device, Kind};

    #[test]
    fn value_and_slope_are_those_of_libtorch() {
        let x = Tensor::linspace(-12.0, 12.0, 50_001, (Kind::Float, Device::Cpu)); // several pieces
        let upstream = Tensor::linspace(1.0, 3.0, 50_001, (Kind::Float, Device::Cpu));
        let exact = x.to_kind(Kind::Double);
        for (form, name) in [(Gelu::Tanh, "tanh"), (Gelu::Exact, "none")] {
            let gap = |ours: Tensor, theirs: Tensor| (ours - theirs).abs().max().double_value(&[]);
            let of_values = gap(gelu(form, &x, x.empty_like()), exact.gelu(name));
            let of_slopes = gap(
                backward(form, &x, upstream.copy()),
                exact.gelu_backward(&upstream.to_kind(Kind::Double), name),
            );
            assert!(of_values < 2e-6 && of_slopes < 2e-6, "{form:?}: {of_values:e}, {of_slopes:e}");
            let [x, upstream] = [&x, &upstream].map(|x| x.to_kind(Kind::BFloat16));
            let [exact, dy] = [&x, &upstream].map(|x| x.to_kind(Kind::Double));
            let of_rounded = gap(backward(form, &x, upstream), exact.gelu_backward(&dy, name));
            assert!(of_rounded < 3.5 / 256.0, "{form:?} in bfloat16: {of_rounded:e}"); // of up to 3.4
        }
    }

    #[test]
    fn no_result_is_smaller_than_the_smallest_normal_number() {
        let x = Tensor::linspace(-40.0, 0.0, 40_001, (Kind::Float, Device::Cpu));
        for form in [Gelu::Tanh, Gelu::Exact] {
            for result in [gelu(form, &x, x.empty_like()), backward(form, &x, x.ones_like())] {
                let numbers = Vec::<f32>::try_from(result).expect("a vector");
                assert!(numbers.iter().all(|x| *x == 0.0 || x.is_normal()), "{form:?}");
            }
        }
    }
}
