//! The norm and its gradient, each in one walk over the rows.
//!
//! libtorch has the gradient too, but only together with the statistics of the way forward; of its plain operators it takes thirteen,
//! each with a tensor of its own, and as many walks over the rows where one is enough.
//!
//! `cargo xtask bench small --only small-tales-16x128` measures it.

use super::layers::Parameter;
use model::fast::{
    cpu::{tensor_slice::with_slices, threads::parallel_for},
    ops::{functions::normalize_backward_simd, layers},
    weights::NormWeights,
};
use tch::{Kind, Tensor};

/// Rows of a piece of work.
const PIECE: usize = 32;

/// `y = x̂ w + b` with `x̂ = (x - mean) / deviation`.
pub struct Norm {
    weight: Parameter,
    bias: Parameter,
    epsilon: f64,
}

impl Norm {
    pub fn new(norm: NormWeights, epsilon: f64) -> Self {
        Self { weight: Parameter::new(norm.weight), bias: Parameter::new(norm.bias), epsilon }
    }

    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        [&self.weight, &self.bias].into_iter()
    }

    /// # Shapes
    /// - `x`, and what is returned: `[rows, C]`
    pub fn forward(&self, x: &Tensor) -> Tensor {
        layers::norm(x, &self.weight.value, &self.bias.value, self.epsilon)
    }

    /// The gradients of weight and bias, and that of the input `x`, which is added to `dx`.
    ///
    /// # Shapes
    /// - `x`, `dy`, `dx`: `[rows, C]`
    pub fn backward_onto(&self, x: &Tensor, dy: &Tensor, dx: &mut Tensor, first: bool) {
        let (weight, epsilon) = (&self.weight.value, self.epsilon);
        let pieces = x.size()[0].max(1) as usize;
        let shape = [2, pieces.div_ceil(PIECE) as i64, weight.numel() as i64];
        let mut sums = Tensor::zeros(shape, (x.kind(), x.device())); // of weight and bias, piece by piece
        with_slices([x, dy, weight], [dx, &mut sums], |[x, dy, weight], [dx, sums]| {
            let (channels, piece) = (weight.len(), PIECE * weight.len());
            let (of_weight, of_bias) = sums.split_at_mut(sums.len() / 2);
            let sums = of_weight.chunks_mut(channels).zip(of_bias.chunks_mut(channels));
            let given = x.chunks(piece).zip(dy.chunks(piece));
            let pieces = given.zip(dx.chunks_mut(piece)).zip(sums);
            parallel_for(pieces.collect(), |(((x, dy), dx), (d_weight, d_bias))| {
                let (x, dy): (&[f32], &[f32]) = (x, dy);
                let rows = x.chunks(channels).zip(dy.chunks(channels));
                for ((x, dy), dx) in rows.zip(dx.chunks_mut(channels)) {
                    let gradients = [dx, &mut *d_weight, &mut *d_bias];
                    normalize_backward_simd([x, dy, weight], epsilon, gradients);
                }
            });
        });
        for (part, parameter) in self.parameters().enumerate() {
            let sum = sums.get(part as i64).sum_dim_intlist(0_i64, false, Kind::Float);
            parameter.add(&sum, first);
        }
    }
}
