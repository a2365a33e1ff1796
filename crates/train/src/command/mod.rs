//! `cargo run -p train`: trains a GPT-2 on any text (chapter 4.4).

mod options;
mod report;
mod start;

use crate::{
    callbacks::Outcome,
    checkpoint::{self, Loaded},
    protocol::Protocol,
    run::{
        corpus::{self, Corpus},
        folder::{RunFolder, run_of},
        newest::{self, Maker},
        terminal::{self, INTERRUPTED, Progress, say},
    },
    sampling::{Sampling, known_logits},
    settings::TrainSettings,
    support::shell,
    trainer::Trainer,
};
use crate::{fast::stepper, run::recorder::Recorder};
use anyhow::{Context, Result, bail, ensure};
use clap::{CommandFactory, Parser};
use embedding::{
    bpe::{BytePairEncoder, END_OF_TEXT},
    fast::FastEncoder,
    support::texts::PROSE,
    windows::Windows,
};
use model::{
    fast::path::CodePath,
    format::{WEIGHTS, tokenizer_files},
    generate::{CachedModel, Generator},
    gpt2::Gpt2,
};
use options::{Options, Other};
use serde::{Deserialize, Serialize};
use start::First;
use std::{fs, path::Path, process::ExitCode, sync::atomic::Ordering, time::Instant};
use tch::Device;

