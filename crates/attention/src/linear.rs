//! A linear layer that starts from the very numbers PyTorch's starts from (chapter 2.1).

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
    /// Creates the layer under `path` as `weight` and `bias`.
    ///
    /// Both are drawn from the same uniform range of width `2 / sqrt(inputs)` around zero, weight first.
    ///
    /// # Differs
    /// `tch::nn::linear` draws the bias first and the weight from a wider range, so that no number printed by a
    /// PyTorch program can be met with it.
    ///
    /// # Source
    /// `reset_parameters` of PyTorch's `torch/nn/modules/linear.py`: Kaiming-uniform with `a = sqrt(5)` (He et al. 2015,
    /// <https://arxiv.org/abs/1502.01852>, section 2.2, with the slope `a` of section 2.1).
    pub fn new(path: &nn::Path, inputs: i64, outputs: i64, bias: bool) -> Self {
        // The bound is 1 / sqrt(inputs), written as PyTorch computes it, so that it rounds alike.
        let slope = 5_f64.sqrt();
        let gain = (2.0 / (1.0 + slope * slope)).sqrt();
        let bound = 3_f64.sqrt() * (gain / (inputs as f64).sqrt());
        let weight = parameter(path, "weight", &[outputs, inputs], |w| {
            let _ = w.uniform_(-bound, bound);
        });
        let bias_bound = 1.0 / (inputs as f64).sqrt();
        let bias = bias.then(|| {
            parameter(path, "bias", &[outputs], |b| {
                let _ = b.uniform_(-bias_bound, bias_bound);
            })
        });
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
