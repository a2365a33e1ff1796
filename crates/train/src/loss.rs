//! How wrong the model is (chapter 4.1).

use anyhow::{Result, ensure};
use model::gpt2::Gpt2;
use tch::{Kind, Reduction, Tensor};

/// A target that counts for nothing, as in PyTorch: padding, and the words of the question in fine-tuning.
pub const IGNORED: i64 = -100;

/// Mean over all targets of minus the logarithm of the probability that the logits give to the target, in nats.
///
/// # Shapes
/// - `logits`: `[…, V]`
/// - `targets`: `[…]`, ids, or [`IGNORED`]
/// - returns a single number; it is not a number where every target is ignored
///
/// # Source
/// Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", equation 1, as a mean and negated.
pub fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Tensor {
    let v = logits.size()[logits.dim() - 1];
    let (logits, targets) = (logits.reshape([-1, v]), targets.reshape([-1])); // [B * T, V], [B * T]
    logits.cross_entropy_loss::<&Tensor>(&targets, None, Reduction::Mean, IGNORED, 0.0)
}

/// The loss of a batch.
///
/// Where targets are ignored, only the positions that count are compared with the vocabulary, which is the dearest part of a small
/// model: in fine-tuning on answers, three of four positions belong to the question.
///
/// # Shapes
/// - `inputs`, `targets`: `[B, T]`
/// - returns a single number that gradients can be taken of
pub fn batch_loss(model: &Gpt2, inputs: &Tensor, targets: &Tensor, train: bool) -> Tensor {
    let hidden = model.hidden(inputs, None, train); // [B, T, C]
    let counted = targets.ne(IGNORED).reshape([-1]).nonzero().squeeze_dim(1);
    if counted.numel() == targets.numel() {
        return cross_entropy(&model.logits(&hidden), targets);
    }
    let rows = hidden.reshape([-1, model.config.channels]).index_select(0, &counted);
    cross_entropy(&model.logits(&rows), &targets.reshape([-1]).index_select(0, &counted))
}

/// The mean loss of all targets of several batches, with dropout off and no gradients kept.
///
/// A batch counts by its targets, so that the result is the same however the examples are cut into batches; one without any is passed
/// over.
///
/// # Differs
/// The original series leaves dropout on while it measures, so that its losses are those of a model with a tenth of its activations missing.
///
/// # Errors
/// If there is no target.
pub fn mean_loss(model: &Gpt2, batches: impl Iterator<Item = (Tensor, Tensor)>) -> Result<f64> {
    let _guard = tch::no_grad_guard();
    let (mut sum, mut all) = (0.0, 0);
    for (inputs, targets) in batches {
        let counted = targets.ne(IGNORED).sum(Kind::Int64).int64_value(&[]);
        if counted > 0 {
            let loss = batch_loss(model, &inputs, &targets, false).double_value(&[]);
            sum += loss * counted as f64;
            all += counted;
        }
    }
    ensure!(all > 0, "there is no target to measure the loss on");
    Ok(sum / all as f64)
}

