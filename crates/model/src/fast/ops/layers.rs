//! Layers over many rows at once: what the reading of a prompt and training's way forward are made of.
//!
//! An input is brought to the type of the weight that it meets, float32 or bfloat16. What goes from one product to the next, queries,
//! keys and values, and the inside of a feed-forward network, stays in that type; norms and the residual stream are in float32.
//!
//! Each writes where it is told to, a bias is where the sums of a product begin, and what goes into the residual stream is added there.
//! For what [prompts](crate::fast::decode) and training gain.

use crate::{
    config::Gelu,
    fast::{
        cpu::{
            bf16::Bf16,
            tensor_slice::{Number, to_f32_vec, with_slices, with_slices_of},
            threads::parallel_for,
        },
        ops::{
            functions::normalize_simd,
            matmul::{matmul, matmul_add},
        },
        weights::LinearWeights,
    },
    multiversion,
};
use tch::{Kind, Tensor};

/// Numbers in a piece of work.
const PIECE: usize = 1 << 14;
/// Rows in a piece of work that goes by rows.
const ROWS: usize = 4;
/// The same for norms.
const NORM_ROWS: usize = 32;

/// `y = x Wᵀ + b`, written into `place`.
///
/// # Shapes
/// - `x`: `[rows, inputs]`
/// - `weight`: `[outputs, inputs]`, `bias`: `[outputs]`
/// - `place`: `[rows, outputs]`
///
/// # Panics
/// If the shapes do not fit each other.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, mut place: Tensor) -> Tensor {
    match bias {
        Some(bias) => {
            place.copy_(bias); // the same for each row
            matmul_add(&place, &x.to_kind(weight.kind()), &weight.tr());
        }
        None => matmul(&place, &x.to_kind(weight.kind()), &weight.tr()),
    }
    place
}

/// `y = x Wᵀ + b` in bfloat16, the type of the weight, into new memory: for an operator that reads that.
///
/// # Shapes
/// As in [`linear`].
///
/// # Panics
/// If the shapes do not fit each other.
pub fn linear_rounded(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
    let (kind, factor) = (weight.kind(), weight.tr());
    let x = x.to_kind(kind);
    bias.map_or_else(|| x.mm(&factor), |bias| bias.to_kind(kind).addmm(&x, &factor))
}

/// `stream + y` for the same `y`, written into `place`.
///
/// # Shapes
/// - `stream`, `place`: `[rows, outputs]`
///
/// # Panics
/// If the shapes do not fit each other.
pub fn linear_onto(
    stream: &Tensor,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    mut place: Tensor,
) -> Tensor {
    match bias {
        Some(bias) => drop(stream.add_out(&place, bias)),
        None => place.copy_(stream),
    }
    matmul_add(&place, &x.to_kind(weight.kind()), &weight.tr());
    place
}

/// Layer norm of each row, into new memory.
///
/// # Shapes
/// - `x`, and what is returned: `[rows, C]`
/// - `weight`, `bias`: `[C]`
pub fn norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Tensor {
    let mut output = x.empty_like();
    with_slices([x, weight, bias], [&mut output], |[x, weight, bias], [output]| {
        let (channels, piece) = (weight.len(), NORM_ROWS * weight.len());
        let pieces = x.chunks(piece).zip(output.chunks_mut(piece));
        parallel_for(pieces.collect(), |(x, output): (&[f32], &mut [f32])| {
            for (x, output) in x.chunks(channels).zip(output.chunks_mut(channels)) {
                normalize_simd(x, weight, bias, epsilon, output);
            }
        });
    });
    output
}

/// The activation of `x`, worked out in float32 and written into `place`.
///
/// # Shapes
/// - `x`, `place`: equal, both in float32 or both in bfloat16
pub fn gelu(gelu: Gelu, x: &Tensor, mut place: Tensor) -> Tensor {
    if x.kind() == Kind::BFloat16 {
        with_slices_of([x], [&mut place], |[x], [place]| {
            in_pieces(x, place, |x, place| activate_bf16(gelu, x, place));
        });
    } else {
        with_slices([x], [&mut place], |[x], [place]| {
            in_pieces(x, place, |x, place| activate_f32(gelu, x, place));
        });
    }
    place
}

/// Does work on pieces of `x`, each with its place, on all threads.
pub fn in_pieces<N: Number>(x: &[N], place: &mut [N], work: impl Fn(&[N], &mut [N]) + Sync) {
    let pieces = x.chunks(PIECE).zip(place.chunks_mut(PIECE)).collect();
    parallel_for(pieces, |(x, place)| work(x, place));
}

#[expect(clippy::inline_always, reason = "compiled anew for registers of each width")]
#[inline(always)]
fn activate<N: Number>(gelu: Gelu, x: &[N], place: &mut [N]) {
    let mut numbers = [0.0; 256];
    for (x, place) in x.chunks(numbers.len()).zip(place.chunks_mut(numbers.len())) {
        let numbers = &mut numbers[..x.len()];
        numbers.iter_mut().zip(x).for_each(|(number, x)| *number = x.widen());
        gelu.apply(numbers);
        place.iter_mut().zip(numbers).for_each(|(place, number)| *place = N::nearest(*number));
    }
}

multiversion! {
    fn activate_f32(gelu: Gelu, x: &[f32], place: &mut [f32]) = activate;
}

multiversion! {
    fn activate_bf16(gelu: Gelu, x: &[Bf16], place: &mut [Bf16]) = activate;
}

