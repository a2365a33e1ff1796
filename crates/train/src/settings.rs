//! Everything that decides a run besides the model and the data (chapter 4.3).

use crate::{adamw::AdamWSettings, schedule::Schedule};
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// After so many passes over the data.
    Epochs(usize),
    /// After so many steps.
    Steps(usize),
}

/// In which numbers matrices are multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// float32, as everything else.
    #[default]
    F32,
    /// Copies in bfloat16, summed in float32; all else, the weights and their moments too, stays in float32.
    Bf16,
}

/// How the trainer trains. A checkpoint holds it, so that a resumed run is the same run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSettings {
    /// Every random number of the run follows from it.
    pub seed: u32,
    /// Examples whose gradients are computed at once, `B`.
    pub batch_size: usize,
    /// Batches whose gradients add up to one step.
    pub grad_accum: usize,
    /// When the run ends.
    pub length: Length,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// The learning rate at the end.
    pub min_lr: f64,
    /// Steps over which the learning rate rises from nearly zero.
    pub warmup_steps: usize,
    /// The constants of the optimizer.
    pub optimizer: AdamWSettings,
    /// The largest gradient norm that is let through; 0 lets every one through.
    pub grad_clip: f64,
    /// Steps between two measurements of the validation loss; 0 measures at the end of each epoch only.
    pub eval_every: usize,
    /// Batches in such a measurement, spread over the validation data; 0 takes all.
    pub eval_batches: usize,
    /// Steps between two samples; 0 samples at the end of each epoch only.
    pub sample_every: usize,
    /// Steps between two checkpoints; 0 saves at the end of each epoch only.
    pub save_every: usize,
    /// How many checkpoints stay on the disk.
    pub keep_last: usize,
    /// Whether the weights with the lowest validation loss are kept, and are what the run ends with.
    #[serde(default)] // earlier checkpoints knew neither this nor patience
    pub keep_best: bool,
    /// Measurements in a row without a lower validation loss after which the run ends; 0 goes on whatever they say.
    #[serde(default)]
    pub patience: usize,
    /// In which numbers matrices are multiplied.
    #[serde(default)] // earlier checkpoints knew float32 alone
    pub precision: Precision,
}

impl Default for TrainSettings {
    /// Settings under which the tiny model learns a text of some thousand words.
    fn default() -> Self {
        Self {
            seed: 123,
            batch_size: 4,
            grad_accum: 1,
            length: Length::Epochs(10),
            learning_rate: 2e-3,
            min_lr: 2e-4,
            warmup_steps: 10,
            optimizer: AdamWSettings::default(),
            grad_clip: 1.0,
            eval_every: 20,
            eval_batches: 20,
            sample_every: 0,
            save_every: 0,
            keep_last: 2,
            keep_best: true,
            patience: 0,
            precision: Precision::F32,
        }
    }
}

impl TrainSettings {
    /// Checks that a run with these settings is possible.
    ///
    /// # Errors
    /// Names the first setting that makes no sense.
    pub fn check(&self) -> Result<()> {
        let counts = [
            ("batch-size", self.batch_size),
            ("grad-accum", self.grad_accum),
            ("keep-last", self.keep_last),
        ];
        for (name, count) in counts {
            ensure!(count >= 1, "{name} is 0; it must be at least 1");
        }
        let (name, length) = match self.length {
            Length::Epochs(epochs) => ("epochs", epochs),
            Length::Steps(steps) => ("max-steps", steps),
        };
        ensure!(length >= 1, "{name} is 0; it must be at least 1");
        let AdamWSettings { beta1, beta2, epsilon, weight_decay } = self.optimizer;
        let numbers = [
            ("learning-rate", self.learning_rate, self.learning_rate > 0.0),
            ("min-lr", self.min_lr, self.min_lr >= 0.0),
            ("weight-decay", weight_decay, weight_decay >= 0.0),
            ("grad-clip", self.grad_clip, self.grad_clip >= 0.0),
            ("beta1", beta1, (0.0..1.0).contains(&beta1)),
            ("beta2", beta2, (0.0..1.0).contains(&beta2)),
            ("epsilon", epsilon, epsilon > 0.0),
        ];
        for (name, number, possible) in numbers {
            ensure!(
                possible && number.is_finite(),
                "{name} is {number}, with which no training is possible"
            );
        }
        ensure!(
            self.min_lr <= self.learning_rate,
            "min-lr is {}, above the learning rate of {}; it is the rate at the end of the run",
            self.min_lr,
            self.learning_rate
        );
        Ok(())
    }

    /// The number of steps in a run over `steps_per_epoch` steps an epoch.
    pub fn total_steps(&self, steps_per_epoch: usize) -> usize {
        match self.length {
            Length::Epochs(epochs) => epochs.saturating_mul(steps_per_epoch),
            Length::Steps(steps) => steps,
        }
    }

    /// The learning rates of such a run.
    pub fn schedule(&self, total_steps: usize) -> Schedule {
        Schedule {
            learning_rate: self.learning_rate,
            min_learning_rate: self.min_lr,
            warmup_steps: self.warmup_steps,
            total_steps,
        }
    }

    /// Refuses to go on with `self` where a checkpoint was made under `saved`, naming every setting in which they differ.
    ///
    /// When the run ends and what it writes on the way may change.
    ///
    /// # Errors
    /// If a setting that decides how a step is taken differs.
    pub fn check_against(&self, saved: &Self) -> Result<()> {
        let comparable = Self {
            length: saved.length,
            eval_every: saved.eval_every,
            eval_batches: saved.eval_batches,
            sample_every: saved.sample_every,
            save_every: saved.save_every,
            keep_last: saved.keep_last,
            keep_best: saved.keep_best,
            patience: saved.patience,
            ..self.clone()
        };
        let (ours, theirs) =
            (flat(&serde_json::to_value(comparable)?), flat(&serde_json::to_value(saved)?));
        let differing: Vec<String> = ours
            .iter()
            .zip(&theirs)
            .filter(|(ours, theirs)| ours != theirs)
            .map(|((name, ours), (_, theirs))| format!("{name} is {theirs} there and {ours} here"))
            .collect();
        ensure!(
            differing.is_empty(),
            "these settings contradict the checkpoint: {}; leave them out to resume, or begin another run",
            differing.join(", ")
        );
        Ok(())
    }
}

/// The names and values of an object, those of objects inside it in their place.
pub fn flat(value: &Value) -> Vec<(String, Value)> {
    let Some(object) = value.as_object() else {
        return Vec::new();
    };
    let entry = |(name, value): (&String, &Value)| match value {
        Value::Object(_) => flat(value),
        _ => vec![(name.clone(), value.clone())],
    };
    object.iter().flat_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without `float_roundtrip` the parser of JSON gets one such number in ten wrong by one bit.
    #[test]
    fn a_checkpoint_gives_back_every_setting_to_the_last_bit() {
        let mut rate = 3e-4_f64;
        for _ in 0..2000 {
            let settings = TrainSettings {
                learning_rate: rate,
                min_lr: rate / 10.0,
                ..TrainSettings::default()
            };
            settings.check().expect("a possible run");
            let text = serde_json::to_string(&settings).expect("finite numbers");
            let back: TrainSettings = serde_json::from_str(&text).expect("its own form");
            assert_eq!(back.learning_rate.to_bits(), settings.learning_rate.to_bits(), "{text}");
            assert_eq!(back.min_lr.to_bits(), settings.min_lr.to_bits(), "{text}");
            rate *= 1.003;
        }
    }
}
