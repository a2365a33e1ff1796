//! `cargo run -p train`: trains a GPT-2 on any text (chapter 4.4).

mod choices;
mod options;
mod precision;
mod protocol;
mod report;
mod resume;
mod start;

use crate::{
    callbacks::Outcome,
    checkpoint,
    metrics::Validation,
    run::{
        best::Best,
        card::seconds_of_steps,
        corpus::{self, Corpus},
        folder::RunFolder,
        report::REPORT,
        terminal::{self, INTERRUPTED, Progress, Shown, say},
        tokenizer::TextEncoder,
        weights::tokenizer_folder,
    },
    sampling::{Sampling, known_logits},
    settings::TrainSettings,
    support::shell,
    trainer::Trainer,
};
use crate::{fast::stepper, run::recorder::Recorder};
use anyhow::{Context, Result};
use choices::remembered;
use clap::{CommandFactory, Parser};
use embedding::windows::Windows;
use model::{
    fast::path::CodePath,
    format::tokenizer_files,
    generate::{CachedModel, Generator},
    gpt2::Gpt2,
};
use options::{Options, Other};
pub use precision::advice;
use resume::resume;
use serde::{Deserialize, Serialize};
use start::First;
use std::{process::ExitCode, sync::atomic::Ordering, time::Instant};
use tch::{Device, Tensor};

/// How samples are drawn.
pub const SAMPLING: Sampling = Sampling { temperature: 0.8, top_k: Some(40), top_p: None };
const SAMPLE_TOKENS: usize = 40;

/// What a resumed run must know beside its settings; each checkpoint holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Command {
    text: Vec<String>,
    #[serde(default)] // earlier checkpoints learned the marks as text
    split_documents: bool,
    begun_with: String,
    context: usize,
    prompt: String,
}

/// A run that can be taken up.
struct Prepared {
    trainer: Trainer,
    folder: RunFolder,
    command: Command,
    encoder: TextEncoder,
    /// The measurement of the weights that it ends with, where they are not the last ones.
    kept: Option<Validation>,
    /// What is measured on.
    validation: String,
}

/// Runs the command.
pub fn main() -> ExitCode {
    model::fast::cpu::allocator::keep();
    model::fast::cpu::allocator::in_large_pages();
    let options = Options::parse();
    terminal::run(options.verbose, || match &options.other {
        Some(Other::Completions { shell }) => {
            terminal::print_completions(*shell, Options::command(), "train");
            Ok(ExitCode::SUCCESS)
        }
        None => train(&options),
    })
}

