//! How large each step should be (chapter 4.3).

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// A learning rate that rises linearly, then falls along half a cosine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The highest rate.
    pub learning_rate: f64,
    /// The rate at the end; equal to `learning_rate` for a constant one.
    pub min_learning_rate: f64,
    /// Steps over which the rate rises from nearly zero.
    pub warmup_steps: usize,
    /// Steps of the whole run.
    pub total_steps: usize,
}

impl Schedule {
    /// The rate of a step, counted from 0.
    ///
    /// # Source
    /// Radford et al. 2018, section 4.1, for the shape; Loshchilov and Hutter 2017 (<https://arxiv.org/abs/1608.03983>),
    /// equation 5, for the cosine.
    pub fn at(&self, step: usize) -> f64 {
        if step < self.warmup_steps {
            return self.learning_rate * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let falling_steps = self.total_steps.saturating_sub(self.warmup_steps).max(1);
        let progress = ((step - self.warmup_steps) as f64 / falling_steps as f64).min(1.0);
        let height = f64::midpoint(1.0, (PI * progress).cos());
        self.min_learning_rate + (self.learning_rate - self.min_learning_rate) * height
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_to_its_peak_and_falls_to_its_floor() {
        let schedule = Schedule {
            learning_rate: 1.0,
            min_learning_rate: 0.1,
            warmup_steps: 4,
            total_steps: 14,
        };
        let expected = [(0, 0.25), (3, 1.0), (4, 1.0), (9, 0.55), (14, 0.1), (99, 0.1)];
        for (step, rate) in expected {
            assert!((schedule.at(step) - rate).abs() < 1e-12, "step {step}: {}", schedule.at(step));
        }
    }

    #[test]
    fn equal_bounds_make_a_constant_rate() {
        let schedule = Schedule {
            learning_rate: 4e-4,
            min_learning_rate: 4e-4,
            warmup_steps: 0,
            total_steps: 10,
        };
        assert!((0..20).all(|step| (schedule.at(step) - 4e-4).abs() < 1e-18));
    }
}
