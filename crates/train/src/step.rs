//! One step of training (chapter 4.4): batches, loss, gradient, update.

use crate::{
    examples::Examples,
    loss::{IGNORED, batch_loss, mean_loss},
    metrics::{Step, rounded},
    seeds::{Purpose, derived_seed},
    settings::TrainSettings,
    trainer::Trainer,
};
use anyhow::{Context, Result, ensure};
use std::time::Instant;
use tch::{Kind, Tensor};

struct Batch {
    inputs: Tensor,  // [B, T]
    targets: Tensor, // [B, T]
    /// Targets that are not ignored.
    counted: i64,
}

impl Trainer {
    /// Takes one step, or none if its batches hold no target.
    ///
    /// # Errors
    /// If the loss or the gradient is not finite: then no weight has been touched.
    pub fn step(&mut self) -> Result<Option<Step>> {
        let started = Instant::now();
        let batches = self.next_batches()?;
        // Every random number of a step follows from the seed and its number, so that a resumed run needs no generator's state.
        tch::manual_seed(derived_seed(self.settings.seed, Purpose::Step, self.step));
        let counted: i64 = batches.iter().map(|batch| batch.counted).sum();
        if counted == 0 {
            self.step += 1;
            return Ok(None);
        }
        let loss = self.gather_gradients(&batches, counted);
        let number = self.step + 1;
        ensure!(
            loss.is_finite(),
            "the loss of step {number} is {loss}; the weights are those before it; lower the learning rate"
        );
        let most = if self.settings.grad_clip > 0.0 { self.settings.grad_clip } else { f64::MAX };
        let (gradient_norm, clip) = self.optimizer.clip_factor(most).with_context(|| {
            format!("step {number} cannot be taken, and the weights are those before it")
        })?;
        let learning_rate = self.schedule.at(self.step);
        self.optimizer.fused_step(learning_rate, clip);
        self.step = number;
        self.tokens += counted as u64;
        Ok(Some(Step {
            step: number,
            epoch: self.epoch(),
            tokens: self.tokens,
            loss: rounded(loss),
            learning_rate: rounded(learning_rate),
            gradient_norm: rounded(gradient_norm),
            tokens_per_s: (counted as f64 / started.elapsed().as_secs_f64()).round(),
        }))
    }

    /// The mean loss over all targets of the batches; their mean gradient is left in the parameters.
    fn gather_gradients(&mut self, batches: &[Batch], counted: i64) -> f64 {
        let mut mean = 0.0;
        for (number, Batch { inputs, targets, counted: of_batch }) in batches.iter().enumerate() {
            // A batch counts by its targets, so that several small batches teach what one large batch would.
            let (weight, first) = (*of_batch as f64 / counted as f64, number == 0);
            let loss = match &mut self.gradient {
                Some(by_hand) => by_hand.add(inputs, targets, weight, first),
                None => self.add_by_autograd(inputs, targets, weight, first),
            };
            mean += weight * loss;
        }
        mean
    }

    /// [`Gradient::add`](crate::fast::gradient::Gradient::add) for every model: with dropout, on every device.
    fn add_by_autograd(&self, inputs: &Tensor, targets: &Tensor, weight: f64, first: bool) -> f64 {
        if first {
            self.optimizer.zero_grad();
        }
        let loss = batch_loss(&self.model, inputs, targets, true);
        if weight < 1.0 {
            (&loss * weight).backward();
        } else {
            loss.backward();
        }
        loss.double_value(&[])
    }

    /// Inputs and targets of the next step, those without a target left out and counted.
    fn next_batches(&mut self) -> Result<Vec<Batch>> {
        let epoch = self.step / self.steps_per_epoch;
        if self.epoch_batches.0 != epoch {
            self.epoch_batches = (epoch, ordered(&*self.training, &self.settings, epoch)?);
        }
        let first = self.step % self.steps_per_epoch * self.settings.grad_accum;
        let last = self.epoch_batches.1.len().min(first + self.settings.grad_accum);
        let mut batches = Vec::new();
        for items in &self.epoch_batches.1[first..last] {
            let (inputs, targets) = self.training.batch(items);
            let counted = count(&targets);
            if counted == 0 {
                self.skipped_batches += 1;
            } else {
                let [inputs, targets] =
                    [inputs, targets].map(|ids| ids.to_device(self.model.store.device()));
                batches.push(Batch { inputs, targets, counted });
            }
        }
        Ok(batches)
    }

    /// The mean validation loss in eval mode, if there is anything to measure it on.
    ///
    /// # Errors
    /// If the validation data holds no target.
    pub fn validation_loss(&self) -> Result<Option<f64>> {
        let Some(examples) = &self.validation else {
            return Ok(None);
        };
        let (len, batch_size) = (examples.len(), self.settings.batch_size);
        let measured = match self.settings.eval_batches {
            0 => len,
            batches => len.min(batches.saturating_mul(batch_size)),
        };
        // Evenly spread, and the same at each measurement.
        let items: Vec<usize> = (0..measured).map(|index| index * len / measured).collect();
        let device = self.model.store.device();
        let batches = items
            .chunks(batch_size)
            .map(|items| examples.batch(items))
            .filter(|(_, targets)| count(targets) > 0)
            .map(|(inputs, targets)| (inputs.to_device(device), targets.to_device(device)));
        mean_loss(&self.model, batches).map(Some)
    }
}

/// The batches of an epoch, whose order follows from the seed and the number of the epoch.
pub(crate) fn ordered(
    examples: &dyn Examples,
    settings: &TrainSettings,
    epoch: usize,
) -> Result<Vec<Vec<usize>>> {
    tch::manual_seed(derived_seed(settings.seed, Purpose::Order, epoch));
    let batches = examples.pass(settings.batch_size)?;
    ensure!(!batches.is_empty(), "there is no batch of {} to train on", settings.batch_size);
    Ok(batches)
}

/// Targets that are not ignored.
fn count(targets: &Tensor) -> i64 {
    targets.ne(IGNORED).sum(Kind::Int64).int64_value(&[])
}