fn train(options: &Options) -> Result<ExitCode> {
    let device = terminal::device(&options.device)?;
    tch::set_num_threads(options.threads.unwrap_or_else(terminal::physical_cores));
    if let Some(name) = &options.protocol {
        return protocol::repeat(name, options);
    }
    let started = Instant::now();
    let mut prepared = match &options.resume {
        Some(run) => match resume(options, run.as_deref(), device)? {
            Some(resumed) => resumed,
            None => return Ok(ExitCode::SUCCESS),
        },
        None => begin(options, device)?,
    };
    take_path(&mut prepared.trainer, options.path)?;
    report::print_settings(&prepared)?;
    let Prepared { trainer, command, encoder, .. } = &prepared;
    encoder.warn_of_long_prompts([&command.prompt], trainer.model.config.context);

    let earlier_s = seconds_of_steps(&trainer.progress.history);
    if learn(options, &mut prepared)? == Outcome::Stopped {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let Prepared { trainer, folder, .. } = &prepared;
    folder.write_model(trainer, &report::card(&prepared))?;
    let seconds = earlier_s + started.elapsed().as_secs_f64();
    folder.write(REPORT, &report::report_card(&prepared, seconds))?;
    if !options.log_json {
        report::report(&prepared, seconds, options.plot)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes the steps that are left, or those until the user wants to stop.
fn learn(options: &Options, prepared: &mut Prepared) -> Result<Outcome> {
    let Prepared { trainer, folder, command, encoder, kept, .. } = prepared;
    let stop = terminal::stop_at_signal()?;
    let path = folder.path().to_owned();
    let again = shell::command("train", ["--resume", &shell::path(&path)]);
    let mut progress = Progress::new(
        trainer.progress.step,
        trainer.course.schedule.total_steps,
        if options.log_json { Shown::Json } else { Shown::UntilReport },
        Some(("--max-steps", 1.0)),
    );
    progress.advise(advice(trainer));
    let mut best = trainer.course.settings.keep_best.then(|| Best::of(&path, trainer));
    let mut recorder = Recorder {
        folder,
        best: best.as_mut(),
        show: &mut |line| progress.show(line),
        sample: &|model| sample(model, encoder, &command.prompt),
        stop: &|| stop.load(Ordering::SeqCst),
    };
    let outcome = trainer.run(&path, &mut recorder);
    drop(progress);
    let outcome =
        outcome.with_context(|| checkpoint::what_stays(&path, trainer.progress.step, &again))?;
    match (outcome, best) {
        (Outcome::Stopped, _) => {
            say(&format!("saved at step {}; resume with: {again}", trainer.progress.step));
        }
        (Outcome::Finished, Some(best)) => *kept = best.restore(trainer)?,
        (Outcome::Finished, None) => {}
    }
    Ok(outcome)
}

/// Decides how steps are taken, and says why the fast path is not, where it could have been.
///
/// # Errors
/// If the fast path is asked for and cannot be taken.
pub fn take_path(trainer: &mut Trainer, wanted: Option<CodePath>) -> Result<()> {
    let (path, take_step, reason) = stepper(&trainer.model, &trainer.course.settings, wanted)?;
    if let Some(reason) = reason {
        say(&reason);
    }
    let before = std::mem::replace(&mut trainer.origin.path, path.to_string());
    if trainer.progress.step > 0 && !before.is_empty() && before != trainer.origin.path {
        say(&format!(
            "warning: path {before} then, {path} now; the last digits may differ from an uninterrupted run's"
        ));
    }
    trainer.take_step = take_step;
    precision::warn(trainer);
    Ok(())
}

/// A new run.
fn begin(options: &Options, device: Device) -> Result<Prepared> {
    let (texts, preset) = (options.texts(), options.preset());
    let corpus = Corpus::read(&texts, !options.no_split_documents)?;
    let chosen = preset.map(|preset| preset.settings);
    let settings = options.settings(chosen.as_ref().unwrap_or(&TrainSettings::default()));
    let First { model, begun_with, folder: source, context, tokenizer } =
        start::first_model(options, &corpus, settings.seed, device)?;
    let encoder = TextEncoder::new(tokenizer, options.path)?;
    let settings = match chosen {
        Some(_) => options.with_last_rate(&settings),
        None => options.rates(&settings, &model, context, begun_with == "scratch"),
    };
    let prompt = options.prompt.clone().unwrap_or_else(|| corpus.unseen_words(5));
    let command = Command {
        text: remembered(&texts),
        split_documents: !options.no_split_documents,
        begun_with,
        context,
        prompt,
    };
    let (training, validation, bytes_per_token) = examples(&corpus, &encoder, context)?;
    let mut trainer =
        Trainer::new(model, settings, training, Some(validation), serde_json::to_value(&command)?)?;
    trainer.course.bytes_per_token = Some(bytes_per_token);
    let unused = RunFolder::unused(options.out_dir.as_deref(), "train", options.force)?;
    let folder = RunFolder::open(&unused, &[])?;
    match source {
        Some(source) => tokenizer_files::keep(tokenizer_folder(&source), folder.path())?,
        None => encoder.write(folder.path(), trainer.model.config.context)?,
    }
    let validation = corpus.validation.concat();
    Ok(Prepared { trainer, folder, command, encoder, kept: None, validation })
}

/// Windows of the text to learn and of the text to be measured on, and how many bytes a token of the latter has.
fn examples(
    corpus: &Corpus,
    encoder: &TextEncoder,
    context: usize,
) -> Result<(Box<Windows>, Box<Windows>, f64)> {
    let windows = |ids, part| {
        Windows::new(ids, context, context).with_context(|| {
            format!("{} is too short: the {part} part does not suffice", corpus.source)
        })
    };
    let training = windows(corpus::encode(&corpus.training, encoder), "training")?;
    let ids = corpus::encode(&corpus.validation, encoder);
    let bytes: usize = corpus.validation.iter().map(String::len).sum();
    let bytes_per_token = bytes as f64 / ids.len() as f64;
    Ok((Box::new(training), Box::new(windows(ids, "validation")?), bytes_per_token))
}

fn sample(model: &Gpt2, encoder: &TextEncoder, prompt: &str) -> Result<String> {
    let (mut ids, encoder) = (encoder.encode(prompt), encoder.lesson());
    if ids.is_empty() {
        ids.extend(encoder.end_of_text);
    }
    let mut reader = CachedModel::new(model);
    let choose = |logits: &Tensor| SAMPLING.choose(&known_logits(logits, encoder));
    let writer = Generator::new(&mut reader, &ids, choose)?;
    let written: Vec<i64> =
        writer.take(SAMPLE_TOKENS).take_while(|&id| Some(id) != encoder.end_of_text).collect();
    Ok(format!("{prompt}{}", encoder.decode(&written)?))
}
