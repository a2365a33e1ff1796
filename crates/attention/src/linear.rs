//! A linear layer that starts from the very numbers PyTorch's starts from (chapter 2.2).

use embedding::embed::parameter;
use tch::{Tensor, nn};

/// `y = x W^T + b`: every output is a weighted sum of all inputs.
#[derive(Debug)]
pub struct Linear {
    /// `[outputs, inputs]`; OpenAI's files store the transpose.
    pub weight: Tensor,
    /// `[outputs]`, where the layer has one.
    pub bias: Option<Tensor>,
}

impl Linear {
    /// Creates the layer under `path` as `weight` and `bias`, in this order.
    ///
    /// Both are drawn uniformly between `-1 / sqrt(inputs)` and `1 / sqrt(inputs)`.
    ///
    /// # Differs
    /// `tch::nn::linear` draws the bias first and the weight from a wider range, so it never gives the numbers of a PyTorch
    /// program. PyTorch computes the bound of the weight by a longer way, which comes to the same 32-bit number: compared for
    /// up to two million inputs.
    ///
    /// # Source
    /// `reset_parameters` of PyTorch's `torch/nn/modules/linear.py`: Kaiming-uniform with `a = sqrt(5)` (He et al. 2015,
    /// <https://arxiv.org/abs/1502.01852>, section 2.2, with the slope `a` of section 2.1).
    pub fn new(path: &nn::Path, inputs: i64, outputs: i64, bias: bool) -> Self {
        let bound = 1.0 / (inputs as f64).sqrt();
        let draw = |name, shape: &[i64]| {
            parameter(path, name, shape, |numbers| numbers.uniform_(-bound, bound))
        };
        let weight = draw("weight", &[outputs, inputs]);
        let bias = bias.then(|| draw("bias", &[outputs]));
        Self { weight, bias }
    }

    /// Applies the layer to the last dimension.
    ///
    /// # Shapes
    /// - `x`: `[…, inputs]`
    /// - returns `[…, outputs]`
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, self.bias.as_ref())
    }
}
