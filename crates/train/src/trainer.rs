//! The loop that makes a model learn (chapter 4.4).

use crate::{
    adamw::AdamW,
    checkpoint::{self, Loaded, State, libtorch_version},
    examples::Examples,
    fast::gradient::Gradient,
    metrics::{Line, Sample, Validation, rounded},
    run::folder::RunFolder,
    schedule::Schedule,
    seeds::{Purpose, derived_seed},
    settings::TrainSettings,
    step::ordered,
};
use anyhow::{Result, ensure};
use model::gpt2::Gpt2;
use serde_json::Value;

/// A model in training.
pub struct Trainer {
    /// The model.
    pub model: Gpt2,
    /// Finds gradients without autograd, where it can.
    pub(crate) gradient: Option<Gradient>,
    pub(crate) optimizer: AdamW,
    pub(crate) settings: TrainSettings,
    pub(crate) schedule: Schedule,
    pub(crate) training: Box<dyn Examples>,
    pub(crate) validation: Option<Box<dyn Examples>>,
    /// Fingerprints of the two.
    pub(crate) data_hashes: (String, Option<String>),
    pub(crate) steps_per_epoch: usize,
    /// The batches of one epoch, and which epoch that is.
    pub(crate) epoch_batches: (usize, Vec<Vec<usize>>),
    pub(crate) step: usize,
    pub(crate) tokens: u64,
    pub(crate) skipped_batches: usize,
    pub(crate) history: Vec<Line>,
    pub(crate) resume_metadata: Value,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All its steps are done.
    Finished,
    /// It was asked to stop; a checkpoint holds where.
    Stopped,
}

/// What a run calls on its way.
pub struct Callbacks<'a> {
    /// Lets the model show what it can write.
    pub sample: &'a dyn Fn(&Gpt2) -> Result<String>,
    /// Hears of each step, measurement and sample.
    pub line: &'a mut dyn FnMut(&Line),
    /// Asked before each step whether to stop.
    pub stop: &'a dyn Fn() -> bool,
}

impl Trainer {
    /// Begins a run. `command` is kept in each checkpoint for whoever resumes it.
    ///
    /// # Errors
    /// If a setting makes no sense or the examples fill no batch.
    pub fn new(
        model: Gpt2,
        settings: TrainSettings,
        training: Box<dyn Examples>,
        validation: Option<Box<dyn Examples>>,
        resume_metadata: Value,
    ) -> Result<Self> {
        let optimizer = AdamW::new(model.parameters(), settings.optimizer);
        Self::assemble(model, optimizer, settings, training, validation, resume_metadata)
    }

    /// Goes on where a checkpoint was saved.
    ///
    /// # Errors
    /// If the settings or the data are not those of the checkpoint; each difference is named.
    pub fn resume(
        loaded: Loaded,
        settings: TrainSettings,
        training: Box<dyn Examples>,
        validation: Option<Box<dyn Examples>>,
    ) -> Result<Self> {
        settings.check_against(&loaded.state.settings)?;
        let optimizer = loaded.optimizer()?;
        let Loaded { state, model, history, .. } = loaded;
        let trainer = Self::assemble(
            model,
            optimizer,
            settings,
            training,
            validation,
            state.resume_metadata,
        )?;
        for (name, saved, ours) in [
            ("training", Some(&state.training_data), Some(&trainer.data_hashes.0)),
            ("validation", state.validation_data.as_ref(), trainer.data_hashes.1.as_ref()),
        ] {
            ensure!(
                saved == ours,
                "the {name} data is not that of the checkpoint (SHA-256 {} there, {} here); resume with the same data, or begin \
                 another run",
                short(saved),
                short(ours)
            );
        }
        Ok(Self {
            step: state.step,
            tokens: state.tokens,
            skipped_batches: state.skipped_batches,
            history,
            ..trainer
        })
    }

    fn assemble(
        model: Gpt2,
        optimizer: AdamW,
        settings: TrainSettings,
        training: Box<dyn Examples>,
        validation: Option<Box<dyn Examples>>,
        resume_metadata: Value,
    ) -> Result<Self> {
        settings.check()?;
        let epoch_batches = (0, ordered(&*training, &settings, 0)?);
        let steps_per_epoch = epoch_batches.1.len().div_ceil(settings.grad_accum);
        let schedule = settings.schedule(settings.total_steps(steps_per_epoch));
        let data_hashes =
            (training.data_hash(), validation.as_ref().map(|examples| examples.data_hash()));
        Ok(Self {
            gradient: Gradient::of(&model),
            model,
            optimizer,
            settings,
            schedule,
            training,
            validation,
            data_hashes,
            steps_per_epoch,
            epoch_batches,
            step: 0,
            tokens: 0,
            skipped_batches: 0,
            history: Vec::new(),
            resume_metadata,
        })
    }

