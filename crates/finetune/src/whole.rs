//! The whole way in one command (chapter 5.7): load, fine-tune, answer, score, save.

use crate::{
    judge,
    options::{Common, Whole},
    prepare, score_and_report,
};
use anyhow::{Context, Result, ensure};
use embedding::{bpe::BytePairEncoder, texts::PROSE, windows::Windows};
use finetune::{
    answers::{self, Answered, Marks, answer_all, marks, marks_by_kind, marks_of_nearest},
    collate::InstructionSet,
    data, export,
    instructions::{Entry, Split},
    respond::{Limits, answer, complete},
};
use model::{config::Gpt2Config, generate::CachedModel, gpt2::Gpt2, public_weights};
use serde::{Deserialize, Serialize};
use std::{
    ops::ControlFlow,
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};
use tch::Device;
use train::{
    checkpoint,
    console::{self, INTERRUPTED, Progress, say, stop_at_signal},
    examples::Examples,
    hub::Hub,
    loss::mean_loss,
    output::{Card, RunFolder, validation_losses},
    plot::Curves,
    room,
    sampling::Sampling,
    settings::{Length, TrainSettings},
    trainer::{Ending, Hooks, Trainer},
};

/// Held-out instructions whose answers are shown.
const SHOWN: usize = 3;
/// Words that the embedded prose has many times.
const PROSE_PROMPT: &str = "at the end of the";
/// The name for weights that are made on the spot.
const SCRATCH: &str = "scratch";

/// What a resumed run must know beside its settings; each checkpoint holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Plan {
    data: String,
    sample: Option<usize>,
    seed: u32,
    mask_prompt: bool,
    begun_with: String,
    /// What the model answered to the shown entries before it was fine-tuned.
    before: Vec<Answered>,
    /// Its loss on the expected answers of the test then.
    test_loss_before: f64,
}

pub fn run(options: &Whole) -> Result<ExitCode> {
    let device = prepare(&options.common)?;
    let started = Instant::now();
    let stop = stop_at_signal()?;
    let (mut trainer, mut folder, plan, split) = match &options.resume {
        Some(run) => resume(options, run, device)?,
        None => begin(options, device, &stop)?,
    };
    let again = format!("finetune --resume {}", folder.path().display());
    let mut progress = Progress::new(trainer.steps(), trainer.total_steps(), false);
    let first = plan.before.first().map(|answered| answered.entry.clone());
    let mut hooks = Hooks {
        sample: &|model| {
            let entry = first.as_ref().context("there is no held-out instruction")?;
            Ok(format!(
                "{} => {}",
                one_line(entry),
                answer(&mut CachedModel::new(model), entry, options.max_new_tokens)?
            ))
        },
        line: &mut |line| progress.show(line),
        stop: &|| stop.load(Ordering::SeqCst),
    };
    let ending = trainer.run(&mut folder, &mut hooks);
    drop(progress);
    let ending = ending.with_context(|| {
        format!("stopped after step {}; its last checkpoint stays, `{again}` goes on from it", trainer.steps())
    })?;
    if ending == Ending::Stopped {
        say(&format!("saved at step {}; resume with: {again}", trainer.steps()));
        return Ok(ExitCode::from(INTERRUPTED));
    }

    say(&format!("answering {} held-out instructions", split.test.len()));
    let answered = answer_all(&mut CachedModel::new(&trainer.model), &split.test, options.max_new_tokens, |_| true)?;
    answers::save(&folder.path().join("responses.json"), &answered)?;
    folder.write_model(&trainer, &card(&plan, folder.path(), &marks(&answered)))?;
    export::write_companions(folder.path(), trainer.model.config.context)?;
    report(options, &trainer, &plan, &split, &answered, folder.path(), started)?;

    let judge = judge(&options.judge);
    if judge.is_there() {
        score_and_report(&judge, &answered, 1, &folder.path().join("scores.jsonl"))?;
    } else {
        say(&format!("no judge answers at {}: the answers are scored by counting only", judge.address()));
    }
    Ok(ExitCode::SUCCESS)
}

