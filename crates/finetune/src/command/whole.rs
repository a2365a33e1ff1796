//! The whole way in one command (chapter 5.7): load, fine-tune, answer, score, save.

use super::{
    options::Whole,
    prepare,
    report::{card, one_line, print_settings, report},
    score_and_report, scorer,
    start::{SCRATCH, first_model, with_dropout},
};
use crate::{
    answers::{self, Answered, answer_all, answer_loss, marks},
    collate::InstructionSet,
    data, export,
    instructions::{Entry, Split},
    respond::answer,
};
use anyhow::{Context, Result, ensure};
use model::{config::Gpt2Config, fast::decode::Dtype};
use serde::{Deserialize, Serialize};
use std::{
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};
use tch::Device;
use train::{
    callbacks::Outcome,
    checkpoint,
    command::take_path,
    run::{
        folder::RunFolder,
        memory_check,
        recorder::Recorder,
        terminal::{
            AnswerProgress, INTERRUPTED, Progress, say, say_where, stop_at_signal, take_up,
            warn_of_long_prompts,
        },
    },
    settings::{Length, TrainSettings},
    trainer::Trainer,
};

/// Held-out instructions whose answers are shown.
const SHOWN: usize = 3;

/// What a resumed run must know beside its settings; each checkpoint holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub data: String,
    pub sample: Option<usize>,
    pub seed: u32,
    pub mask_prompt: bool,
    pub begun_with: String,
    /// What the model answered to the shown entries before it was fine-tuned.
    pub before: Vec<Answered>,
    /// Its loss on the expected answers of the test then.
    pub test_loss_before: f64,
}

