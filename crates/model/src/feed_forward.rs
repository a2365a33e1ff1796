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
    /// Vaswani et al. 2017 (<https://arxiv.org/abs/1706.03762>), equation 2, with GELU in place of `ReLU` as in GPT.
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
        match self {
            Gelu::Exact => x.gelu("none"),
            Gelu::Tanh => x.gelu("tanh"),
        }
    }
}

/// The exact GELU spelled out: `x (1 + erf(x / sqrt 2)) / 2`. [`Gelu::forward`] gives the same in one pass.
///
/// # Source
/// Hendrycks and Gimpel 2016 (<https://arxiv.org/abs/1606.08415>), section 2.
pub fn gelu_exact(x: &Tensor) -> Tensor {
    x * 0.5 * ((x / std::f64::consts::SQRT_2).erf() + 1.0)
}

/// The `tanh` form spelled out: `x (1 + tanh(sqrt(2 / π) (x + 0.044715 x³))) / 2`.
///
/// # Source
/// Hendrycks and Gimpel 2016, section 2; function `gelu` in `model.py` of OpenAI's gpt-2.
pub fn gelu_tanh(x: &Tensor) -> Tensor {
    let inner = (x + x.pow_tensor_scalar(3) * 0.044_715) * std::f64::consts::FRAC_2_PI.sqrt();
    x * 0.5 * (inner.tanh() + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedding::support::show::assert_agree;
    use tch::{Device, nn::VarStore};

    #[test]
    fn both_forms_are_the_formulas() {
        let x = Tensor::linspace(-6.0, 6.0, 1201, tch::kind::DOUBLE_CPU);
        for (form, by_hand) in [(Gelu::Exact, gelu_exact(&x)), (Gelu::Tanh, gelu_tanh(&x))] {
            let gap = (form.forward(&x) - by_hand).abs().max().double_value(&[]);
            assert!(gap < 1e-12, "{form:?}: largest difference {gap:e}");
        }
    }

    #[test]
    fn both_formulas_are_libtorchs() {
        let x = Tensor::linspace(-6.0, 6.0, 1201, tch::kind::DOUBLE_CPU);
        assert_agree(&gelu_exact(&x), &x.gelu("none"), 1e-12, "exact");
        assert_agree(&gelu_tanh(&x), &x.gelu("tanh"), 1e-12, "tanh");
    }

    #[test]
    fn gelu_is_the_input_times_the_share_of_a_normal_distribution_below_it() {
        // Φ(0) = 1/2, Φ(1) = 0.841345, Φ(-1) = 0.158655, and far out nothing or all.
        let x = Tensor::from_slice(&[0.0, 1.0, -1.0, -40.0, 40.0]);
        let by_hand = Tensor::from_slice(&[0.0, 0.841_345, -0.158_655, 0.0, 40.0]);
        let gap = (Gelu::Exact.forward(&x) - by_hand).abs().max().double_value(&[]);
        assert!(gap < 1e-6, "largest difference {gap:e}");
    }

    #[test]
    fn one_channel_worked_out_on_paper() {
        let store = VarStore::new(Device::Cpu);
        let set = |layer: &str, name: &str, values: &[f32], shape: &[i64]| {
            let _ = (store.root() / layer).add(name, Tensor::from_slice(values).view(shape), false);
        };
        set("up", "weight", &[1.0, -1.0], &[2, 1]); // [F, C]
        set("up", "bias", &[0.0, 0.0], &[2]);
        set("down", "weight", &[1.0, 2.0], &[1, 2]); // [C, F]
        set("down", "bias", &[0.5], &[1]);
        let layer = FeedForward::new(&store.root(), 1, 2, Gelu::Exact);
        // gelu(1) + 2 gelu(-1) + 0.5 = 0.841345 - 2 * 0.158655 + 0.5
        let out = layer.forward(&Tensor::from_slice2(&[[1.0_f32]])).double_value(&[0, 0]);
        assert!((out - 1.024_035).abs() < 1e-6, "{out}");
    }
}