/// A new run.
fn begin(options: &Whole, device: Device, stop: &AtomicBool) -> Result<(Trainer, RunFolder, Plan, Split)> {
    let folder = RunFolder::unused(options.out_dir.as_deref(), "finetune")?;
    let entries = data::read(&options.data)?;
    let entries = match options.sample {
        Some(count) => data::sample(&entries, count, options.common.seed)?,
        None => entries,
    };
    let split = data::split(&entries)?;
    let (model, begun_with) = first_model(options, device, &folder, stop)?;
    room::check(&model.config)?;
    let scratch = begun_with == SCRATCH;
    let mask_prompt = options.mask_prompt || scratch;
    let shown: Vec<Entry> = split.test.iter().step_by(split.test.len().div_ceil(SHOWN)).cloned().collect();
    let plan = Plan {
        data: options.data.clone(),
        sample: options.sample,
        seed: options.common.seed,
        mask_prompt,
        begun_with,
        before: answer_all(&mut CachedModel::new(&model), &shown, options.max_new_tokens, |_| true)?,
        test_loss_before: answer_loss(&model, &split.test)?,
    };
    let (training, validation) = sets(&split, &model.config, mask_prompt)?;
    let settings = settings(options, scratch);
    print_settings(&plan, &model.config, &settings, &split, &training, &folder);
    let trainer =
        Trainer::new(model, settings, Box::new(training), Some(Box::new(validation)), serde_json::to_value(&plan)?)?;
    Ok((trainer, RunFolder::open(&folder, &[])?, plan, split))
}

/// A run that was interrupted.
fn resume(options: &Whole, run: &Path, device: Device) -> Result<(Trainer, RunFolder, Plan, Split)> {
    let loaded = checkpoint::load(run, device)?;
    let plan: Plan = serde_json::from_value(loaded.state.command.clone())
        .context("the checkpoint was made by another command, such as train")?;
    let threads = options.common.threads.map_or(loaded.state.threads, |threads| threads as i32);
    tch::set_num_threads(threads);
    for warning in loaded.warnings(threads) {
        say(&format!("warning: {warning}"));
    }
    let entries = data::read(&plan.data)?;
    let entries = match plan.sample {
        Some(count) => data::sample(&entries, count, plan.seed)?,
        None => entries,
    };
    let split = data::split(&entries)?;
    let (training, validation) = sets(&split, &loaded.model.config, plan.mask_prompt)?;
    let saved = &loaded.state.settings;
    let settings = TrainSettings {
        length: options.epochs.map_or(saved.length, Length::Epochs),
        batch_size: options.batch_size.unwrap_or(saved.batch_size),
        learning_rate: options.learning_rate.unwrap_or(saved.learning_rate),
        eval_every: options.eval_every.unwrap_or(saved.eval_every),
        save_every: options.save_every.unwrap_or(saved.save_every),
        ..saved.clone()
    };
    let folder = RunFolder::open(run, &loaded.history)?;
    let trainer = Trainer::resume(loaded, settings, Box::new(training), Some(Box::new(validation)))?;
    say(&format!("going on after step {} of {}", trainer.steps(), trainer.total_steps()));
    Ok((trainer, folder, plan, split))
}

/// The model to begin with, and its name. Where nothing is asked for, public weights that cannot be had are replaced by a model made
/// on the spot, which is said in one line.
fn first_model(options: &Whole, device: Device, folder: &Path, stop: &AtomicBool) -> Result<(Gpt2, String)> {
    let hub = Hub::from_environment();
    match options.weights.as_deref() {
        Some(SCRATCH) => Ok((pretrain(&options.common, device, folder, stop)?, SCRATCH.to_owned())),
        Some(name) => Ok((public_weights::load(&hub.find(name)?, device)?, name.to_owned())),
        None => match hub.find("gpt2") {
            Ok(path) => Ok((public_weights::load(&path, device)?, "gpt2".to_owned())),
            Err(error) => {
                let reason = console::one_sentence(&error);
                say(&format!("no public weights ({reason}): going on with a small model made on the spot"));
                Ok((pretrain(&options.common, device, folder, stop)?, SCRATCH.to_owned()))
            }
        },
    }
}

