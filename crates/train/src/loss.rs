//! How wrong the model is (chapter 4.1).

use anyhow::{Result, ensure};
use model::gpt2::Gpt2;
use tch::{Reduction, Tensor};

/// A target that counts for nothing, as in PyTorch: padding, and the words of the question in fine-tuning.
pub const IGNORED: i64 = -100;

/// Mean over all targets of minus the logarithm of the probability that the scores give to the target, in nats.
///
/// # Shapes
/// - `scores`: `[…, V]`
/// - `targets`: `[…]`, ids, or [`IGNORED`]
/// - returns a single number; it is not a number where every target is ignored
///
/// # Source
/// Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", equation 1, as a mean and negated.
pub fn cross_entropy(scores: &Tensor, targets: &Tensor) -> Tensor {
    let v = scores.size()[scores.dim() - 1];
    let (scores, targets) = (scores.reshape([-1, v]), targets.reshape([-1])); // [N, V], [N]
    scores.cross_entropy_loss::<&Tensor>(&targets, None, Reduction::Mean, IGNORED, 0.0)
}

/// The loss of a batch.
///
/// # Shapes
/// - `inputs`, `targets`: `[B, T]`
/// - returns a single number that gradients can be taken of
pub fn batch_loss(model: &Gpt2, inputs: &Tensor, targets: &Tensor, train: bool) -> Tensor {
    cross_entropy(&model.forward(inputs, train), targets)
}

/// The mean of the losses of several batches, with dropout off and no gradients kept.
///
/// # Differs
/// The article leaves dropout on while it measures, so that its losses are those of a model with a tenth of its activations missing.
///
/// # Errors
/// If there is no batch.
pub fn mean_loss(model: &Gpt2, batches: impl Iterator<Item = (Tensor, Tensor)>) -> Result<f64> {
    let _guard = tch::no_grad_guard();
    let losses: Vec<f64> =
        batches.map(|(inputs, targets)| batch_loss(model, &inputs, &targets, false).double_value(&[])).collect();
    ensure!(!losses.is_empty(), "there is no batch to measure the loss on");
    Ok(losses.iter().sum::<f64>() / losses.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_cost_the_logarithm_of_the_number_of_choices() {
        let loss = cross_entropy(
            &Tensor::zeros([1, 2, 8], tch::kind::FLOAT_CPU),
            &Tensor::from_slice(&[3_i64, 5]).view([1, 2]),
        );
        assert!((loss.double_value(&[]) - 8_f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn an_ignored_target_changes_nothing() {
        let scores = Tensor::from_slice(&[-1.0_f32, 1.0, -0.5, 1.5]).view([2, 2]);
        let two = cross_entropy(&scores, &Tensor::from_slice(&[0_i64, 1]));
        let three_scores = Tensor::cat(&[scores, Tensor::from_slice(&[9.0_f32, -9.0]).view([1, 2])], 0);
        let three = cross_entropy(&three_scores, &Tensor::from_slice(&[0, 1, IGNORED]));
        assert_eq!(two, three);
    }
}
