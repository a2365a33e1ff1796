//! `cargo run -p train`: trains a GPT-2 on any text.

mod options;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use embedding::{bpe::BytePairEncoder, texts::PROSE, windows::Windows};
use model::{config::Gpt2Config, generate::Writer, gpt2::Gpt2, public_weights};
use options::Options;
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::Ordering,
    time::Instant,
};
use tch::Device;
use train::{
    checkpoint::{self, Loaded, libtorch_version},
    console::{self, INTERRUPTED, Progress, say},
    corpus::{self, Corpus},
    hub::Hub,
    metrics::Line,
    output::{Card, RunFolder, grouped, training_loss, validation_losses},
    plot::Curves,
    protocol::Protocol,
    sampling::Sampling,
    settings::{Length, TrainSettings, flat},
    trainer::{Ending, Hooks, Trainer},
};

/// Where runs go that are given no folder.
const RUNS: &str = "runs";
/// Tokens in a window where nothing else is said.
const CONTEXT: usize = 128;
/// Above so many parameters a model wants smaller steps.
const LARGE: i64 = 50_000_000;
/// How samples are drawn.
const SAMPLING: Sampling = Sampling { temperature: 0.8, top_k: Some(40), top_p: None };
const SAMPLE_TOKENS: usize = 40;

/// What a resumed run must know beside its settings; each checkpoint holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Command {
    text: Vec<String>,
    begun_with: String,
    context: usize,
    prompt: String,
}

fn main() -> ExitCode {
    let options = Options::parse();
    console::run(options.verbose, || train(&options))
}

