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

#[cfg(test)]
mod tests {
    use super::*;
    use embedding::support::show::assert_agree;

    #[test]
    fn two_inputs_three_outputs_and_a_bias_on_paper() {
        let layer = Linear {
            weight: Tensor::from_slice2(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
            bias: Some(Tensor::from_slice(&[10.0, 20.0, 30.0])),
        };
        // 1 - 2 + 10, 3 - 4 + 20, 5 - 6 + 30; then 2 * 2 + 10, 2 * 4 + 20, 2 * 6 + 30.
        let y = layer.forward(&Tensor::from_slice2(&[[1.0, -1.0], [0.0, 2.0]]));
        let by_hand = Tensor::from_slice2(&[[9.0, 19.0, 29.0], [14.0, 28.0, 42.0]]);
        assert_agree(&y, &by_hand, 0.0, "with a bias");
        let plain = Linear { weight: layer.weight, bias: None };
        let y = plain.forward(&Tensor::from_slice(&[1.0, -1.0]));
        assert_agree(&y, &Tensor::from_slice(&[-1.0; 3]), 0.0, "without one");
    }
}
