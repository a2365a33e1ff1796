//! How an error becomes a better weight (chapter 4.2): AdamW, in the order of operations of PyTorch's Python code.
//!
//! tch's optimizer is libtorch's C++ one. It keeps its state to itself, so that a run could not be resumed, and it averages gradients
//! by other operations than the Python code, so that the last digit of a weight would differ from PyTorch's after one step.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// The constants of AdamW apart from the learning rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdamWSettings {
    /// How much of the mean gradient survives a step.
    pub beta1: f64,
    /// How much of the mean squared gradient survives a step.
    pub beta2: f64,
    /// Keeps the division finite.
    pub epsilon: f64,
    /// The part of each weight that is taken off at each step, times the learning rate.
    pub weight_decay: f64,
}

impl Default for AdamWSettings {
    /// PyTorch's betas and epsilon, with the weight decay of Raschka's book.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1 }
    }
}

/// The optimizer: it remembers for each parameter where its gradient has pointed lately and how large it was.
pub struct AdamW {
    /// Its constants.
    pub settings: AdamWSettings,
    /// What it moves, by name.
    pub parameters: Vec<(String, Tensor)>,
    /// For each parameter the mean gradient and the mean squared gradient.
    pub moments: Vec<(Tensor, Tensor)>,
    /// Steps taken so far.
    pub steps: i32,
}

impl AdamW {
    /// Starts with empty memory for these parameters, all of which decay.
    pub fn new(parameters: Vec<(String, Tensor)>, settings: AdamWSettings) -> Self {
        let _guard = tch::no_grad_guard();
        let moments = parameters.iter().map(|(_, p)| (p.zeros_like(), p.zeros_like())).collect();
        Self { settings, parameters, moments, steps: 0 }
    }

    /// Empties the gradients, which would otherwise add up over steps. The buffers stay: freeing and faulting them in again costs
    /// more than writing zeros.
    pub fn zero_grad(&self) {
        for (_, parameter) in &self.parameters {
            let mut gradient = parameter.grad();
            if gradient.defined() {
                let _ = gradient.zero_();
            }
        }
    }

    /// The length of all gradients taken as one vector.
    ///
    /// # Source
    /// `clip_grad_norm_` in PyTorch's `torch/nn/utils/clip_grad.py`: the norm of the norms of the tensors.
    pub fn gradient_norm(&self) -> f64 {
        let mut norms = Vec::new();
        for (_, parameter) in &self.parameters {
            let gradient = parameter.grad();
            if gradient.defined() {
                norms.push(gradient.norm());
            }
        }
        if norms.is_empty() { 0.0 } else { Tensor::stack(&norms, 0).norm().double_value(&[]) }
    }

    /// Shrinks all gradients alike so that their norm does not exceed `most`, and returns the norm they had.
    ///
    /// # Errors
    /// If the norm is not finite: clipping would turn every weight into not-a-number.
    pub fn clip_gradients(&self, most: f64) -> Result<f64> {
        let norm = self.gradient_norm();
        ensure!(norm.is_finite(), "the gradient is not finite; lower the learning rate");
        let factor = clip_factor(norm, most);
        if factor < 1.0 {
            for (_, parameter) in &self.parameters {
                let mut gradient = parameter.grad();
                if gradient.defined() {
                    let _ = gradient.g_mul_scalar_(factor);
                }
            }
        }
        Ok(norm)
    }

    /// Moves every parameter that has a gradient one step downhill.
    ///
    /// # Source
    /// Loshchilov and Hutter 2019 (<https://arxiv.org/abs/1711.05101>), algorithm 2; the order of operations is that of
    /// `_single_tensor_adam` in PyTorch's `torch/optim/adam.py`.
    pub fn step(&mut self, learning_rate: f64) {
        let _guard = tch::no_grad_guard();
        let AdamWSettings { beta1, beta2, epsilon, weight_decay } = self.settings;
        self.steps += 1;
        let correction1 = 1.0 - beta1.powi(self.steps);
        let correction2 = 1.0 - beta2.powi(self.steps);
        for ((_, parameter), (mean, mean_square)) in
            self.parameters.iter_mut().zip(&mut self.moments)
        {
            let gradient = parameter.grad();
            if !gradient.defined() {
                continue;
            }
            let _ = parameter.g_mul_scalar_(1.0 - learning_rate * weight_decay);
            let _ = mean.lerp_(&gradient, 1.0 - beta1);
            let _ = mean_square.g_mul_scalar_(beta2);
            let _ = mean_square.g_add_(&(&gradient * (1.0 - beta2) * &gradient));
            let root = mean_square.sqrt() / correction2.sqrt() + epsilon;
            let _ = parameter.g_add_(&(&*mean * (-learning_rate / correction1) / root));
        }
    }