/// How samples are drawn.
const SAMPLING: Sampling = Sampling { temperature: 0.8, top_k: Some(40), top_p: None };
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
        return repeat(name, options);
    }
    let stop = terminal::stop_at_signal()?;
    let started = Instant::now();
    let (mut trainer, mut folder, command) = match &options.resume {
        Some(run) => match resume(options, run.as_deref(), device)? {
            Some(resumed) => resumed,
            None => return Ok(ExitCode::SUCCESS),
        },
        None => begin(options, device)?,
    };
    take_path(&mut trainer, options.path)?;
    report::print_settings(&trainer, &command, folder.path())?;
    terminal::warn_of_long_prompts([&command.prompt], trainer.model.config.context);

    let mut progress =
        Progress::new(trainer.progress.step, trainer.course.schedule.total_steps, options.log_json);
    let path = folder.path().to_owned();
    let mut recorder = Recorder {
        folder: &mut folder,
        show: &mut |line| progress.show(line),
        sample: &|model| sample(model, &command.prompt),
        stop: &|| stop.load(Ordering::SeqCst),
    };
    let outcome = trainer.run(&path, &mut recorder);
    drop(progress);
    let again = shell::command("train", ["--resume", &shell::path(folder.path())]);
    match outcome
        .with_context(|| checkpoint::what_stays(folder.path(), trainer.progress.step, &again))?
    {
        Outcome::Stopped => {
            say(&format!("saved at step {}; resume with: {again}", trainer.progress.step));
            Ok(ExitCode::from(INTERRUPTED))
        }
        Outcome::Finished => {
            folder.write_model(&trainer, &report::card(&trainer, &command, folder.path()))?;
            if !options.log_json {
                report::report(&trainer, &command, folder.path(), started, options.plot)?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
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
    Ok(())
}

/// A new run.
fn begin(options: &Options, device: Device) -> Result<(Trainer, RunFolder, Command)> {
    let corpus = Corpus::read(&options.text, !options.no_split_documents)?;
    let settings = options.settings(&TrainSettings::default());
    let First { model, begun_with, folder: source, context } =
        start::first_model(options, settings.seed, device)?;
    let settings = options.rates(&settings, &model, context, begun_with == "scratch");
    let prompt = options.prompt.clone().unwrap_or_else(|| corpus.unseen_words(5));
    let command = Command {
        text: remembered(&options.text),
        split_documents: !options.no_split_documents,
        begun_with,
        context,
        prompt,
    };
    let (training, validation) = examples(&corpus, context)?;
    let trainer =
        Trainer::new(model, settings, training, Some(validation), serde_json::to_value(&command)?)?;
    let folder = RunFolder::open(
        &RunFolder::unused(options.out_dir.as_deref(), "train", options.force)?,
        &[],
    )?;
    if let Some(source) = source {
        tokenizer_files::keep(&source, folder.path())?;
    }
    Ok((trainer, folder, command))
}

/// A run that was interrupted, or one that is to go on for longer; none where nothing is left to do.
fn resume(
    options: &Options,
    run: Option<&Path>,
    device: Device,
) -> Result<Option<(Trainer, RunFolder, Command)>> {
    ensure!(
        run.is_none() || options.out_dir.is_none(),
        "a resumed run goes on in its own folder; leave --out-dir out, or copy the folder first"
    );
    let path = match run.or(options.out_dir.as_deref()) {
        Some(path) => path.to_owned(),
        None => newest::of(Maker::Train)?,
    };
    let loaded = checkpoint::load(&path, device)?;
    let state = &loaded.state;
    terminal::take_up(&loaded, options.threads);
    let saved: Command = serde_json::from_value(state.resume_metadata.clone())
        .context("the checkpoint was made by another command, such as finetune")?;
    check_model_options(options, &loaded, &saved)?;
    let command = Command {
        text: if options.text.is_empty() { saved.text } else { remembered(&options.text) },
        prompt: options.prompt.clone().unwrap_or(saved.prompt),
        ..saved
    };
    let settings = options.settings(&state.settings);
    let corpus = Corpus::read(&command.text, command.split_documents)?;
    let (training, validation) = examples(&corpus, command.context)?;
    let (run, before) = (run_of(&loaded.folder).to_owned(), state.settings.clone());
    let history = loaded.history.clone();
    let mut trainer = Trainer::resume(loaded, settings, training, Some(validation))?;
    if terminal::is_finished(&trainer, &run, &[WEIGHTS]) {
        return Ok(None);
    }
    let folder = RunFolder::open(&run, &history)?;
    trainer.origin.resume_metadata = serde_json::to_value(&command)?;
    terminal::say_where(&trainer, &before);
    Ok(Some((trainer, folder, command)))
}

/// Refuses what would make another model of it.
fn check_model_options(options: &Options, loaded: &Loaded, saved: &Command) -> Result<()> {
    if let Some(context) = options.context {
        ensure!(
            context == saved.context,
            "context is {} in the checkpoint and {context} here; leave it out to resume",
            saved.context
        );
    }
    if let Some(dropout) = options.dropout {
        let theirs = loaded.model.config.dropout;
        ensure!(
            (dropout - theirs).abs() == 0.0,
            "dropout is {theirs} in the checkpoint and {dropout} here; leave it out to resume"
        );
    }
    Ok(())
}

/// Paths as they will still be right when the run is resumed from another folder; names of datasets stay.
fn remembered(text: &[String]) -> Vec<String> {
    let absolute = |source: &String| {
        let path = Path::new(source);
        let path = path.exists().then(|| fs::canonicalize(path).ok()).flatten();
        path.map_or_else(|| source.clone(), |path| path.to_string_lossy().into_owned())
    };
    text.iter().map(absolute).collect()
}

fn examples(corpus: &Corpus, context: usize) -> Result<(Box<Windows>, Box<Windows>)> {
    let windows = |documents, part| {
        Windows::new(corpus::encode(documents), context, context).with_context(|| {
            format!("{} is too short: the {part} part does not suffice", corpus.source)
        })
    };
    Ok((
        Box::new(windows(&corpus.training, "training")?),
        Box::new(windows(&corpus.validation, "validation")?),
    ))
}

fn sample(model: &Gpt2, prompt: &str) -> Result<String> {
    let encoder = BytePairEncoder::gpt2();
    let mut ids = FastEncoder::gpt2().encode(prompt);
    if ids.is_empty() {
        ids.push(END_OF_TEXT);
    }
    let mut reader = CachedModel::new(model);
    let writer =
        Generator::new(&mut reader, &ids, |logits| SAMPLING.choose(&known_logits(logits)))?;
    let written: Vec<i64> =
        writer.take(SAMPLE_TOKENS).take_while(|&id| id != END_OF_TEXT).collect();
    Ok(format!("{prompt}{}", encoder.decode(&written)?))
}

/// Repeats a published run; its log goes to stdout, so that it can be compared.
fn repeat(name: &str, options: &Options) -> Result<ExitCode> {
    let mut protocol = match name {
        "book" => Protocol::book(),
        "article" => Protocol::article(),
        other => bail!("the protocol {other:?} is unknown; there are book and article"),
    };
    protocol.epochs = options.epochs.unwrap_or(protocol.epochs);
    protocol.seed = options.seed.map_or(protocol.seed, i64::from);
    protocol.eval_with_dropout = options.eval_with_dropout;
    let default = if name == "book" { "the-verdict" } else { "world-war-i" };
    let text =
        if options.text.is_empty() { vec![default.to_owned()] } else { options.text.clone() };
    let text = corpus::read_whole(&text[0]).or_else(|error| {
        if options.text.is_empty() {
            say(&format!("{error:#}; taking the embedded prose"));
            Ok(PROSE.to_owned())
        } else {
            Err(error)
        }
    })?;
    say(&format!("{protocol:?}"));
    protocol.run(&text, |event| println!("{event}"))?;
    Ok(ExitCode::SUCCESS)
}
