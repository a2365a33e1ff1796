//! The weights whose validation loss was the lowest (chapter 4.4), kept as `checkpoints/best` in the folder of a run.

use crate::{
    checkpoint::CHECKPOINTS,
    metrics::{Line, Validation},
    trainer::Trainer,
};
use anyhow::{Context, Result};
use model::{
    format::{self, WEIGHTS, safetensors},
    gpt2::Gpt2,
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tch::nn::VarStore;

/// Its folder, beside the checkpoints.
const BEST: &str = "best";
/// The measurement that made it the best.
const MEASURED: &str = "validation.json";
/// The largest share of a run's time that may go into writing.
const SHARE: f64 = 0.05;

/// Keeps the best weights of a run.
pub struct Best {
    folder: PathBuf,
    lowest: Option<Validation>,
    /// Weights that are not written yet, as the last ones were only just.
    waiting: Option<Gpt2>,
    written: Instant,
    writing: Duration,
}

impl Best {
    /// For a run that begins, or goes on and has kept its best so far.
    pub fn of(run: &Path, trainer: &Trainer) -> Self {
        let folder = folder(run);
        if trainer.progress.step == 0 {
            let _ = fs::remove_dir_all(&folder); // of a run that ended before its first checkpoint
        }
        let (written, writing) = (Instant::now(), Duration::ZERO);
        Self { folder, lowest: kept(run), waiting: None, written, writing }
    }

    /// Hears of a measurement of the model, and keeps its weights if none were better.
    ///
    /// Weights that cannot be written yet are kept in memory, so that what a run ends with does not depend on how fast a disk is.
    ///
    /// # Errors
    /// If its sizes are impossible, which a model's are not.
    pub fn measured(&mut self, model: &Gpt2, measured: &Validation) -> Result<()> {
        let loss = |measured: &Validation| measured.validation_loss;
        let is_lower = self.lowest.as_ref().is_none_or(|lowest| loss(measured) < loss(lowest));
        if measured.step == 0 || !is_lower {
            return Ok(());
        }
        self.lowest = Some(measured.clone());
        let is_due = self.writing.as_secs_f64() <= SHARE * self.written.elapsed().as_secs_f64();
        // A disk that refuses is heard of at the next checkpoint.
        if !is_due || self.write(model).is_err() {
            self.waiting = Some(copy(model)?);
        } else {
            self.waiting = None;
        }
        Ok(())
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn flush(&mut self) -> Result<()> {
        match self.waiting.take() {
            Some(model) => self.write(&model),
            None => Ok(()),
        }
    }

    /// The weights before their measurement: a run that is killed in between knows less than it has, and measures again.
    fn write(&mut self, model: &Gpt2) -> Result<()> {
        let started = Instant::now();
        let measured = serde_json::to_string(&self.lowest)? + "\n";
        format::save(&self.folder, model)
            .and_then(|()| {
                safetensors::replace(&self.folder.join(MEASURED), |temporary| {
                    Ok(fs::write(temporary, &measured)?)
                })
            })
            .with_context(|| {
                format!("cannot save the best weights in {}", self.folder.display())
            })?;
        (self.writing, self.written) = (started.elapsed(), Instant::now());
        Ok(())
    }

    /// Gives a run that is at its end the weights that were better than its last ones, if there are any, and their measurement.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn restore(mut self, trainer: &mut Trainer) -> Result<Option<Validation>> {
        self.flush()?;
        let last = trainer.progress.history.iter().rev().find_map(|line| match line {
            Line::Validation(measured) => Some(measured.validation_loss),
            _ => None,
        });
        let better = |best: &Validation| last.is_none_or(|last| best.validation_loss < last);
        let Some(best) = self.lowest.filter(better) else { return Ok(None) };
        let kept = format::load(&self.folder, trainer.model.store.device())?;
        trainer.model = Gpt2::with_parameters(trainer.model.config, kept.store)?;
        Ok(Some(best))
    }
}

fn folder(run: &Path) -> PathBuf {
    run.join(CHECKPOINTS).join(BEST)
}

/// The measurement of the weights that a run has kept.
pub fn kept(run: &Path) -> Option<Validation> {
    let folder = folder(run);
    let measured = fs::read_to_string(folder.join(MEASURED)).ok()?;
    let measured = serde_json::from_str(&measured).ok()?;
    folder.join(WEIGHTS).is_file().then_some(measured)
}

fn copy(model: &Gpt2) -> Result<Gpt2> {
    let store = VarStore::new(model.store.device());
    for (name, parameter) in model.parameters() {
        let _ = format::add(&store, &name, parameter.detach().copy());
    }
    Gpt2::with_parameters(model.config, store)
}