/// A small model that has read the embedded prose.
fn pretrain(common: &Common, device: Device, folder: &Path, stop: &AtomicBool) -> Result<Gpt2> {
    tch::manual_seed(i64::from(common.seed));
    let config = Gpt2Config { dropout: 0.0, ..Gpt2Config::TINY };
    let context = config.context as usize;
    let model = Gpt2::new(config, device)?;
    model.initialise_as_gpt2();
    let windows = Windows::new(BytePairEncoder::gpt2().encode(PROSE), context, context)?;
    let settings = TrainSettings {
        seed: common.seed,
        batch_size: 8,
        length: Length::Steps(150),
        learning_rate: 2e-3,
        min_lr: 2e-4,
        eval_every: 0,
        ..TrainSettings::default()
    };
    let mut trainer = Trainer::new(model, settings, Box::new(windows), None, serde_json::Value::Null)?;
    say(&format!("pretraining on the embedded prose: {} steps", trainer.total_steps()));
    let mut progress = Progress::new(0, trainer.total_steps(), false);
    let mut run = RunFolder::open(&folder.join("pretraining"), &[])?;
    let mut hooks =
        Hooks { sample: &continue_prose, line: &mut |line| progress.show(line), stop: &|| stop.load(Ordering::SeqCst) };
    let ending = trainer.run(&mut run, &mut hooks)?;
    ensure!(ending == Ending::Finished, "stopped before the fine-tuning began; run the command again");
    Ok(trainer.model)
}

/// What the small model makes of words that its prose has many times.
fn continue_prose(model: &Gpt2) -> Result<String> {
    let limits = Limits { max_new_tokens: 12, stop: Vec::new() };
    let text =
        complete(
            &mut CachedModel::new(model),
            PROSE_PROMPT,
            &Sampling::GREEDY,
            &limits,
            |_| ControlFlow::Continue(()),
        )?;
    Ok(format!("{PROSE_PROMPT}{text}"))
}

fn settings(options: &Whole, scratch: bool) -> TrainSettings {
    // The article's settings, or those under which the small model learns the embedded instructions.
    let (epochs, batch_size, learning_rate, eval_every) = if scratch { (14, 16, 2e-3, 100) } else { (2, 8, 5e-5, 5) };
    let learning_rate = options.learning_rate.unwrap_or(learning_rate);
    TrainSettings {
        seed: options.common.seed,
        length: Length::Epochs(options.epochs.unwrap_or(epochs)),
        batch_size: options.batch_size.unwrap_or(batch_size),
        learning_rate,
        min_lr: if scratch { learning_rate / 10.0 } else { learning_rate },
        warmup_steps: if scratch { 50 } else { 0 },
        eval_every: options.eval_every.unwrap_or(eval_every),
        eval_batches: 5,
        save_every: options.save_every.unwrap_or(0),
        ..TrainSettings::default()
    }
}

fn sets(split: &Split, config: &Gpt2Config, mask_prompt: bool) -> Result<(InstructionSet, InstructionSet)> {
    let set = |entries: &[Entry]| InstructionSet::new(entries, config.context as usize, mask_prompt);
    Ok((set(&split.training)?.in_similar_lengths(), set(&split.validation)?))
}

/// The mean loss of the expected answers' tokens.
fn answer_loss(model: &Gpt2, entries: &[Entry]) -> Result<f64> {
    let set = InstructionSet::new(entries, model.config.context as usize, true)?;
    let device = model.store.device();
    let items: Vec<usize> = (0..set.len()).collect();
    let batches = items.chunks(8).map(|items| {
        let (inputs, targets) = set.batch(items);
        (inputs.to_device(device), targets.to_device(device))
    });
    mean_loss(model, batches)
}

