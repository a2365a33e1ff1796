//! The loop that makes a model learn (chapter 4.4).

use crate::{
    adamw::AdamW,
    callbacks::{Callbacks, Outcome},
    checkpoint::{self, Loaded, State, libtorch_version},
    course::Course,
    evaluate::{bits_per_byte, evaluate},
    examples::Examples,
    metrics::{Line, Sample, Step, Validation, rounded},
    progress::{Origin, Progress, check_data},
    seeds::{Purpose, derived_seed},
    settings::TrainSettings,
    step::{Batch, Measured, train_step},
};
use anyhow::{Context, Result, ensure};
use model::gpt2::Gpt2;
use serde_json::Value;
use std::{path::Path, time::Instant};

/// How a step is taken: [`train_step`], or what does the same in another way.
pub type TakeStep = Box<dyn FnMut(&Gpt2, &mut AdamW, &[Batch], f64, f64) -> Result<Measured>>;

/// A model in training.
pub struct Trainer {
    /// The model.
    pub model: Gpt2,
    /// What moves its parameters.
    pub optimizer: AdamW,
    /// How it does so.
    pub take_step: TakeStep,
    /// What it learns from.
    pub course: Course,
    /// How far it is.
    pub progress: Progress,
    /// What a resumed run must find unchanged.
    pub origin: Origin,
}

