//! What each position does with what it has read (chapter 3.3).

use crate::config::Gelu;
use attention::linear::Linear;
use tch::{Tensor, nn};

/// Two linear layers with a GELU between them, applied to each position alone.
#[derive(Debug)]
pub struct FeedForward {
    up: Linear,   // weight [F, C]
    down: Linear, // weight [C, F]
    gelu: Gelu,
}

impl FeedForward {
    /// Creates both layers under `path`, `up` first.
    pub fn new(path: &nn::Path, channels: i64, hidden: i64, gelu: Gelu) -> Self {
        Self {
            up: Linear::new(&(path / "up"), channels, hidden, true),
            down: Linear::new(&(path / "down"), hidden, channels, true),
            gelu,
        }
    }

    /// Widens each position to `F` channels, bends them, and narrows them again.
    ///
    /// # Shapes
    /// - `x`: `[…, C]`
    /// - returns `[…, C]`
    ///
    /// # Source
    /// Vaswani et al. 2017 (<https://arxiv.org/abs/1706.03762>), equation 2, with GELU in place of ReLU as in GPT.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let widened = self.up.forward(x); // […, F]
        self.down.forward(&self.gelu.forward(&widened)) // […, C]
    }
}

impl Gelu {
    /// Applies the activation to each element.
    ///
    /// # Source
    /// Hendrycks and Gimpel 2016 (<https://arxiv.org/abs/1606.08415>), section 2: `x Φ(x)`, and its approximation by `tanh`.
    pub fn forward(self, x: &Tensor) -> Tensor {
        x.gelu(match self {
            Gelu::Exact => "none",
            Gelu::Tanh => "tanh",
        })
    }
}

/// The exact GELU spelled out: `x (1 + erf(x / sqrt 2)) / 2`.
pub fn gelu_exact(x: &Tensor) -> Tensor {
    x * 0.5 * ((x / std::f64::consts::SQRT_2).erf() + 1.0)
}

/// The `tanh` form spelled out: `x (1 + tanh(sqrt(2 / π) (x + 0.044715 x³))) / 2`.
pub fn gelu_tanh(x: &Tensor) -> Tensor {
    let inner = (x + x.pow_tensor_scalar(3) * 0.044_715) * std::f64::consts::FRAC_2_PI.sqrt();
    x * 0.5 * (inner.tanh() + 1.0)
}