impl LinearWeights {
    /// [`linear`] of this layer, into new memory.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    /// - returns `[rows, outputs]`
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let size = [x.size()[0], self.weight.size()[0]];
        let place = Tensor::empty(size, (Kind::Float, x.device()));
        linear(x, &self.weight, self.bias.as_ref(), place)
    }

    /// The same in the type of the weight, as [`linear_rounded`] gives it.
    ///
    /// # Shapes
    /// As in [`forward`](Self::forward).
    pub fn forward_in_kind(&self, x: &Tensor) -> Tensor {
        match self.weight.kind() {
            Kind::BFloat16 => linear_rounded(x, &self.weight, self.bias.as_ref()),
            _ => self.forward(x),
        }
    }

    /// The activation of what [`linear`] gives, into new memory: bias and activation in one pass.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    /// - returns `[rows, outputs]`, in the type of the weight
    pub fn forward_activated(&self, x: &Tensor, activation: Gelu) -> Tensor {
        if self.weight.kind() == Kind::BFloat16 {
            let sums = self.forward_in_kind(x);
            return gelu(activation, &sums, sums.empty_like());
        }
        let outputs = self.weight.size()[0];
        let mut y = Tensor::empty([x.size()[0], outputs], (Kind::Float, x.device()));
        matmul(&y, x, &self.weight.tr());
        let bias = self.bias.as_ref().map(to_f32_vec);
        with_slices([], [&mut y], |[], [y]| {
            parallel_for(y.chunks_mut(ROWS * outputs as usize).collect(), |rows: &mut [f32]| {
                if let Some(bias) = &bias {
                    for row in rows.chunks_exact_mut(bias.len()) {
                        row.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
                    }
                }
                activation.apply_simd(rows);
            });
        });
        y
    }

    /// [`linear_onto`] a stream, into new memory.
    ///
    /// # Shapes
    /// - `stream`: `[rows, outputs]`, as is what is returned
    pub fn forward_onto(&self, stream: &Tensor, x: &Tensor) -> Tensor {
        linear_onto(stream, x, &self.weight, self.bias.as_ref(), stream.empty_like())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fast::twin::wave;

    fn layer(outputs: i64, inputs: i64, has_bias: bool) -> LinearWeights {
        let bias = has_bias.then(|| wave(&[outputs], 2));
        LinearWeights { weight: wave(&[outputs, inputs], 1), bias }
    }

    fn gap(ours: &Tensor, expected: &Tensor) -> f64 {
        (ours - expected).abs().max().double_value(&[])
    }

    #[test]
    fn outputs_are_those_of_the_formula() {
        for (rows, inputs, outputs) in [(1, 1, 1), (37, 30, 50), (300, 9, 100)] {
            for has_bias in [false, true] {
                let layer = layer(outputs, inputs, has_bias);
                let transposed = LinearWeights {
                    weight: layer.weight.tr().contiguous().tr(),
                    bias: layer.bias.as_ref().map(Tensor::shallow_clone),
                };
                let x = wave(&[rows, inputs], 3);
                let product = x.to_kind(Kind::Double).mm(&layer.weight.to_kind(Kind::Double).tr());
                let expected = match &layer.bias {
                    Some(bias) => product + bias,
                    None => product,
                };
                let stream = wave(&[rows, outputs], 4);
                for layer in [&layer, &transposed] {
                    assert!(gap(&layer.forward(&x), &expected) < 1e-5);
                    assert!(gap(&layer.forward_onto(&stream, &x), &(&stream + &expected)) < 1e-5);
                    let activated = layer.forward_activated(&x, Gelu::Tanh);
                    assert!(gap(&activated, &expected.gelu("tanh")) < 1e-5);
                }
            }
        }
    }

    #[test]
    fn each_number_of_an_activation_is_that_of_libtorchs() {
        let x = wave(&[3, 20_000], 5) * 4.0;
        let rounded = x.to_kind(Kind::BFloat16);
        for (kind, name) in [(Gelu::Exact, "none"), (Gelu::Tanh, "tanh")] {
            assert!(gap(&gelu(kind, &x, x.empty_like()), &x.gelu(name)) < 1e-5, "{name}");
            let exact = rounded.to_kind(Kind::Float).gelu(name);
            let excess = (gelu(kind, &rounded, rounded.empty_like()) - &exact).abs()
                - exact.abs() / f64::from(1 << 8); // half of the last of bfloat16's eight digits
            assert!(excess.max().double_value(&[]) < 1e-5, "{name} in bfloat16");
        }
    }

    #[test]
    fn outputs_in_bfloat16_are_those_of_the_formula_rounded() {
        for has_bias in [false, true] {
            let LinearWeights { weight, bias } = layer(50, 30, has_bias);
            let layer = LinearWeights { weight: weight.to_kind(Kind::BFloat16), bias };
            let x = wave(&[37, 30], 3);
            let [inputs, factor] =
                [&x, &layer.weight].map(|x| x.to_kind(Kind::BFloat16).to_kind(Kind::Double));
            let product = inputs.mm(&factor.tr());
            let expected = layer.bias.as_ref().map_or(product.shallow_clone(), |b| product + b);
            let bound = expected.abs().max().double_value(&[]) / 128.0; // rounded twice, with the activation
            let rounded = layer.forward_in_kind(&x);
            assert_eq!(rounded.kind(), Kind::BFloat16);
            assert!(gap(&rounded, &expected) < bound);
            let activated = layer.forward_activated(&x, Gelu::Exact);
            assert!(gap(&activated, &expected.gelu("none")) < bound);
        }
    }

    #[test]
    #[should_panic(expected = "the matrices do not fit each other")]
    fn inputs_that_do_not_fit_are_refused() {
        let _ = layer(3, 4, false).forward(&wave(&[20, 5], 3));
    }
}
