//! Layer normalization (chapter 3.2).

use embedding::embed::parameter;
use tch::{Tensor, nn};

/// Brings each position's channels to mean 0 and variance 1, then scales and shifts them by learned amounts.
#[derive(Debug)]
pub struct LayerNorm {
    weight: Tensor, // [C]
    bias: Tensor,   // [C]
    epsilon: f64,
}

impl LayerNorm {
    /// Creates the layer under `path` with weight one and bias zero; nothing is drawn.
    pub fn new(path: &nn::Path, channels: i64, epsilon: f64) -> Self {
        let weight = parameter(path, "weight", &[channels], |w| w.fill_(1.0));
        let bias = parameter(path, "bias", &[channels], Tensor::zero_);
        Self { weight, bias, epsilon }
    }

    /// Normalizes the last dimension.
    ///
    /// # Shapes
    /// - `x`: `[…, C]`
    /// - returns `[…, C]`
    ///
    /// # Source
    /// Ba et al. 2016 (<https://arxiv.org/abs/1607.06450>), equations 3 and 4, per position.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.layer_norm(self.weight.size(), Some(&self.weight), Some(&self.bias), self.epsilon, false)
    }
}

/// Layer normalization spelled out, without the learned scale and shift: `(x - mean) / sqrt(variance + epsilon)`.
///
/// The variance divides by `C`, not by `C - 1`: it describes these channels and estimates nothing.
///
/// # Shapes
/// - `x`: `[…, C]`
/// - returns `[…, C]`
///
/// # Source
/// Ba et al. 2016 (<https://arxiv.org/abs/1607.06450>), equation 3; `epsilon` as in PyTorch's `LayerNorm`.
pub fn normalize(x: &Tensor, epsilon: f64) -> Tensor {
    let centered = x - x.mean_dim(-1, true, None);
    let variance = (&centered * &centered).mean_dim(-1, true, None); // […, 1]
    centered / (variance + epsilon).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, nn::VarStore};

    fn close(ours: &Tensor, by_hand: &Tensor) {
        let gap = (ours - by_hand).abs().max().double_value(&[]);
        assert!(gap < 1e-6, "largest difference {gap:e}");
    }

    #[test]
    fn two_positions_worked_out_on_paper() {
        // Both rows: mean 2 or -9, variance 1; with an epsilon of 3 the root is 2.
        let x = Tensor::from_slice2(&[[1.0_f32, 3.0], [-10.0, -8.0]]);
        close(&normalize(&x, 3.0), &Tensor::from_slice2(&[[-0.5_f32, 0.5], [-0.5, 0.5]]));
    }

    #[test]
    fn equal_channels_become_zeros_and_not_a_division_by_zero() {
        let layer = LayerNorm::new(&VarStore::new(Device::Cpu).root(), 3, 1e-5);
        close(
            &layer.forward(&Tensor::from_slice2(&[[7.0_f32; 3]])),
            &Tensor::from_slice2(&[[0.0_f32; 3]]),
        );
    }

    #[test]
    fn the_layer_scales_and_shifts_what_the_formula_gives() {
        let store = VarStore::new(Device::Cpu);
        let scale = Tensor::from_slice(&[2.0_f32, -1.0, 0.5, 3.0]);
        let shift = Tensor::from_slice(&[0.0_f32, 1.0, -4.0, 0.25]);
        let _ = store.root().add("weight", scale.copy(), false);
        let _ = store.root().add("bias", shift.copy(), false);
        let x = Tensor::arange(24, (tch::Kind::Float, Device::Cpu)).square().view([2, 3, 4]); // [B, T, C]
        close(
            &LayerNorm::new(&store.root(), 4, 0.1).forward(&x),
            &(normalize(&x, 0.1) * scale + shift),
        );
    }
}
