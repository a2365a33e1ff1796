//! One step of training (chapter 4.4): loss, gradient, update.

use crate::{
    adamw::AdamW,
    loss::{IGNORED, batch_loss},
};
use anyhow::{Result, ensure};
use model::gpt2::Gpt2;
use tch::{Kind, Tensor};

/// Examples whose gradients are found at once.
#[derive(Debug)]
pub struct Batch {
    /// `[B, T]`
    pub inputs: Tensor,
    /// `[B, T]`, ids or [`IGNORED`]
    pub targets: Tensor,
    /// Targets that are not ignored.
    pub counted: i64,
}

impl Batch {
    /// Counts the targets of a batch.
    ///
    /// # Shapes
    /// - `inputs`, `targets`: `[B, T]`
    pub fn new(inputs: Tensor, targets: Tensor) -> Self {
        let counted = targets.ne(IGNORED).sum(Kind::Int64).int64_value(&[]);
        Self { inputs, targets, counted }
    }
}

/// What a step has measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Mean loss of the step's targets before its update, in nats.
    pub loss: f64,
    /// Length of the gradient before clipping.
    pub gradient_norm: f64,
}

/// Takes one step: finds the loss of the batches and its gradient, clips the gradient to the norm `grad_clip`, and moves every
/// parameter.
///
/// A batch counts by its targets, so that several small batches teach what one large batch would.
///
/// # Errors
/// If the loss or the gradient is not finite: then no weight has been touched.
pub fn train_step(
    model: &Gpt2,
    optimizer: &mut AdamW,
    batches: &[Batch],
    learning_rate: f64,
    grad_clip: f64,
) -> Result<Measured> {
    let counted: i64 = batches.iter().map(|batch| batch.counted).sum();
    let mut mean_loss = 0.0;
    optimizer.zero_grad();
    for batch in batches {
        let weight = batch.counted as f64 / counted as f64;
        let loss = batch_loss(model, &batch.inputs, &batch.targets, true);
        (&loss * weight).backward();
        mean_loss += weight * loss.double_value(&[]);
    }
    ensure!(mean_loss.is_finite(), "the loss is {mean_loss}; lower the learning rate");
    let gradient_norm = optimizer.clip_gradients(grad_clip)?;
    optimizer.step(learning_rate);
    Ok(Measured { loss: mean_loss, gradient_norm })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adamw::AdamWSettings;
    use model::config::Gpt2Config;
    use tch::Device;

    #[test]
    fn a_loss_that_is_no_number_is_refused_before_a_weight_is_touched() {
        let _alone = crate::seeds::alone();
        let small = Gpt2Config { channels: 8, heads: 2, hidden: 16, layers: 1, ..Gpt2Config::TINY };
        let model = Gpt2::new(Gpt2Config { vocab_size: 11, ..small }, Device::Cpu).expect("sizes");
        let mut optimizer = AdamW::new(model.parameters(), AdamWSettings::default());
        let ids = Tensor::from_slice(&[1_i64, 2, 3]).unsqueeze(0);
        let batch = || [Batch::new(ids.shallow_clone(), ids.shallow_clone())];
        train_step(&model, &mut optimizer, &batch(), 1e-3, 1.0).expect("a step");
        let of = |name: &str| model.store.variables()[name].copy();
        let _ = tch::no_grad(|| model.store.variables()["position.weight"].get(0).fill_(f64::NAN));
        let before = of("token.weight");
        let error = train_step(&model, &mut optimizer, &batch(), 1e-3, 1.0).expect_err("NaN");
        assert!(error.to_string().starts_with("the loss is NaN"), "{error}");
        assert_eq!((of("token.weight"), optimizer.steps), (before, 1));
    }
}
