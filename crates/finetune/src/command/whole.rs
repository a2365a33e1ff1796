//! The whole way in one command (chapter 5.7): load, fine-tune, answer, score, save.

use super::{
    options::Whole,
    prepare,
    report::{card, one_line, print_settings, report},
    score::{judge, score_and_report},
    scorer,
    start::{First, SCRATCH, first_model, with_dropout},
};
use crate::{
    answers::{Answered, answer_all, answer_loss, marks},
    collate::InstructionSet,
    data, export,
    instructions::{Entry, Split},
    respond::answer,
    run::answer_file::{AnswerFile, answer_into},
    run::entries,
    run::records::Record,
};
use anyhow::{Context, Result, ensure};
use model::{
    config::Gpt2Config,
    fast::decode::Dtype,
    format::{WEIGHTS, tokenizer_files},
};
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
    examples::Examples,
    run::{
        folder::{RunFolder, run_of},
        memory_check,
        newest::{self, Maker},
        recorder::Recorder,
        shell,
        terminal::{
            AnswerProgress, INTERRUPTED, Progress, is_finished, say, say_where, stop_at_signal,
            take_up, warn_of_long_prompts,
        },
    },
    settings::{Length, TrainSettings},
    trainer::Trainer,
};

/// Held-out instructions whose answers are shown.
const SHOWN: usize = 3;
/// Their answers, within the folder of the run.
const RESPONSES: &str = "responses.json";

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
    /// Its loss on the expected answers of the test then; none if no token of an answer is within the context.
    pub test_loss_before: Option<f64>,
}

pub fn run(options: &Whole) -> Result<ExitCode> {
    let device = prepare(&options.common)?;
    let started = Instant::now();
    let stop = stop_at_signal()?;
    let (mut trainer, mut folder, plan, split) = match &options.resume {
        Some(run) => match resume(options, run.as_deref(), device)? {
            Some(resumed) => resumed,
            None => return Ok(ExitCode::SUCCESS),
        },
        None => begin(options, device, &stop)?,
    };
    let again = shell::command("finetune", ["--resume", &shell::path(folder.path())]);
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

    // Before anything is asked of it: hours of training must not hang on an answer.
    folder.write_model(&trainer, &card(&plan, folder.path(), None))?;
    export::write_companions(folder.path(), &trainer.model.config)?;
    let Some(answered) = answer_test(options, &trainer, &split.test, folder.path(), &stop)? else {
        say(&format!("all {} steps are saved; answer with: {again}", trainer.progress.step));
        return Ok(ExitCode::from(INTERRUPTED));
    };
    folder.write_card(&trainer, &card(&plan, folder.path(), Some(&marks(&answered))))?;
    report(options, &trainer, &plan, &split, &answered, folder.path(), started)?;
    judge_answers(options, &answered, folder.path())?;
    Ok(ExitCode::SUCCESS)
}

/// The answers to the held-out instructions, in `responses.json` too; none if they were broken off.
fn answer_test(
    options: &Whole,
    trainer: &Trainer,
    test: &[Entry],
    folder: &Path,
    stop: &AtomicBool,
) -> Result<Option<Vec<Answered>>> {
    say(&format!("answering {} held-out instructions", test.len()));
    let records: Vec<Record> = test.iter().map(Record::of).collect::<Result<_>>()?;
    let by = format!("step {}, {} tokens", trainer.progress.step, options.max_new_tokens);
    let mut file = AnswerFile::open(&folder.join(RESPONSES), &by)?;
    let mut reader = scorer(&trainer.model, Dtype::F32, &options.common)?;
    let mut progress = AnswerProgress::new(test.len());
    let responses = answer_into(&mut file, &mut *reader, &records, options.max_new_tokens, || {
        progress.add();
        !stop.load(Ordering::SeqCst)
    })?;
    drop((progress, reader)); // a bar and threads, which end here
    if responses.len() < test.len() {
        return Ok(None);
    }
    file.finish(&records, &responses, false)?;
    let answered = test.iter().cloned().zip(responses);
    Ok(Some(answered.map(|(entry, model_response)| Answered { entry, model_response }).collect()))
}