pub fn run(options: &Whole) -> Result<ExitCode> {
    let device = prepare(&options.common)?;
    let started = Instant::now();
    let stop = stop_at_signal()?;
    let (mut trainer, mut folder, plan, split) = match &options.resume {
        Some(run) => resume(options, run, device)?,
        None => begin(options, device, &stop)?,
    };
    let again = format!("cargo run -p finetune -- --resume {}", folder.path().display());
    warn_of_long_prompts(split.test.iter().map(Entry::prompt), trainer.model.config.context);
    let mut progress =
        Progress::new(trainer.progress.step, trainer.course.schedule.total_steps, false);
    let first = plan.before.first().map(|answered| answered.entry.clone());
    let path = folder.path().to_owned();
    let mut recorder = Recorder {
        folder: &mut folder,
        show: &mut |line| progress.show(line),
        sample: &|model| {
            let entry = first.as_ref().context("there is no held-out instruction")?;
            Ok(format!(
                "{} => {}",
                one_line(entry),
                answer(
                    &mut *scorer(model, Dtype::F32, &options.common)?,
                    entry,
                    options.max_new_tokens
                )?
            ))
        },
        stop: &|| stop.load(Ordering::SeqCst),
    };
    let outcome = trainer.run(&path, &mut recorder);
    drop(progress);
    let outcome = outcome
        .with_context(|| checkpoint::what_stays(folder.path(), trainer.progress.step, &again))?;
    if outcome == Outcome::Stopped {
        say(&format!("saved at step {}; resume with: {again}", trainer.progress.step));
        return Ok(ExitCode::from(INTERRUPTED));
    }

    say(&format!("answering {} held-out instructions", split.test.len()));
    let mut reader = scorer(&trainer.model, Dtype::F32, &options.common)?;
    let mut progress = AnswerProgress::new(split.test.len());
    let answered = answer_all(&mut *reader, &split.test, options.max_new_tokens, |_| {
        progress.add();
        !stop.load(Ordering::SeqCst)
    })?;
    drop((progress, reader)); // a bar and threads, which end here
    if answered.len() < split.test.len() {
        say(&format!("all {} steps are saved; answer with: {again}", trainer.progress.step));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    answers::save(&folder.path().join("responses.json"), &answered)?;
    folder.write_model(&trainer, &card(&plan, folder.path(), &marks(&answered)))?;
    export::write_companions(folder.path(), trainer.model.config.context)?;
    report(options, &trainer, &plan, &split, &answered, folder.path(), started)?;

    let judge = super::judge(&options.judge);
    if judge.is_there() {
        score_and_report(&judge, &answered, 1, &folder.path().join("scores.jsonl"))?;
    } else {
        say(&format!(
            "no judge answers at {}: the answers are scored by counting only",
            judge.address()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// A new run.
fn begin(
    options: &Whole,
    device: Device,
    stop: &AtomicBool,
) -> Result<(Trainer, RunFolder, Plan, Split)> {
    let folder = RunFolder::unused(options.out_dir.as_deref(), "finetune")?;
    let entries = data::read(&options.data)?;
    let entries = match options.sample {
        Some(count) => data::sample(&entries, count, options.common.seed)?,
        None => entries,
    };
    let split = data::split(&entries)?;
    let (model, begun_with) = first_model(options, device, &folder, stop)?;
    let model = with_dropout(model, options.dropout.unwrap_or(0.0))?;
    memory_check::check(&model.config)?;
    let run = RunFolder::open(&folder, &[])?; // before the first answers, which take a while
    let scratch = begun_with == SCRATCH;
    let mask_prompt = options.mask_prompt || scratch;
    let shown: Vec<Entry> =
        split.test.iter().step_by(split.test.len().div_ceil(SHOWN)).cloned().collect();
    let plan = Plan {
        data: options.data.clone(),
        sample: options.sample,
        seed: options.common.seed,
        mask_prompt,
        begun_with,
        before: answer_all(
            &mut *scorer(&model, Dtype::F32, &options.common)?,
            &shown,
            options.max_new_tokens,
            |_| true,
        )?,
        test_loss_before: answer_loss(&model, &split.test)?,
    };
    let (training, validation) = sets(&split, &model.config, mask_prompt)?;
    let settings = settings(options, scratch);
    let truncated = training.truncated();
    let mut trainer = Trainer::new(
        model,
        settings,
        Box::new(training),
        Some(Box::new(validation)),
        serde_json::to_value(&plan)?,
    )?;
    take_path(&mut trainer, options.common.path)?;
    print_settings(&plan, &trainer, &split, truncated, &folder)?;
    Ok((trainer, run, plan, split))
}

/// A run that was interrupted.
fn resume(
    options: &Whole,
    run: &Path,
    device: Device,
) -> Result<(Trainer, RunFolder, Plan, Split)> {
    let loaded = checkpoint::load(run, device)?;
    let plan: Plan = serde_json::from_value(loaded.state.resume_metadata.clone())
        .context("the checkpoint was made by another command, such as train")?;
    take_up(&loaded, options.common.threads);
    let theirs = loaded.model.config.dropout;
    let dropout = options.dropout.unwrap_or(theirs);
    ensure!(
        (dropout - theirs).abs() == 0.0,
        "dropout is {theirs} in the checkpoint and {dropout} here; leave it out to resume"
    );
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
    let mut trainer =
        Trainer::resume(loaded, settings, Box::new(training), Some(Box::new(validation)))?;
    take_path(&mut trainer, options.common.path)?;
    say_where(&trainer);
    Ok((trainer, folder, plan, split))
}

fn settings(options: &Whole, scratch: bool) -> TrainSettings {
    // The article's settings, or those under which the small model learns the embedded instructions.
    let (epochs, batch_size, learning_rate, eval_every) =
        if scratch { (14, 16, 2e-3, 100) } else { (2, 8, 5e-5, 5) };
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

fn sets(
    split: &Split,
    config: &Gpt2Config,
    mask_prompt: bool,
) -> Result<(InstructionSet, InstructionSet)> {
    let set =
        |entries: &[Entry]| InstructionSet::new(entries, config.context as usize, mask_prompt);
    Ok((set(&split.training)?.in_similar_lengths(), set(&split.validation)?))
}
