//! What the options of a new run amount to (chapter 4.4): its preset, its texts, its settings.

use super::options::Options;
use crate::{
    run::presets::{self, Preset},
    settings::{Length, TrainSettings},
};
use model::gpt2::Gpt2;
use std::{fs, path::Path};

/// The tokens of a step for which the default rate was chosen.
const TOKENS: f64 = 512.0;
/// Above so many parameters a model wants smaller steps.
const LARGE: i64 = 50_000_000;

/// A rate as somebody would choose it.
fn two_digits(rate: f64) -> f64 {
    format!("{rate:.1e}").parse().unwrap_or(rate)
}

/// Paths as they will still be right when the run is resumed from another folder; names of datasets stay.
pub fn remembered(text: &[String]) -> Vec<String> {
    let absolute = |source: &String| {
        let path = Path::new(source);
        let path = path.exists().then(|| fs::canonicalize(path).ok()).flatten();
        path.map_or_else(|| source.clone(), |path| path.to_string_lossy().into_owned())
    };
    text.iter().map(absolute).collect()
}

impl Options {
    /// The preset that is asked for by name, or by nothing.
    pub fn preset(&self) -> Option<Preset> {
        let nothing = self.model.is_none() && self.init.is_none() && self.text.is_empty();
        presets::find(self.model.as_deref().unwrap_or(if nothing { presets::DEFAULT } else { "" }))
    }

    /// The texts that are asked for, or the preset's own.
    pub fn texts(&self) -> Vec<String> {
        let own = self.preset().and_then(|preset| preset.text).map(str::to_owned);
        if self.text.is_empty() { own.into_iter().collect() } else { self.text.clone() }
    }

    /// Settings with everything that the command line says.
    pub fn settings(&self, settings: &TrainSettings) -> TrainSettings {
        let length = match (self.epochs, self.max_steps) {
            (Some(epochs), _) => Length::Epochs(epochs),
            (_, Some(steps)) => Length::Steps(steps),
            _ => settings.length,
        };
        let mut optimizer = settings.optimizer;
        optimizer.weight_decay = self.weight_decay.unwrap_or(optimizer.weight_decay);
        TrainSettings {
            seed: self.seed.unwrap_or(settings.seed),
            batch_size: self.batch_size.unwrap_or(settings.batch_size),
            grad_accum: self.grad_accum.unwrap_or(settings.grad_accum),
            length,
            learning_rate: self.learning_rate.unwrap_or(settings.learning_rate),
            min_lr: self.min_lr.unwrap_or(settings.min_lr),
            warmup_steps: self.warmup_steps.unwrap_or(settings.warmup_steps),
            optimizer,
            grad_clip: self.grad_clip.unwrap_or(settings.grad_clip),
            eval_every: self.eval_every.unwrap_or(settings.eval_every),
            eval_batches: self.eval_batches.unwrap_or(settings.eval_batches),
            sample_every: self.sample_every.unwrap_or(settings.sample_every),
            save_every: self.save_every.unwrap_or(settings.save_every),
            keep_last: self.keep_last.unwrap_or(settings.keep_last),
            keep_best: self.keep_best.unwrap_or(settings.keep_best),
            patience: self.patience.unwrap_or(settings.patience),
            precision: self.precision.unwrap_or(settings.precision),
        }
    }

    /// Learning rates that suit the size of the model and of a step's batches, where none are given.
    ///
    /// A gradient of few tokens is a noisy one: 128 tokens at the rate for 512 make the loss of the tiny model leap from 6.7 to 13.2. The
    /// noise shrinks with the root of their number, and so the rate does.
    pub fn rates(
        &self,
        settings: &TrainSettings,
        model: &Gpt2,
        context: usize,
        from_scratch: bool,
    ) -> TrainSettings {
        let tokens =
            settings.batch_size.saturating_mul(settings.grad_accum).saturating_mul(context);
        let noise = (tokens as f64 / TOKENS).sqrt().min(1.0);
        let suitable = match (from_scratch, model.config.parameters() > LARGE) {
            (false, _) => 5e-5,
            (true, true) => 4e-4,
            (true, false) => two_digits(settings.learning_rate * noise),
        };
        let learning_rate = self.learning_rate.unwrap_or(suitable);
        self.with_last_rate(&TrainSettings { learning_rate, ..settings.clone() })
    }

    /// Settings whose last rate is a tenth of the highest, unless another is given.
    pub fn with_last_rate(&self, settings: &TrainSettings) -> TrainSettings {
        TrainSettings {
            min_lr: self.min_lr.unwrap_or(two_digits(settings.learning_rate / 10.0)),
            ..settings.clone()
        }
    }
}