/// The mean of the losses of several batches, each counted alike however many targets it has: what Raschka's book and the original series print.
///
/// Where the last batch is smaller than the others, this is not the mean over all targets; [`mean_loss`] is.
///
/// # Errors
/// If there is no batch.
pub fn mean_batch_loss(
    model: &Gpt2,
    batches: impl Iterator<Item = (Tensor, Tensor)>,
) -> Result<f64> {
    let _guard = tch::no_grad_guard();
    let mut losses = Vec::new();
    for (inputs, targets) in batches {
        losses.push(batch_loss(model, &inputs, &targets, false).double_value(&[]));
    }
    ensure!(!losses.is_empty(), "there is no batch to measure the loss on");
    Ok(losses.iter().sum::<f64>() / losses.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds::alone;
    use model::config::Gpt2Config;
    use tch::Device;

    #[test]
    fn equal_scores_cost_the_logarithm_of_the_number_of_choices() {
        let loss = cross_entropy(
            &Tensor::zeros([1, 2, 8], tch::kind::FLOAT_CPU),
            &Tensor::from_slice(&[3_i64, 5]).view([1, 2]),
        );
        assert!((loss.double_value(&[]) - 8_f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn logits_of_a_thousand_cost_what_they_must() {
        let logits = Tensor::from_slice2(&[[1000.0_f32, 0.0, -1000.0], [0.0, 1000.0, 0.0]]);
        // Right by far, which costs nothing, and wrong by 1000: the mean is 500.
        let loss = cross_entropy(&logits, &Tensor::from_slice(&[0_i64, 2])).double_value(&[]);
        assert!((loss - 500.0).abs() < 1e-3, "{loss}");
    }

    #[test]
    fn a_measured_loss_has_no_dropout_and_needs_no_gradient() {
        let config = Gpt2Config { dropout: 0.5, ..small().config };
        let _alone = alone();
        tch::manual_seed(7);
        let model = Gpt2::new(config, Device::Cpu).expect("a possible model");
        let inputs = Tensor::from_slice(&[1_i64, 2, 3, 4, 5, 6]).view([3, 2]);
        let batches = || [(0, 2), (2, 1)].map(|(from, rows)| inputs.narrow(0, from, rows));
        let pairs = || batches().map(|rows| (rows.shallow_clone(), rows)).into_iter();
        let by_hand = batches().map(|rows| {
            assert!(batch_loss(&model, &rows, &rows, true).requires_grad(), "training learns");
            batch_loss(&model, &rows, &rows, false).double_value(&[])
        });
        let gap =
            mean_loss(&model, pairs()).expect("targets") - (2.0 * by_hand[0] + by_hand[1]) / 3.0;
        assert!(gap.abs() < 1e-6, "each target counts alike: {gap:e}");
        let gap = mean_batch_loss(&model, pairs()).expect("batches")
            - f64::midpoint(by_hand[0], by_hand[1]);
        assert!(gap.abs() < 1e-6, "each batch counts alike: {gap:e}");
        mean_batch_loss(&model, std::iter::empty()).expect_err("no batch is no loss");
        let in_training = || batch_loss(&model, &inputs, &inputs, true).double_value(&[]);
        assert!((in_training() - in_training()).abs() > 1e-6, "training drops");
    }

    #[test]
    fn leaving_out_the_positions_that_do_not_count_leaves_the_loss_as_it_was() {
        let model = small();
        let inputs = Tensor::from_slice(&[1_i64, 2, 3, 4, 5, 6, 7, 8]).view([2, 4]);
        let targets =
            Tensor::from_slice(&[IGNORED, 3, 4, IGNORED, IGNORED, IGNORED, 8, 9]).view([2, 4]);
        let loss = batch_loss(&model, &inputs, &targets, false);
        let whole = cross_entropy(&model.forward(&inputs, false), &targets);
        let gap = (&loss - &whole).abs().double_value(&[]);
        assert!(gap < 1e-6, "difference {gap:e}");
        let gradient = |loss: &Tensor| {
            Tensor::run_backward(&[loss], &[&model.store.variables()["token.weight"]], true, false)
                .remove(0)
        };
        let gap = (gradient(&loss) - gradient(&whole)).abs().max().double_value(&[]);
        assert!(gap < 1e-6, "difference in gradients {gap:e}");
    }

    #[test]
    fn an_ignored_target_changes_nothing() {
        let logits = Tensor::from_slice(&[-1.0_f32, 1.0, -0.5, 1.5]).view([2, 2]);
        let two = cross_entropy(&logits, &Tensor::from_slice(&[0_i64, 1]));
        let three_scores =
            Tensor::cat(&[logits, Tensor::from_slice(&[9.0_f32, -9.0]).view([1, 2])], 0);
        let three = cross_entropy(&three_scores, &Tensor::from_slice(&[0, 1, IGNORED]));
        assert_eq!(two, three);
    }

    /// A model for 11 ids and rows of up to six.
    fn small() -> Gpt2 {
        let config = Gpt2Config {
            vocab_size: 11,
            context: 6,
            channels: 8,
            heads: 2,
            hidden: 32,
            ..Gpt2Config::TINY
        };
        let _alone = alone();
        tch::manual_seed(7);
        Gpt2::new(config, Device::Cpu).expect("a possible model")
    }

    #[test]
    fn the_same_targets_have_one_mean_loss_in_whatever_batches_they_come() {
        let model = small();
        let inputs = Tensor::from_slice(&[1_i64, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2]).view([3, 4]);
        let targets = Tensor::from_slice(&[
            IGNORED, IGNORED, IGNORED, 5, 6, 7, 8, 9, IGNORED, IGNORED, IGNORED, IGNORED,
        ])
        .view([3, 4]);
        let mean = |sizes: &[i64]| {
            let mut from = 0;
            let batches = sizes.iter().map(|&rows| {
                from += rows;
                (inputs.narrow(0, from - rows, rows), targets.narrow(0, from - rows, rows))
            });
            mean_loss(&model, batches).expect("five targets")
        };
        let whole = mean(&[3]);
        for sizes in [&[1, 1, 1][..], &[2, 1], &[1, 2]] {
            let gap = (mean(sizes) - whole).abs();
            assert!(gap < 1e-6, "batches of {sizes:?}: difference {gap:e}");
        }
        let nothing = (inputs.narrow(0, 2, 1), targets.narrow(0, 2, 1));
        mean_loss(&model, std::iter::once(nothing)).expect_err("no target is no loss");
    }
}