impl Trainer {
    /// Begins a run. `resume_metadata` is kept in each checkpoint for whoever resumes it.
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
        let origin = Origin {
            training_data: training.data_hash(),
            validation_data: validation.as_ref().map(|examples| examples.data_hash()),
            path: "lesson".to_owned(),
            resume_metadata,
        };
        let course = Course::new(settings, training, validation)?;
        let take_step = Box::new(train_step);
        Ok(Self { model, optimizer, take_step, course, progress: Progress::default(), origin })
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
        let mut trainer = Self::new(model, settings, training, validation, state.resume_metadata)?;
        trainer.origin.path = state.path;
        let ours = &trainer.origin;
        check_data("training", Some(&state.training_data), Some(&ours.training_data))?;
        check_data("validation", state.validation_data.as_ref(), ours.validation_data.as_ref())?;
        let State { step, tokens, skipped_batches, .. } = state;
        let progress = Progress { step, tokens, skipped_batches, history };
        Ok(Self { optimizer, progress, ..trainer })
    }

    /// Trains to the end of the run, and keeps checkpoints in `folder`.
    ///
    /// # Errors
    /// If a loss, a gradient or a weight is not finite, or the disk refuses.
    pub fn run(&mut self, folder: &Path, callbacks: &mut dyn Callbacks) -> Result<Outcome> {
        let mut saved = (self.progress.step > 0).then_some(self.progress.step);
        if self.progress.step == 0 {
            self.evaluate(callbacks)?;
        }
        let outcome = loop {
            if self.is_done() {
                break Outcome::Finished;
            }
            if callbacks.stop() {
                break Outcome::Stopped;
            }
            if let Some(step) = self.step()? {
                self.record(Line::Step(step), callbacks)?;
            }
            let due = self.course.due(self.progress.step);
            if due.evaluation {
                self.evaluate(callbacks)?;
            }
            if due.sample {
                self.sample(callbacks)?;
            }
            if due.checkpoint {
                self.checkpoint(folder, callbacks)?;
                saved = Some(self.progress.step);
            }
        };
        if saved != Some(self.progress.step) {
            self.checkpoint(folder, callbacks)?;
        }
        Ok(outcome)
    }

    /// Whether the last step is taken, or the validation loss has not become lower for as long as patience lasts.
    pub fn is_done(&self) -> bool {
        let (step, total) = (self.progress.step, self.course.schedule.total_steps);
        let patience = self.course.settings.patience;
        step >= total || patience > 0 && self.progress.measurements_since_best() >= patience
    }

    /// Takes one step, or none if its batches hold no target.
    ///
    /// # Errors
    /// If the loss or the gradient is not finite: then no weight has been touched.
    pub fn step(&mut self) -> Result<Option<Step>> {
        let started = Instant::now();
        let step = self.progress.step;
        let (batches, skipped) = self.course.batches(step, self.model.store.device())?;
        self.progress.skipped_batches += skipped;
        let counted: i64 = batches.iter().map(|batch| batch.counted).sum();
        let learning_rate = self.course.schedule.at(step);
        let settings = &self.course.settings;
        let grad_clip = if settings.grad_clip > 0.0 { settings.grad_clip } else { f64::INFINITY };
        if counted == 0 {
            self.progress.step += 1;
            return Ok(None);
        }
        // Every random number of a step follows from the seed and its number, so that a resumed run needs no generator's state.
        tch::manual_seed(derived_seed(settings.seed, Purpose::Step, step));
        let Self { model, optimizer, take_step, .. } = self;
        let Measured { loss, gradient_norm } =
            take_step(model, optimizer, &batches, learning_rate, grad_clip).with_context(|| {
                format!("step {} cannot be taken, and the weights are those before it", step + 1)
            })?;
        self.progress.step += 1;
        self.progress.tokens += counted as u64;
        Ok(Some(Step {
            step: self.progress.step,
            epoch: self.epoch(),
            tokens: self.progress.tokens,
            loss: rounded(loss),
            learning_rate: rounded(learning_rate),
            gradient_norm: rounded(gradient_norm),
            tokens_per_s: (counted as f64 / started.elapsed().as_secs_f64()).round(),
        }))
    }

    /// Passes over the data completed so far, with a fraction.
    fn epoch(&self) -> f64 {
        rounded(self.progress.step as f64 / self.course.steps_per_epoch as f64)
    }

    fn evaluate(&mut self, callbacks: &mut dyn Callbacks) -> Result<()> {
        let Some(examples) = &self.course.validation else {
            return Ok(());
        };
        let TrainSettings { batch_size, eval_batches, .. } = self.course.settings;
        let loss = evaluate(&self.model, &**examples, batch_size, eval_batches)?;
        let Progress { step, tokens, .. } = self.progress;
        ensure!(
            loss.is_finite(),
            "the validation loss after step {step} is {loss}; lower the learning rate"
        );
        let bits = self.course.bytes_per_token.map(|bytes| rounded(bits_per_byte(loss, bytes)));
        let measured = Validation {
            step,
            epoch: self.epoch(),
            tokens,
            validation_loss: rounded(loss),
            bits_per_byte: bits,
        };
        callbacks.measured(&self.model, &measured)?;
        self.record(Line::Validation(measured), callbacks)
    }

    fn sample(&mut self, callbacks: &mut dyn Callbacks) -> Result<()> {
        let Progress { step, tokens, .. } = self.progress;
        tch::manual_seed(derived_seed(self.course.settings.seed, Purpose::Sample, step));
        let sample = callbacks.sample(&self.model)?;
        self.record(Line::Sample(Sample { step, epoch: self.epoch(), tokens, sample }), callbacks)
    }

    fn record(&mut self, line: Line, callbacks: &mut dyn Callbacks) -> Result<()> {
        callbacks.line(&line)?;
        self.progress.history.push(line);
        Ok(())
    }

    fn checkpoint(&self, folder: &Path, callbacks: &mut dyn Callbacks) -> Result<()> {
        callbacks.before_checkpoint(&self.progress.history)?;
        self.save(folder)
    }

    /// Saves a checkpoint.
    ///
    /// # Errors
    /// If the disk refuses; earlier checkpoints stay.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let history = &self.progress.history;
        checkpoint::save(folder, &self.model, &self.optimizer, &self.state(), history).map(|_| ())
    }

    fn state(&self) -> State {
        let (progress, origin) = (&self.progress, self.origin.clone());
        State {
            step: progress.step,
            epoch: progress.step / self.course.steps_per_epoch,
            step_in_epoch: progress.step % self.course.steps_per_epoch,
            updates: self.optimizer.steps,
            tokens: progress.tokens,
            skipped_batches: progress.skipped_batches,
            settings: self.course.settings.clone(),
            training_data: origin.training_data,
            validation_data: origin.validation_data,
            libtorch: libtorch_version(),
            threads: tch::get_num_threads(),
            path: origin.path,
            resume_metadata: origin.resume_metadata,
        }
    }
}
