//! The loop that makes a model learn (chapter 4.4).

use crate::{
    adamw::AdamW,
    checkpoint::{self, Loaded, State, libtorch_version},
    examples::Examples,
    loss::{IGNORED, batch_loss, mean_loss},
    metrics::{Line, Sample, Step, Validation},
    output::RunFolder,
    schedule::Schedule,
    settings::TrainSettings,
};
use anyhow::{Context, Result, ensure};
use model::gpt2::Gpt2;
use serde_json::Value;
use std::time::Instant;
use tch::{Kind, Tensor};

/// A model in training.
pub struct Trainer {
    /// The model.
    pub model: Gpt2,
    optimizer: AdamW,
    settings: TrainSettings,
    schedule: Schedule,
    training: Box<dyn Examples>,
    validation: Option<Box<dyn Examples>>,
    /// Fingerprints of the two.
    fingerprints: (String, Option<String>),
    steps_per_epoch: usize,
    /// The batches of one epoch, and which epoch that is.
    plan: (usize, Vec<Vec<usize>>),
    step: usize,
    tokens: u64,
    skipped_batches: usize,
    history: Vec<Line>,
    command: Value,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All its steps are done.
    Finished,
    /// It was asked to stop; a checkpoint holds where.
    Stopped,
}

/// What a run calls on its way.
pub struct Hooks<'a> {
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
        command: Value,
    ) -> Result<Self> {
        let optimizer = AdamW::new(model.parameters(), settings.optimizer);
        Self::assemble(model, optimizer, settings, training, validation, command)
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
        let trainer = Self::assemble(model, optimizer, settings, training, validation, state.command)?;
        for (name, saved, ours) in [
            ("training", Some(&state.training_data), Some(&trainer.fingerprints.0)),
            ("validation", state.validation_data.as_ref(), trainer.fingerprints.1.as_ref()),
        ] {
            ensure!(
                saved == ours,
                "the {name} data is not that of the checkpoint (SHA-256 {} there, {} here); resume with the same data, or begin \
                 another run",
                short(saved),
                short(ours)
            );
        }
        Ok(Self { step: state.step, tokens: state.tokens, skipped_batches: state.skipped_batches, history, ..trainer })
    }

    fn assemble(
        model: Gpt2,
        optimizer: AdamW,
        settings: TrainSettings,
        training: Box<dyn Examples>,
        validation: Option<Box<dyn Examples>>,
        command: Value,
    ) -> Result<Self> {
        settings.check()?;
        let plan = (0, ordered(&*training, &settings, 0)?);
        let steps_per_epoch = plan.1.len().div_ceil(settings.grad_accum);
        let schedule = settings.schedule(settings.total_steps(steps_per_epoch));
        let fingerprints = (training.fingerprint(), validation.as_ref().map(|examples| examples.fingerprint()));
        Ok(Self {
            model,
            optimizer,
            settings,
            schedule,
            training,
            validation,
            fingerprints,
            steps_per_epoch,
            plan,
            step: 0,
            tokens: 0,
            skipped_batches: 0,
            history: Vec::new(),
            command,
        })
    }

    /// Puts something else into the checkpoints to come, for whoever resumes the run.
    pub fn set_command(&mut self, command: Value) {
        self.command = command;
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

    /// Targets learnt from so far.
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

    fn epoch(&self) -> f64 {
        self.step as f64 / self.steps_per_epoch as f64
    }

    /// Trains to the end of the run, and writes down what happens in `folder`.
    ///
    /// # Errors
    /// If a loss or a gradient is not finite, or the disk refuses.
    pub fn run(&mut self, folder: &mut RunFolder, hooks: &mut Hooks) -> Result<Ending> {
        let mut saved = (self.step > 0).then_some(self.step);
        if self.step == 0 {
            self.measure(folder, hooks)?;
        }
        while self.step < self.total_steps() {
            if (hooks.stop)() {
                if saved != Some(self.step) {
                    self.save(folder)?;
                }
                return Ok(Ending::Stopped);
            }
            if let Some(step) = self.step()? {
                self.note(Line::Step(step), folder, hooks)?;
            }
            let epoch_ends = self.step.is_multiple_of(self.steps_per_epoch) || self.step == self.total_steps();
            let due = |every: usize| epoch_ends || (every > 0 && self.step.is_multiple_of(every));
            let Due { measure, sample, save } = Due {
                measure: due(self.settings.eval_every),
                sample: due(self.settings.sample_every),
                save: due(self.settings.save_every),
            };
            if measure {
                self.measure(folder, hooks)?;
            }
            if sample {
                self.sample(folder, hooks)?;
            }
            if save {
                self.save(folder)?;
                saved = Some(self.step);
            }
        }
        Ok(Ending::Finished)
    }

    /// Takes one step, or none if its batches hold no target.
    ///
    /// # Errors
    /// If the loss or the gradient is not finite: then no weight has been touched.
    pub fn step(&mut self) -> Result<Option<Step>> {
        let started = Instant::now();
        let batches = self.next_batches()?;
        // Every random number of a step follows from the seed and its number, so that a resumed run needs no generator's state.
        tch::manual_seed(derived_seed(self.settings.seed, Purpose::Step, self.step));
        let counted: i64 = batches.iter().map(|(_, targets)| count(targets)).sum();
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
        let gradient_norm = self
            .optimizer
            .clip_gradients(most)
            .with_context(|| format!("step {number} cannot be taken, and the weights are those before it"))?;
        let learning_rate = self.schedule.at(self.step);
        self.optimizer.step(learning_rate);
        self.step = number;
        self.tokens += counted as u64;
        let tokens_per_s = counted as f64 / started.elapsed().as_secs_f64();
        let (epoch, tokens) = (self.epoch(), self.tokens);
        Ok(Some(Step { step: number, epoch, tokens, loss, learning_rate, gradient_norm, tokens_per_s }))
    }

    /// The mean loss over all targets of the batches; their mean gradient is left in the parameters.
    fn gather_gradients(&self, batches: &[(Tensor, Tensor)], counted: i64) -> f64 {
        self.optimizer.zero_grad();
        let mut mean = 0.0;
        for (inputs, targets) in batches {
            // A batch counts by its targets, so that several small batches teach what one large batch would.
            let share = count(targets) as f64 / counted as f64;
            let loss = batch_loss(&self.model, inputs, targets, true);
            if share < 1.0 {
                (&loss * share).backward();
            } else {
                loss.backward();
            }
            mean += share * loss.double_value(&[]);
        }
        mean
    }

    /// Inputs and targets of the next step, those without a target left out and counted.
    fn next_batches(&mut self) -> Result<Vec<(Tensor, Tensor)>> {
        let epoch = self.step / self.steps_per_epoch;
        if self.plan.0 != epoch {
            self.plan = (epoch, ordered(&*self.training, &self.settings, epoch)?);
        }
        let first = self.step % self.steps_per_epoch * self.settings.grad_accum;
        let last = self.plan.1.len().min(first + self.settings.grad_accum);
        let mut batches = Vec::new();
        for items in &self.plan.1[first..last] {
            let (inputs, targets) = self.training.batch(items);
            if count(&targets) == 0 {
                self.skipped_batches += 1;
            } else {
                let device = self.model.store.device();
                batches.push((inputs.to_device(device), targets.to_device(device)));
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

    fn measure(&mut self, folder: &mut RunFolder, hooks: &mut Hooks) -> Result<()> {
        let Some(validation_loss) = self.validation_loss()? else {
            return Ok(());
        };
        let (step, epoch, tokens) = (self.step, self.epoch(), self.tokens);
        self.note(Line::Validation(Validation { step, epoch, tokens, validation_loss }), folder, hooks)
    }

    fn sample(&mut self, folder: &mut RunFolder, hooks: &mut Hooks) -> Result<()> {
        tch::manual_seed(derived_seed(self.settings.seed, Purpose::Sample, self.step));
        let sample = (hooks.sample)(&self.model)?;
        let (step, epoch, tokens) = (self.step, self.epoch(), self.tokens);
        self.note(Line::Sample(Sample { step, epoch, tokens, sample }), folder, hooks)
    }

    fn note(&mut self, line: Line, folder: &mut RunFolder, hooks: &mut Hooks) -> Result<()> {
        folder.append(&line)?;
        (hooks.line)(&line);
        self.history.push(line);
        Ok(())
    }

    /// Saves a checkpoint.
    ///
    /// # Errors
    /// If the disk refuses; earlier checkpoints stay.
    pub fn save(&self, folder: &RunFolder) -> Result<()> {
        folder.write_progress(&self.history)?;
        checkpoint::save(folder.path(), &self.model, &self.optimizer, &self.state(), &self.history).map(|_| ())
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
            training_data: self.fingerprints.0.clone(),
            validation_data: self.fingerprints.1.clone(),
            libtorch: libtorch_version(),
            threads: tch::get_num_threads(),
            command: self.command.clone(),
        }
    }
}

struct Due {
    measure: bool,
    sample: bool,
    save: bool,
}

/// The batches of an epoch, whose order follows from the seed and the number of the epoch.
fn ordered(examples: &dyn Examples, settings: &TrainSettings, epoch: usize) -> Result<Vec<Vec<usize>>> {
    tch::manual_seed(derived_seed(settings.seed, Purpose::Order, epoch));
    let batches = examples.pass(settings.batch_size)?;
    ensure!(!batches.is_empty(), "there is no batch of {} to train on", settings.batch_size);
    Ok(batches)
}

/// Targets that are not ignored.
fn count(targets: &Tensor) -> i64 {
    targets.ne(IGNORED).sum(Kind::Int64).int64_value(&[])
}

fn short(hash: Option<&String>) -> &str {
    hash.map_or("none", |hash| &hash[..12.min(hash.len())])
}

/// What random numbers are drawn for.
#[derive(Clone, Copy)]
enum Purpose {
    Order = 1,
    Step = 2,
    Sample = 3,
}

/// A seed for one purpose and one number, unrelated to the seeds of its neighbours. libtorch uses the low 32 bits.
///
/// # Source
/// Steele et al. 2014, "Fast Splittable Pseudorandom Number Generators", figure 15: the mixing function of `SplitMix64`.
fn derived_seed(seed: u32, purpose: Purpose, number: usize) -> i64 {
    let mut bits = (u64::from(seed) << 32) ^ ((purpose as u64) << 60) ^ number as u64;
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    i64::from((bits ^ (bits >> 31)) as u32)
}
