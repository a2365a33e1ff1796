//! The model that `finetune` begins with (chapter 5.7): public weights, or a small one made on the spot.

use super::options::Whole;
use crate::{
    instructions::Entry,
    respond::{Limits, complete},
    run::{induction::initialize_with_induction_heads, pretraining::PretrainingSet},
};
use anyhow::{Context, Result, ensure};
use embedding::support::texts::TALES;
use model::{config::Gpt2Config, format::tokenizer::Tokenizer, generate::CachedModel, gpt2::Gpt2};
use std::{
    env, fmt,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};
use tch::Device;
use train::{
    adamw::AdamWSettings,
    callbacks::Outcome,
    checkpoint,
    command::{SAMPLING, take_path},
    run::{
        corpus::{documents, encode},
        folder::{PRETRAINING, RunFolder},
        presets::{self, Preset},
        recorder::Recorder,
        terminal::{Progress, Shown, say},
        tokenizer::{self, TextEncoder},
        weights::{self, Brought},
    },
    settings::{Length, TrainSettings},
    support::shell,
    trainer::Trainer,
};

/// The name for weights that are made on the spot.
pub const SCRATCH: &str = "scratch";
/// Words with which many of the embedded tales begin.
const BEGINNING: &str = "One day";
/// Entries of the vocabulary of a model that is made on the spot.
const VOCABULARY: usize = 2048;
/// Steps in which that model learns to say something again, and then to read.
const REPETITION_STEPS: usize = 150;
const TEXT_STEPS: usize = 600;
/// Steps between two texts that it writes meanwhile.
const TELL_EVERY: usize = 150;

/// What a run begins with.
pub struct First {
    /// The model.
    pub model: Gpt2,
    /// Its name.
    pub begun_with: String,
    /// Its folder, whose tokenizer files the run keeps; none where it was made on the spot.
    pub source: Option<PathBuf>,
    /// What its ids mean.
    pub tokenizer: Tokenizer,
}

/// The model to begin with. Where nothing is asked for, public weights that cannot be had are replaced by a model made
/// on the spot, which is said in one line.
pub fn first_model(
    options: &Whole,
    device: Device,
    folder: &Path,
    training: &[Entry],
    stop: &AtomicBool,
) -> Result<First> {
    let brought = |name: &str, Brought { model, folder, tokenizer }| First {
        model,
        tokenizer,
        begun_with: name.to_owned(),
        source: Some(folder),
    };
    let made = || -> Result<First> {
        let (model, tokenizer) = pretrain(options, device, folder, training, stop)?;
        Ok(First { model, begun_with: SCRATCH.to_owned(), source: None, tokenizer })
    };
    if options.vocab_size.is_some() {
        let weights = options.weights.as_deref().unwrap_or(SCRATCH);
        ensure!(
            weights == SCRATCH,
            "{weights} comes with its own tokenizer; leave --vocab-size out, or say --weights scratch"
        );
        return made();
    }
    match options.weights.as_deref() {
        Some(SCRATCH) => made(),
        Some(name) => Ok(brought(name, weights::load(name, device)?)),
        None => {
            weights::load("gpt2", device).map(|loaded| brought("gpt2", loaded)).or_else(|error| {
                let reason = error.root_cause().to_string();
                let reason = reason.split(['\n', ';']).next().unwrap_or_default();
                say(&format!(
                    "no public weights ({reason}): going on with a small model made on the spot"
                ));
                made()
            })
        }
    }
}

/// The same model with another dropout. Public weights bring the one that they were trained with; fine-tuning drops nothing unless it
/// is asked to, as in Raschka's book.
///
/// # Errors
/// If the dropout is impossible.
pub fn with_dropout(model: Gpt2, dropout: f64) -> Result<Gpt2> {
    let Gpt2 { config, store, .. } = model;
    Gpt2::with_parameters(Gpt2Config { dropout, ..config }, store)
}

/// Why a run ended before its fine-tuning began: it was asked to. It says what is saved, and how to go on.
#[derive(Debug)]
pub struct Interrupted(String);

impl std::error::Error for Interrupted {}

impl fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Interrupted {
    fn in_the_first_model(options: &Whole, folder: &Path, step: usize) -> Self {
        let again = same_command(options, folder);
        Self(format!("saved at step {step} of the first model; go on with: {again}"))
    }

    /// While the test was answered: a first model is saved, and nothing else has been learned.
    pub fn before_the_first_step(options: &Whole, folder: &Path) -> Self {
        let again = same_command(options, folder);
        Self(format!("stopped before the first step; begin with it by: {again}"))
    }
}