fn train(options: &Options) -> Result<ExitCode> {
    let device = console::device(&options.device)?;
    tch::set_num_threads(options.threads.unwrap_or_else(console::physical_cores) as i32);
    if let Some(name) = &options.protocol {
        return repeat(name, options);
    }
    let stop = console::stop_at_signal()?;
    let started = Instant::now();
    let (mut trainer, mut folder, command) = match &options.resume {
        Some(run) => resume(options, run.as_deref(), device)?,
        None => begin(options, device)?,
    };
    print_settings(&trainer, &command, folder.path())?;

    let mut progress = Progress::new(trainer.steps(), trainer.total_steps(), options.log_json);
    let mut hooks = Hooks {
        sample: &|model| sample(model, &command.prompt),
        line: &mut |line| progress.show(line),
        stop: &|| stop.load(Ordering::SeqCst),
    };
    let ending = trainer.run(&mut folder, &mut hooks);
    drop(progress);
    let again = format!("train --resume {}", folder.path().display());
    match ending.with_context(|| {
        format!("stopped after step {}; its last checkpoint stays, `{again}` goes on from it", trainer.steps())
    })? {
        Ending::Stopped => {
            say(&format!("saved at step {}; resume with: {again}", trainer.steps()));
            Ok(ExitCode::from(INTERRUPTED))
        }
        Ending::Finished => {
            folder.write_model(&trainer, &card(&trainer, &command, folder.path()))?;
            if !options.log_json {
                report(&trainer, &command, folder.path(), started, options.plot)?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A new run.
fn begin(options: &Options, device: Device) -> Result<(Trainer, RunFolder, Command)> {
    let corpus = Corpus::read(&options.text)?;
    let context = options.context.unwrap_or(CONTEXT);
    let settings = overridden(TrainSettings::default(), options);
    let (model, begun_with) = first_model(options, context, settings.seed, device)?;
    let settings = with_rates(settings, options, &model, begun_with == "scratch");
    let context = if options.context.is_none() { context.min(model.config.context as usize) } else { context };
    ensure!(
        context <= model.config.context as usize,
        "context is {context}, but the model has {} positions; choose at most as many",
        model.config.context
    );
    let prompt = options.prompt.clone().unwrap_or_else(|| corpus.unseen_words(5));
    let command = Command { text: remembered(&options.text), begun_with, context, prompt };
    let (training, validation) = examples(&corpus, context)?;
    let trainer = Trainer::new(model, settings, training, Some(validation), serde_json::to_value(&command)?)?;
    let folder = RunFolder::open(&new_folder(options)?, &[])?;
    Ok((trainer, folder, command))
}

/// A run that was interrupted, or one that is to go on for longer.
fn resume(options: &Options, run: Option<&Path>, device: Device) -> Result<(Trainer, RunFolder, Command)> {
    let path = match run.or(options.out_dir.as_deref()) {
        Some(path) => path.to_owned(),
        None => newest_run()?,
    };
    let loaded = checkpoint::load(&path, device)?;
    for damage in &loaded.damaged {
        say(&format!("warning: {damage}; going back to {}", loaded.folder.display()));
    }
    let state = &loaded.state;
    let threads = options.threads.unwrap_or(state.threads as usize);
    tch::set_num_threads(threads as i32);
    for (what, then, now) in [
        ("threads", state.threads.to_string(), threads.to_string()),
        ("libtorch", state.libtorch.clone(), libtorch_version()),
    ] {
        if then != now {
            say(&format!(
                "warning: {what} {then} then, {now} now; the last digits may differ from an uninterrupted run's"
            ));
        }
    }
    let saved: Command = serde_json::from_value(state.command.clone())
        .context("the checkpoint was made by another command, such as finetune")?;
    check_model_options(options, &loaded, &saved)?;
    let command = Command {
        text: if options.text.is_empty() { saved.text } else { remembered(&options.text) },
        prompt: options.prompt.clone().unwrap_or(saved.prompt),
        ..saved
    };
    let settings = overridden(state.settings.clone(), options);
    let corpus = Corpus::read(&command.text)?;
    let (training, validation) = examples(&corpus, command.context)?;
    let folder = RunFolder::open(run_of(&loaded.folder), &loaded.history)?;
    let mut trainer = Trainer::resume(loaded, settings, training, Some(validation))?;
    trainer.set_command(serde_json::to_value(&command)?);
    ensure!(
        trainer.steps() < trainer.total_steps(),
        "all {} steps of the run are done; --epochs or --max-steps lets it go on for longer",
        trainer.total_steps()
    );
    say(&format!("going on after step {} of {}", trainer.steps(), trainer.total_steps()));
    Ok((trainer, folder, command))
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
        ensure!(dropout == theirs, "dropout is {theirs} in the checkpoint and {dropout} here; leave it out to resume");
    }
    Ok(())
}

/// The model to begin with, and what that was: `scratch` or the name of its weights.
fn first_model(options: &Options, context: usize, seed: u32, device: Device) -> Result<(Gpt2, String)> {
    let dropout = options.dropout.unwrap_or(0.0);
    let wanted = options.model.as_deref().map(|name| config(name)).transpose()?;
    if let Some(name) = options.init.as_deref().filter(|&name| name != "scratch") {
        let loaded = public_weights::load(&Hub::from_environment().find(name)?, device)?;
        if let Some(wanted) = wanted {
            let size = |config: &Gpt2Config| [config.layers, config.heads, config.channels, config.vocab_size];
            ensure!(
                size(&wanted) == size(&loaded.config),
                "--model asks for another size than the weights of --init {name} have; leave --model out"
            );
        }
        check_vocabulary(&loaded.config)?;
        let config = Gpt2Config { dropout, ..loaded.config };
        return Ok((Gpt2::with_parameters(config, loaded.store)?, name.to_owned()));
    }
    let config = Gpt2Config { context: context as i64, dropout, ..wanted.unwrap_or(Gpt2Config::TINY) };
    check_vocabulary(&config)?;
    tch::manual_seed(i64::from(seed));
    let model = Gpt2::new(config, device)?;
    model.initialise_as_gpt2();
    Ok((model, "scratch".to_owned()))
}

fn check_vocabulary(config: &Gpt2Config) -> Result<()> {
    let needed = BytePairEncoder::gpt2().vocab_size() as i64;
    ensure!(
        config.vocab_size >= needed,
        "vocab_size is {}, but GPT-2's tokenizer has {needed} entries; take a model with at least as many",
        config.vocab_size
    );
    Ok(())
}

fn config(name: &str) -> Result<Gpt2Config> {
    if name == "tiny" {
        return Ok(Gpt2Config::TINY);
    }
    if let Some((_, config)) = Gpt2Config::PUBLISHED.iter().find(|(known, _)| *known == name) {
        return Ok(*config);
    }
    ensure!(
        Path::new(name).is_file(),
        "the model {name:?} is unknown; there are tiny, gpt2, gpt2-medium, gpt2-large and gpt2-xl, or give a config.json"
    );
    public_weights::load_config(Path::new(name))
}

/// Settings with everything that the command line says.
fn overridden(settings: TrainSettings, options: &Options) -> TrainSettings {
    let length = match (options.epochs, options.max_steps) {
        (Some(epochs), _) => Length::Epochs(epochs),
        (_, Some(steps)) => Length::Steps(steps),
        _ => settings.length,
    };
    let mut optimizer = settings.optimizer;
    optimizer.weight_decay = options.weight_decay.unwrap_or(optimizer.weight_decay);
    TrainSettings {
        seed: options.seed.unwrap_or(settings.seed),
        batch_size: options.batch_size.unwrap_or(settings.batch_size),
        grad_accum: options.grad_accum.unwrap_or(settings.grad_accum),
        length,
        learning_rate: options.learning_rate.unwrap_or(settings.learning_rate),
        min_lr: options.min_lr.unwrap_or(settings.min_lr),
        warmup_steps: options.warmup_steps.unwrap_or(settings.warmup_steps),
        optimizer,
        grad_clip: options.grad_clip.unwrap_or(settings.grad_clip),
        eval_every: options.eval_every.unwrap_or(settings.eval_every),
        eval_batches: options.eval_batches.unwrap_or(settings.eval_batches),
        sample_every: options.sample_every.unwrap_or(settings.sample_every),
        save_every: options.save_every.unwrap_or(settings.save_every),
        keep_last: options.keep_last.unwrap_or(settings.keep_last),
    }
}

/// Learning rates that suit the size of the model, where none are given.
fn with_rates(settings: TrainSettings, options: &Options, model: &Gpt2, from_scratch: bool) -> TrainSettings {
    let suitable = match (from_scratch, model.config.parameters() > LARGE) {
        (false, _) => 5e-5,
        (true, true) => 4e-4,
        (true, false) => settings.learning_rate,
    };
    let learning_rate = options.learning_rate.unwrap_or(suitable);
    // Six digits, so that a checkpoint keeps the tenth exactly.
    let tenth = format!("{:.6e}", learning_rate / 10.0).parse().unwrap_or(learning_rate);
    TrainSettings { learning_rate, min_lr: options.min_lr.unwrap_or(tenth), ..settings }
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
        Windows::new(corpus::encode(documents), context, context)
            .with_context(|| format!("{} is too short: the {part} part does not suffice", corpus.source))
    };
    Ok((Box::new(windows(&corpus.training, "training")?), Box::new(windows(&corpus.validation, "validation")?)))
}

/// A folder that holds no run yet.
fn new_folder(options: &Options) -> Result<PathBuf> {
    if let Some(folder) = &options.out_dir {
        ensure!(
            !RunFolder::is_taken(folder),
            "there is a run in {} already; go on with it by --resume, or choose another --out-dir",
            folder.display()
        );
        return Ok(folder.clone());
    }
    let numbered =
        |number| Path::new(RUNS).join(if number == 1 { "train".to_owned() } else { format!("train-{number}") });
    (1..).map(numbered).find(|folder| !RunFolder::is_taken(folder)).context("every name in runs/ is taken")
}

/// The run under `runs/` whose checkpoints changed last.
fn newest_run() -> Result<PathBuf> {
    let entries = fs::read_dir(RUNS).into_iter().flatten().flatten();
    let changed =
        |folder: &Path| fs::metadata(folder.join(checkpoint::CHECKPOINTS)).and_then(|data| data.modified()).ok();
    let newest = entries.filter_map(|entry| Some((changed(&entry.path())?, entry.path()))).max();
    newest.map(|(_, folder)| folder).context("there is no run to resume in runs/; name its folder")
}

/// The folder of the run that a checkpoint belongs to.
fn run_of(checkpoint: &Path) -> &Path {
    checkpoint.parent().and_then(Path::parent).unwrap_or(checkpoint)
}

fn sample(model: &Gpt2, prompt: &str) -> Result<String> {
    let encoder = BytePairEncoder::gpt2();
    let mut ids = encoder.encode(prompt);
    if ids.is_empty() {
        ids.push(embedding::bpe::END_OF_TEXT);
    }
    // A model may have more entries than the tokenizer; those mean nothing.
    let known = encoder.vocab_size() as i64;
    let writer = Writer::new(model, &ids, |scores| SAMPLING.choose(&scores.narrow(0, 0, known)))?;
    let written: Vec<i64> = writer.take(SAMPLE_TOKENS).collect();
    Ok(format!("{prompt}{}", encoder.decode(&written)?))
}

fn print_settings(trainer: &Trainer, command: &Command, folder: &Path) -> Result<()> {
    let config = &trainer.model.config;
    let text = if command.text.is_empty() { "the embedded prose".to_owned() } else { command.text.join(", ") };
    say(&format!("text            {text}"));
    say(&format!(
        "model           {} parameters: {} blocks, {} heads, {} channels, begun with {}",
        grouped(config.parameters() as u64),
        config.layers,
        config.heads,
        config.channels,
        command.begun_with
    ));
    say(&format!(
        "run             {} steps, {} an epoch; written to {}",
        trainer.total_steps(),
        trainer.steps_per_epoch(),
        folder.display()
    ));
    let mut settings = flat(&serde_json::to_value(trainer.settings())?);
    settings.push(("context".to_owned(), command.context.into()));
    settings.push(("dropout".to_owned(), config.dropout.into()));
    settings.push(("threads".to_owned(), tch::get_num_threads().into()));
    for line in settings.chunks(4) {
        let words: Vec<String> =
            line.iter().map(|(name, value)| format!("{:<24}", format!("{name} {value}"))).collect();
        say(&format!("settings        {}", words.concat().trim_end()));
    }
    Ok(())
}

fn report(trainer: &Trainer, command: &Command, folder: &Path, started: Instant, plot: bool) -> Result<()> {
    let history = trainer.history();
    let seconds = started.elapsed().as_secs();
    println!(
        "trained     {} steps, {:.1} epochs, {} tokens in {} min {:02} s",
        trainer.steps(),
        trainer.steps() as f64 / trainer.steps_per_epoch() as f64,
        grouped(trainer.tokens()),
        seconds / 60,
        seconds % 60
    );
    if let Some(loss) = training_loss(history) {
        println!("training    loss {loss:.3} (mean of the last steps)");
    }
    if let Some((before, after)) = validation_losses(history) {
        println!("validation  loss {before:.3} before, {after:.3} after (perplexity {:.1})", after.exp());
    }
    if trainer.skipped_batches() > 0 {
        println!("skipped     {} batches without a target", trainer.skipped_batches());
    }
    if let Some(Line::Sample(sample)) = history.iter().rev().find(|line| matches!(line, Line::Sample(_))) {
        println!("sample      {}", sample.sample.replace('\n', " "));
    }
    println!("wrote       {}: model.safetensors, README.md, loss.svg, samples.txt, metrics.jsonl", folder.display());
    println!("next        {}", usage(command, folder));
    if plot {
        println!("\n{}", Curves::from_history(history).in_characters(64, 14)?.trim_end());
    }
    Ok(())
}

fn usage(command: &Command, folder: &Path) -> String {
    format!("cargo run -p finetune -- complete --weights {} --prompt {:?}", folder.display(), command.prompt)
}

fn card(trainer: &Trainer, command: &Command, folder: &Path) -> Card {
    let text = if command.text.is_empty() {
        "the prose that comes with the project".to_owned()
    } else {
        command.text.join(", ")
    };
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let from = if command.begun_with == "scratch" {
        "from random weights".to_owned()
    } else {
        format!("from the weights of {}", command.begun_with)
    };
    Card {
        title: name.into_owned(),
        about: format!(
            "Trained {from} on {text}, in windows of {} tokens, with seed {}.",
            command.context,
            trainer.settings().seed
        ),
        usage: usage(command, folder),
    }
}

/// Repeats a published run; its log goes to stdout, so that it can be compared.
fn repeat(name: &str, options: &Options) -> Result<ExitCode> {
    let mut protocol = match name {
        "book" => Protocol::book(),
        "article" => Protocol::article(),
        other => bail!("the protocol {other:?} is unknown; there are book and article"),
    };
    protocol.epochs = options.epochs.unwrap_or(protocol.epochs);
    let default = if name == "book" { "the-verdict" } else { "world-war-i" };
    let text = if options.text.is_empty() { vec![default.to_owned()] } else { options.text.clone() };
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
