//! Layer normalisation (chapter 3.2).

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
        let weight = parameter(path, "weight", &[channels], |w| {
            let _ = w.fill_(1.0);
        });
        let bias = parameter(path, "bias", &[channels], |b| {
            let _ = b.zero_();
        });
        Self { weight, bias, epsilon }
    }

    /// Normalises the last dimension.
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

/// Layer normalisation spelled out, without the learned scale and shift: `(x - mean) / sqrt(variance + epsilon)`.
///
/// The variance divides by `C`, not by `C - 1`: it describes these channels and estimates nothing.
///
/// # Shapes
/// - `x`: `[…, C]`
/// - returns `[…, C]`
pub fn normalise(x: &Tensor, epsilon: f64) -> Tensor {
    let centred = x - x.mean_dim(-1, true, None);
    let variance = (&centred * &centred).mean_dim(-1, true, None); // […, 1]
    centred / (variance + epsilon).sqrt()
}