    /// What the optimizer remembers, by name, for a checkpoint: `<parameter>.mean` and `<parameter>.mean_square`.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = Vec::new();
        for ((name, _), (mean, mean_square)) in self.parameters.iter().zip(&self.moments) {
            state.push((format!("{name}.mean"), mean.shallow_clone()));
            state.push((format!("{name}.mean_square"), mean_square.shallow_clone()));
        }
        state
    }

    /// Takes up where another optimizer left off.
    ///
    /// # Errors
    /// If `read` finds a tensor missing or of another shape.
    pub fn restore(
        &mut self,
        steps: i32,
        mut read: impl FnMut(&str) -> Result<Tensor>,
    ) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for ((name, parameter), (mean, mean_square)) in
            self.parameters.iter().zip(&mut self.moments)
        {
            for (moment, kind) in [(mean, "mean"), (mean_square, "mean_square")] {
                let name = format!("{name}.{kind}");
                let stored = read(&name)?;
                ensure!(
                    stored.size() == parameter.size(),
                    "{name} is {:?}, not {:?}",
                    stored.size(),
                    parameter.size()
                );
                moment.copy_(&stored);
            }
        }
        self.steps = steps;
        Ok(())
    }
}

/// What gradients of this norm are multiplied by so that it does not exceed `most`: 1 where it does not.
///
/// # Source
/// Pascanu et al. 2013 (<https://arxiv.org/abs/1211.5063>), algorithm 1; the constant 1e-6 is PyTorch's.
pub fn clip_factor(norm: f64, most: f64) -> f64 {
    (most / (norm + 1e-6)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters with these gradients.
    fn optimizer(gradients: &[&[f32]]) -> AdamW {
        let parameter = |(place, gradient): (usize, &&[f32])| {
            let gradient = Tensor::from_slice(gradient);
            let parameter = gradient.ones_like().set_requires_grad(true);
            (&parameter * &gradient).sum(None).backward();
            (place.to_string(), parameter)
        };
        let parameters = gradients.iter().enumerate().map(parameter).collect();
        AdamW::new(parameters, AdamWSettings { weight_decay: 0.0, ..AdamWSettings::default() })
    }

    fn gradients(optimizer: &AdamW) -> Vec<Vec<f32>> {
        let vector = |tensor: Tensor| Vec::try_from(tensor).expect("a vector");
        optimizer.parameters.iter().map(|(_, parameter)| vector(parameter.grad())).collect()
    }

    #[test]
    fn a_weight_that_nothing_pulls_at_stays_and_the_first_step_is_as_long_as_the_rate() {
        let mut optimizer = optimizer(&[&[0.0, 8.0, -0.5]]);
        optimizer.step(0.25);
        let weights: Vec<f32> = Vec::try_from(&optimizer.parameters[0].1).expect("a vector");
        for (weight, expected) in weights.iter().zip([1.0, 0.75, 1.25]) {
            assert!((weight - expected).abs() < 1e-6, "{weights:?}");
        }
    }

    #[test]
    fn a_gradient_of_length_five_on_paper() {
        // Over two parameters: 3 and 4, so that the whole is 5 long.
        let clipped = optimizer(&[&[3.0, 0.0], &[4.0]]);
        assert!((clipped.gradient_norm() - 5.0).abs() < 1e-6, "{}", clipped.gradient_norm());
        let norm = clipped.clip_gradients(2.5).expect("finite");
        assert!((norm - 5.0).abs() < 1e-6, "the norm before clipping is returned: {norm}");
        for (ours, halved) in gradients(&clipped).concat().iter().zip([1.5, 0.0, 2.0]) {
            assert!((ours - halved).abs() < 1e-5, "{ours} is not {halved}");
        }
        let short = optimizer(&[&[3.0, 0.0], &[4.0]]);
        short.clip_gradients(9.0).expect("finite");
        assert_eq!(gradients(&short), [vec![3.0, 0.0], vec![4.0]], "a short one stays");
        let endless = optimizer(&[&[f32::INFINITY]]);
        endless.clip_gradients(1.0).expect_err("no finite length");
    }
}