/// A small model that has read the embedded tales and the tasks, and whose vocabulary was learned from both.
fn pretrain(
    options: &Whole,
    device: Device,
    folder: &Path,
    training: &[Entry],
    stop: &AtomicBool,
) -> Result<(Gpt2, Tokenizer)> {
    let path = folder.join(PRETRAINING);
    let tales = documents(TALES);
    let as_prompts = training.iter().map(|entry| entry.prompt() + &entry.output);
    let texts: Vec<String> = tales.iter().cloned().chain(as_prompts).collect();
    let entries = options.vocab_size.unwrap_or(VOCABULARY);
    let tokenizer = tokenizer::learn(&texts, entries, options.common.path)?;
    let encoder = TextEncoder::new(tokenizer, options.common.path)?;
    let read: Vec<String> = tales.into_iter().chain(training.iter().map(as_text)).collect();
    let mut trainer = pretrainer(options, &encoder, &read, device, &path)?;
    take_path(&mut trainer, options.common.path)?;
    let (done, total) = (trainer.progress.step, trainer.course.schedule.total_steps);
    say(&match done {
        0 => format!("pretraining on the embedded tales and tasks: {total} steps"),
        _ => format!("pretraining goes on after step {done} of {total}"),
    });
    let mut progress = Progress::new(done, total, Shown::All, None);
    let mut run = RunFolder::open(&path, &trainer.progress.history)?;
    encoder.write(&path, trainer.model.config.context)?;
    let mut recorder = Recorder {
        folder: &mut run,
        best: None, // nothing is measured
        show: &mut |line| progress.show(line),
        sample: &|model| tell(model, &encoder),
        stop: &|| stop.load(Ordering::SeqCst),
    };
    match trainer.run(&path, &mut recorder)? {
        Outcome::Finished => Ok((trainer.model, encoder.tokenizer)),
        Outcome::Stopped => {
            Err(Interrupted::in_the_first_model(options, folder, trainer.progress.step).into())
        }
    }
}

/// A task and its answer without the words of a prompt around them.
fn as_text(entry: &Entry) -> String {
    let question = [entry.instruction.as_str(), &entry.input].join("\n\n");
    question.trim_end().to_owned() + "\n\n" + &entry.output
}

/// The training of the small model, from its beginning or from where an interrupted one was saved.
fn pretrainer(
    options: &Whole,
    encoder: &TextEncoder,
    texts: &[String],
    device: Device,
    run: &Path,
) -> Result<Trainer> {
    let Preset { config, settings, .. } = presets::find(presets::DEFAULT).context("a preset")?;
    let (context, vocabulary) = (config.context as usize, encoder.lesson().vocab_size());
    let config = Gpt2Config { vocab_size: vocabulary as i64, ..config };
    let (seed, precision) = (options.common.seed, options.precision.unwrap_or_default());
    let repetitions = REPETITION_STEPS * settings.batch_size;
    let text = encode(texts, encoder);
    let set = PretrainingSet::new(repetitions, text, TEXT_STEPS, context, vocabulary, seed)?;
    let length = Length::Epochs(1);
    // Repetitions and text have gradients of different lengths; with PyTorch's 0.999 the first would be remembered through the second.
    let optimizer = AdamWSettings { beta2: 0.95, ..settings.optimizer };
    let settings = TrainSettings {
        seed,
        precision,
        length,
        optimizer,
        eval_every: 0,
        sample_every: TELL_EVERY,
        ..settings
    };
    if checkpoint::is_in(run) {
        let loaded = checkpoint::load(run, device)?;
        if loaded.state.settings == settings && loaded.model.config == config {
            return Trainer::resume(loaded, settings, Box::new(set), None);
        }
    }
    tch::manual_seed(i64::from(seed));
    let model = Gpt2::new(config, device)?;
    initialize_with_induction_heads(&model)?;
    Trainer::new(model, settings, Box::new(set), None, serde_json::Value::Null)
}

/// What was typed, with the folder in which the first model is.
fn same_command(options: &Whole, folder: &Path) -> String {
    let mut words: Vec<String> = env::args().skip(1).collect();
    if options.out_dir.is_none() {
        words.extend(["--out-dir".to_owned(), shell::path(folder)]);
    }
    shell::command("finetune", words.iter().map(String::as_str))
}

/// How the small model goes on with the beginning of a tale, now and then with a less likely word.
fn tell(model: &Gpt2, encoder: &TextEncoder) -> Result<String> {
    let limits = Limits { max_new_tokens: 30, stop: Vec::new() };
    let prompt = encoder.encode(BEGINNING);
    let mut reader = CachedModel::new(model);
    let go_on = |_: &str| ControlFlow::Continue(());
    let text = complete(&mut reader, encoder.lesson(), &prompt, &SAMPLING, &limits, go_on)?;
    Ok(format!("{BEGINNING}{text}"))
}