/// Has a judge mark the answers, where one answers.
fn judge_answers(options: &Whole, answered: &[Answered], folder: &Path) -> Result<()> {
    let judge = judge(&options.judge);
    if judge.is_there() {
        return score_and_report(&judge, answered, 1, &folder.join("scores.jsonl"));
    }
    say(&format!(
        "no judge answers at {}: the answers are scored by counting only",
        judge.address()
    ));
    Ok(())
}

/// A new run.
fn begin(
    options: &Whole,
    device: Device,
    stop: &AtomicBool,
) -> Result<(Trainer, RunFolder, Plan, Split)> {
    let folder = RunFolder::unused(options.out_dir.as_deref(), "finetune", options.force)?;
    let entries = entries::read(&options.data)?;
    let entries = match options.sample {
        Some(count) => data::sample(&entries, count, options.common.seed)?,
        None => entries,
    };
    let split = data::split(&entries)?;
    let First { model, begun_with, source } = first_model(options, device, &folder, stop)?;
    let model = with_dropout(model, options.dropout.unwrap_or(0.0))?;
    memory_check::check(&model.config)?;
    let scratch = begun_with == SCRATCH;
    let mask_prompt = options.mask_prompt || scratch;
    let (training, validation) = sets(&split, &model.config, mask_prompt)?;
    let run = RunFolder::open(&folder, &[])?; // before the first answers, which take a while
    if let Some(source) = source {
        tokenizer_files::keep(&source, &folder)?;
    }
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
    let settings = settings(options, scratch);
    let truncated = training.truncated();
    let mut trainer = Trainer::new(
        model,
        settings,
        Box::new(training),
        validation,
        serde_json::to_value(&plan)?,
    )?;
    take_path(&mut trainer, options.common.path)?;
    print_settings(&plan, &trainer, &split, truncated, &folder)?;
    Ok((trainer, run, plan, split))
}

/// A run that was interrupted, or is to go on for longer; none where nothing is left to do.
fn resume(
    options: &Whole,
    run: Option<&Path>,
    device: Device,
) -> Result<Option<(Trainer, RunFolder, Plan, Split)>> {
    let newest = || newest::of(Maker::Finetune);
    let loaded = checkpoint::load(&run.map_or_else(newest, |run| Ok(run.to_owned()))?, device)?;
    let plan: Plan = serde_json::from_value(loaded.state.resume_metadata.clone())
        .context("the checkpoint was made by another command, such as train")?;
    take_up(&loaded, options.common.threads);
    let theirs = loaded.model.config.dropout;
    let dropout = options.dropout.unwrap_or(theirs);
    ensure!(
        (dropout - theirs).abs() == 0.0,
        "dropout is {theirs} in the checkpoint and {dropout} here; leave it out to resume"
    );
    let entries = entries::read(&plan.data)?;
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
    let (run, before) = (run_of(&loaded.folder).to_owned(), saved.clone());
    let history = loaded.history.clone();
    let mut trainer = Trainer::resume(loaded, settings, Box::new(training), validation)?;
    if is_finished(&trainer, &run, &[WEIGHTS, RESPONSES]) {
        return Ok(None);
    }
    let folder = RunFolder::open(&run, &history)?;
    take_path(&mut trainer, options.common.path)?;
    say_where(&trainer, &before);
    Ok(Some((trainer, folder, plan, split)))
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

/// What is learned and what is measured on, the latter only where an answer is within the context.
fn sets(
    split: &Split,
    config: &Gpt2Config,
    mask_prompt: bool,
) -> Result<(InstructionSet, Option<Box<dyn Examples>>)> {
    let context = config.context as usize;
    let training = InstructionSet::new(&split.training, context, mask_prompt)?;
    let validation = InstructionSet::of_those_that_fit(&split.validation, context, mask_prompt);
    for (part, entries, set) in
        [("training", &split.training, &training), ("validation", &split.validation, &validation)]
    {
        if set.left_out() > 0 {
            say(&format!(
                "left out        {} of {} {part} entries, whose questions alone fill the context of {context} tokens",
                set.left_out(),
                entries.len()
            ));
        }
    }
    let nothing = validation.left_out() == split.validation.len();
    let validation = (!nothing).then(|| Box::new(validation) as Box<dyn Examples>);
    Ok((training.in_similar_lengths(), validation))
}
