//! Speed for chapter 4: the same steps as [`train_step`]'s, sooner, on a CPU.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`gradient`] | the gradient written out by hand |
//! | [`fused_adamw`] | AdamW in one pass over memory |
//! | [`proof`] | holds both against the lesson |
//!
//! On an AMD Zen 3 a step of the 124M model with 2 texts of 256 tokens takes 0.71 of the time that PyTorch
//! takes with fused operators. `cargo xtask bench train --only train-2x256` measures it.

pub mod fused_adamw;
pub mod gradient;
pub mod proof;

use crate::{
    adamw::{AdamW, clip_factor},
    settings::{Precision, TrainSettings},
    step::{Batch, Measured, train_step},
    trainer::TakeStep,
};
use anyhow::{Result, ensure};
use fused_adamw::fused_step;
use gradient::Gradient;
use model::{
    fast::path::{CodePath, choose},
    gpt2::Gpt2,
};

/// How a run takes its steps: by the fast path where it is proven to do what the lesson does, else by the lesson, and then why.
///
/// # Errors
/// If the fast path is asked for, by name or by a precision that only it has, and cannot be taken.
pub fn stepper(
    model: &Gpt2,
    settings: &TrainSettings,
    wanted: Option<CodePath>,
) -> Result<(CodePath, TakeStep, Option<String>)> {
    let rounds = settings.precision == Precision::Bf16;
    ensure!(
        !rounds || wanted != Some(CodePath::Lesson),
        "the lesson multiplies in f32; --precision bf16 needs the fast path"
    );
    // Whoever asks for the precision is told why it cannot be had, instead of going on in another one.
    let wanted = if rounds { Some(CodePath::Fast) } else { wanted };
    let chosen = choose(wanted, || {
        gradient::check(model)?;
        proof::training(&model.config, settings)?;
        FastStep::new(model, settings.precision) // last, as it takes the gradients' memory, which the lesson would miss
    })?;
    Ok(match chosen {
        Ok(mut step) => {
            let take: TakeStep =
                Box::new(move |_, optimizer, batches, learning_rate, grad_clip| {
                    step.take(optimizer, batches, learning_rate, grad_clip)
                });
            (CodePath::Fast, take, None)
        }
        Err(reason) => (CodePath::Lesson, Box::new(train_step), reason),
    })
}

/// Takes steps of a model without autograd.
pub struct FastStep {
    gradient: Gradient,
}

impl FastStep {
    /// Prepares for the steps of a model in a precision; gradients that it has are forgotten.
    ///
    /// # Errors
    /// If the fast path has no rule for the model.
    pub fn new(model: &Gpt2, precision: Precision) -> Result<Self> {
        Ok(Self { gradient: Gradient::of(model, precision)? })
    }

    /// Does what [`train_step`] does; but the gradients are left as they were before clipping.
    ///
    /// # Errors
    /// As [`train_step`].
    pub fn take(
        &mut self,
        optimizer: &mut AdamW,
        batches: &[Batch],
        learning_rate: f64,
        grad_clip: f64,
    ) -> Result<Measured> {
        let counted: i64 = batches.iter().map(|batch| batch.counted).sum();
        let mut mean_loss = 0.0;
        for (number, batch) in batches.iter().enumerate() {
            let weight = batch.counted as f64 / counted as f64;
            let loss = self.gradient.add(&batch.inputs, &batch.targets, weight, number == 0);
            mean_loss += weight * loss;
        }
        ensure!(mean_loss.is_finite(), "the loss is {mean_loss}; lower the learning rate");
        let gradient_norm = optimizer.gradient_norm();
        ensure!(gradient_norm.is_finite(), "the gradient is not finite; lower the learning rate");
        fused_step(optimizer, learning_rate, clip_factor(gradient_norm, grad_clip));
        Ok(Measured { loss: mean_loss, gradient_norm })
    }
}
