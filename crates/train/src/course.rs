//! Which examples each step learns from, and how (chapter 4.4).

use crate::{
    examples::Examples,
    schedule::Schedule,
    seeds::{Purpose, derived_seed},
    settings::TrainSettings,
    step::Batch,
};
use anyhow::{Result, ensure};
use tch::Device;

/// The settings and the examples of a run, and the order in which its steps take them.
pub struct Course {
    /// How the run trains.
    pub settings: TrainSettings,
    /// How large each step is.
    pub schedule: Schedule,
    /// What is learned from.
    pub training: Box<dyn Examples>,
    /// What is measured on.
    pub validation: Option<Box<dyn Examples>>,
    /// Bytes of the validation text for each token that counts, where they are known.
    pub bytes_per_token: Option<f64>,
    /// Steps in a pass over the training examples.
    pub steps_per_epoch: usize,
    /// The batches of one epoch, and which epoch that is.
    epoch_batches: (usize, Vec<Vec<usize>>),
}

impl Course {
    /// Plans a run.
    ///
    /// # Errors
    /// If a setting makes no sense or the examples fill no batch.
    pub fn new(
        settings: TrainSettings,
        training: Box<dyn Examples>,
        validation: Option<Box<dyn Examples>>,
    ) -> Result<Self> {
        settings.check()?;
        let first = ordered(&*training, &settings, 0)?;
        let steps_per_epoch = first.len().div_ceil(settings.grad_accum);
        let schedule = settings.schedule(settings.total_steps(steps_per_epoch));
        let epoch_batches = (0, first);
        Ok(Self {
            settings,
            schedule,
            training,
            validation,
            bytes_per_token: None,
            steps_per_epoch,
            epoch_batches,
        })
    }

    /// The batches of a step, counted from 0, and how many were left out because they hold no target.
    ///
    /// # Errors
    /// If the examples fill no batch.
    pub fn batches(&mut self, step: usize, device: Device) -> Result<(Vec<Batch>, usize)> {
        let epoch = step / self.steps_per_epoch;
        if self.epoch_batches.0 != epoch {
            self.epoch_batches = (epoch, ordered(&*self.training, &self.settings, epoch)?);
        }
        let all = &self.epoch_batches.1;
        let first = step % self.steps_per_epoch * self.settings.grad_accum;
        let last = all.len().min(first + self.settings.grad_accum);
        let mut batches = Vec::new();
        for items in &all[first..last] {
            let (inputs, targets) = self.training.batch(items);
            let batch = Batch::new(inputs.to_device(device), targets.to_device(device));
            if batch.counted > 0 {
                batches.push(batch);
            }
        }
        let skipped = last - first - batches.len();
        Ok((batches, skipped))
    }

    /// What a step must do besides learning, once `step` steps are taken.
    pub fn due(&self, step: usize) -> Due {
        let epoch_ends =
            step.is_multiple_of(self.steps_per_epoch) || step == self.schedule.total_steps;
        let due = |every: usize| epoch_ends || (every > 0 && step.is_multiple_of(every));
        Due {
            evaluation: due(self.settings.eval_every),
            sample: due(self.settings.sample_every),
            checkpoint: due(self.settings.save_every),
        }
    }
}

/// The events that follow a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The validation loss is measured.
    pub evaluation: bool,
    /// The model writes something.
    pub sample: bool,
    /// A checkpoint is saved.
    pub checkpoint: bool,
}

/// The batches of an epoch, whose order follows from the seed and the number of the epoch.
fn ordered(
    examples: &dyn Examples,
    settings: &TrainSettings,
    epoch: usize,
) -> Result<Vec<Vec<usize>>> {
    tch::manual_seed(derived_seed(settings.seed, Purpose::Order, epoch));
    let batches = examples.pass(settings.batch_size)?;
    ensure!(!batches.is_empty(), "there is no batch of {} to train on", settings.batch_size);
    Ok(batches)
}