    /// Puts something else into the checkpoints to come, for whoever resumes the run.
    pub fn set_resume_metadata(&mut self, metadata: Value) {
        self.resume_metadata = metadata;
    }

    /// How it trains.
    pub fn settings(&self) -> &TrainSettings {
        &self.settings
    }

    /// Steps taken so far.
    pub fn steps(&self) -> usize {
        self.step
    }

    /// Steps of the whole run.
    pub fn total_steps(&self) -> usize {
        self.schedule.total_steps
    }

    /// Steps in a pass over the data.
    pub fn steps_per_epoch(&self) -> usize {
        self.steps_per_epoch
    }

    /// Targets learned from so far.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Batches that had no target and taught nothing.
    pub fn skipped_batches(&self) -> usize {
        self.skipped_batches
    }

    /// All that happened so far.
    pub fn history(&self) -> &[Line] {
        &self.history
    }

    pub(crate) fn epoch(&self) -> f64 {
        rounded(self.step as f64 / self.steps_per_epoch as f64)
    }

    /// Trains to the end of the run, and writes down what happens in `folder`.
    ///
    /// # Errors
    /// If a loss, a gradient or a weight is not finite, or the disk refuses.
    pub fn run(&mut self, folder: &mut RunFolder, callbacks: &mut Callbacks) -> Result<Outcome> {
        let mut saved = (self.step > 0).then_some(self.step);
        if self.step == 0 {
            self.measure(folder, callbacks)?;
        }
        while self.step < self.total_steps() {
            if (callbacks.stop)() {
                if saved != Some(self.step) {
                    self.save(folder)?;
                }
                return Ok(Outcome::Stopped);
            }
            if let Some(step) = self.step()? {
                self.note(Line::Step(step), folder, callbacks)?;
            }
            let epoch_ends =
                self.step.is_multiple_of(self.steps_per_epoch) || self.step == self.total_steps();
            let due = |every: usize| epoch_ends || (every > 0 && self.step.is_multiple_of(every));
            let Due { measure, sample, save } = Due {
                measure: due(self.settings.eval_every),
                sample: due(self.settings.sample_every),
                save: due(self.settings.save_every),
            };
            if measure {
                self.measure(folder, callbacks)?;
            }
            if sample {
                self.sample(folder, callbacks)?;
            }
            if save {
                self.save(folder)?;
                saved = Some(self.step);
            }
        }
        Ok(Outcome::Finished)
    }

    fn measure(&mut self, folder: &mut RunFolder, callbacks: &mut Callbacks) -> Result<()> {
        let Some(validation_loss) = self.validation_loss()? else {
            return Ok(());
        };
        ensure!(
            validation_loss.is_finite(),
            "the validation loss after step {} is {validation_loss}; lower the learning rate",
            self.step
        );
        let (step, epoch, tokens, validation_loss) =
            (self.step, self.epoch(), self.tokens, rounded(validation_loss));
        self.note(
            Line::Validation(Validation { step, epoch, tokens, validation_loss }),
            folder,
            callbacks,
        )
    }

    fn sample(&mut self, folder: &mut RunFolder, callbacks: &mut Callbacks) -> Result<()> {
        tch::manual_seed(derived_seed(self.settings.seed, Purpose::Sample, self.step));
        let sample = (callbacks.sample)(&self.model)?;
        let (step, epoch, tokens) = (self.step, self.epoch(), self.tokens);
        self.note(Line::Sample(Sample { step, epoch, tokens, sample }), folder, callbacks)
    }

    fn note(
        &mut self,
        line: Line,
        folder: &mut RunFolder,
        callbacks: &mut Callbacks,
    ) -> Result<()> {
        folder.append(&line)?;
        (callbacks.line)(&line);
        self.history.push(line);
        Ok(())
    }

    /// Saves a checkpoint.
    ///
    /// # Errors
    /// If the disk refuses; earlier checkpoints stay.
    pub fn save(&self, folder: &RunFolder) -> Result<()> {
        folder.write_progress(&self.history)?;
        checkpoint::save(folder.path(), &self.model, &self.optimizer, &self.state(), &self.history)
            .map(|_| ())
    }

    fn state(&self) -> State {
        State {
            step: self.step,
            epoch: self.step / self.steps_per_epoch,
            step_in_epoch: self.step % self.steps_per_epoch,
            updates: self.optimizer.steps(),
            tokens: self.tokens,
            skipped_batches: self.skipped_batches,
            settings: self.settings.clone(),
            training_data: self.data_hashes.0.clone(),
            validation_data: self.data_hashes.1.clone(),
            libtorch: libtorch_version(),
            threads: tch::get_num_threads(),
            resume_metadata: self.resume_metadata.clone(),
        }
    }
}

struct Due {
    measure: bool,
    sample: bool,
    save: bool,
}

fn short(hash: Option<&String>) -> &str {
    hash.map_or("none", |hash| &hash[..12.min(hash.len())])
}