fn print_settings(
    plan: &Plan,
    config: &Gpt2Config,
    settings: &TrainSettings,
    split: &Split,
    training: &InstructionSet,
    folder: &Path,
) {
    say(&format!(
        "model       {}: {} parameters, {} blocks, {} channels, context {}",
        plan.begun_with,
        config.parameters(),
        config.layers,
        config.channels,
        config.context
    ));
    say(&format!(
        "data        {}: {} entries for training, {} for the test, {} for validation",
        plan.data,
        split.training.len(),
        split.test.len(),
        split.validation.len()
    ));
    if training.truncated() > 0 {
        say(&format!(
            "truncated   {} training entries are longer than the context and were cut off",
            training.truncated()
        ));
    }
    let settings = serde_json::to_string(settings).unwrap_or_default();
    say(&format!("settings    {settings}, mask_prompt {}, threads {}", plan.mask_prompt, tch::get_num_threads()));
    say(&format!("folder      {}", folder.display()));
}

fn report(
    options: &Whole,
    trainer: &Trainer,
    plan: &Plan,
    split: &Split,
    answered: &[Answered],
    folder: &Path,
    started: Instant,
) -> Result<()> {
    let seconds = started.elapsed().as_secs();
    println!(
        "fine-tuned  {} for {} steps, {} min {:02} s in all",
        plan.begun_with,
        trainer.steps(),
        seconds / 60,
        seconds % 60
    );
    if let Some((before, after)) = validation_losses(trainer.history()) {
        println!("validation  loss {before:.3} before, {after:.3} after");
    }
    let after = answer_loss(&trainer.model, &split.test)?;
    println!("test        loss of the expected answers {:.3} before, {after:.3} after", plan.test_loss_before);
    let overall = marks(answered);
    println!(
        "test        exact match {:.1} %, token F1 {:.3}, over {} answers",
        100.0 * overall.exact_match,
        overall.token_f1,
        overall.count
    );
    let nearest = marks_of_nearest(&split.training, &split.test);
    println!(
        "            the nearest training instruction's answer: exact match {:.1} %, token F1 {:.3}",
        100.0 * nearest.exact_match,
        nearest.token_f1
    );
    print_kinds(answered);
    for before in &plan.before {
        let after = answered.iter().find(|answered| answered.entry == before.entry);
        println!("\nasked       {}", one_line(&before.entry));
        println!("  before    {}", shortened(&before.model_response));
        println!("  after     {}", shortened(after.map_or("", |answered| &answered.model_response)));
        println!("  expected  {}", shortened(&before.entry.output));
    }
    println!(
        "\nwrote       {}: model.safetensors, config.json, tokenizer, responses.json, loss.svg, README.md",
        folder.display()
    );
    println!("next        cargo run -p finetune -- chat --weights {}", folder.display());
    if options.plot {
        println!("\n{}", Curves::from_history(trainer.history()).in_characters(64, 14)?.trim_end());
    }
    Ok(())
}

/// Exact match by kind, three kinds a line.
fn print_kinds(answered: &[Answered]) {
    let kinds: Vec<String> = marks_by_kind(answered)
        .into_iter()
        .filter(|(kind, _)| !kind.is_empty())
        .map(|(kind, marks)| format!("{kind:<15} {:>3.0} % of {:<3}", 100.0 * marks.exact_match, marks.count))
        .collect();
    for line in kinds.chunks(3) {
        println!("            {}", line.join("  ").trim_end());
    }
}

fn one_line(entry: &Entry) -> String {
    let input = if entry.input.is_empty() { String::new() } else { format!(" | {}", entry.input) };
    shortened(&format!("{}{input}", entry.instruction))
}

/// A text on one line of at most 100 characters.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return "(nothing but blanks)".to_owned();
    }
    match line.char_indices().nth(100) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

fn card(plan: &Plan, folder: &Path, marks: &Marks) -> Card {
    let weights = if plan.begun_with == SCRATCH {
        "a small model that had read the project's prose".to_owned()
    } else {
        format!("the weights of {}", plan.begun_with)
    };
    Card {
        title: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        about: format!(
            "Fine-tuned to answer instructions, from {weights}, on the data `{}`, with seed {}. On held-out instructions its answers are \
             exactly the expected ones in {:.1} % of {} cases, with a mean token F1 of {:.3}.",
            plan.data,
            plan.seed,
            100.0 * marks.exact_match,
            marks.count,
            marks.token_f1
        ),
        usage: format!("cargo run -p finetune -- chat --weights {}", folder.display()),
    }
}
