//! The whole way in one command (chapter 5.7): load, fine-tune, answer, score, save.

use super::{
    RESPONSES,
    begin::begin,
    options::Whole,
    plan::{Plan, Prepared},
    prepare,
    report::{card, one_line, print_next, report},
    report_card::report_card,
    resume::resume,
    score::{judge, score_and_report},
    scorer,
    start::{Interrupted, SCRATCH},
    tested::Tested,
};
use crate::{
    answers::{Answered, marks},
    export,
    instructions::{Entry, Split},
    respond::answer,
    run::{
        answer_file::{AnswerFile, answer_into},
        records::Record,
    },
};
use anyhow::{Context, Result};
use model::fast::decode::Dtype;
use std::{
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};
use train::{
    callbacks::Outcome,
    checkpoint,
    command::advice,
    run::{
        best::Best,
        card::seconds_of_steps,
        recorder::Recorder,
        report::REPORT,
        terminal::{CountProgress, INTERRUPTED, Progress, Shown, say, stop_at_signal},
    },
    support::shell,
    trainer::Trainer,
};

/// Does the whole, or goes on with it.
pub fn run(options: &Whole) -> Result<ExitCode> {
    let device = prepare(&options.common)?;
    let started = Instant::now();
    let stop = stop_at_signal()?;
    let prepared = match &options.resume {
        Some(run) => resume(options, run.as_deref(), device)?,
        None => match begin(options, device, &stop) {
            Err(error) if error.is::<Interrupted>() => {
                say(&error.to_string());
                return Ok(ExitCode::from(INTERRUPTED));
            }
            begun => Some(begun?),
        },
    };
    let Some(mut prepared) = prepared else { return Ok(ExitCode::SUCCESS) };
    let earlier_s = seconds_of_steps(&prepared.trainer.progress.history);
    let again = shell::command("finetune", ["--resume", &shell::path(prepared.folder.path())]);
    if learn(options, &mut prepared, &stop, &again)? == Outcome::Stopped {
        let step = prepared.trainer.progress.step;
        say(&format!("saved at step {step}; resume with: {again}"));
        return Ok(ExitCode::from(INTERRUPTED));
    }

    let Prepared { trainer, folder, .. } = &prepared;
    // Before anything is asked of it: hours of training must not depend on an answer.
    folder.write_model(trainer, &card(&prepared, None))?;
    export::write_companions(folder.path(), &trainer.model.config, true)?;
    let Some(answered) = answer_test(options, &prepared, &stop)? else {
        say(&format!("all {} steps are saved; answer with: {again}", trainer.progress.step));
        return Ok(ExitCode::from(INTERRUPTED));
    };
    folder.write_card(trainer, &card(&prepared, Some(&marks(&answered))))?;
    let seconds = earlier_s + started.elapsed().as_secs_f64();
    let tested = Tested::of(&prepared, answered)?;
    folder.write(REPORT, &report_card(&prepared, &tested, seconds))?;
    report(&prepared, &tested, seconds, options.plot)?;
    let judged = judge_answers(options, &tested.answered, prepared.folder.path());
    print_next(prepared.folder.path()); // whatever became of the judge
    judged.map(|()| ExitCode::SUCCESS)
}

/// Takes the steps that are left.
fn learn(
    options: &Whole,
    prepared: &mut Prepared,
    stop: &AtomicBool,
    again: &str,
) -> Result<Outcome> {
    let Prepared { trainer, folder, plan, split, encoder, kept, .. } = prepared;
    encoder
        .warn_of_long_prompts(split.test.iter().map(Entry::prompt), trainer.model.config.context);
    let mut progress = Progress::new(
        trainer.progress.step,
        trainer.course.schedule.total_steps,
        Shown::UntilReport,
        Some(shorter(trainer, plan, split)),
    );
    progress.advise(advice(trainer));
    let first = plan.before.first().map(|answered| &answered.entry);
    let path = folder.path().to_owned();
    let mut best = trainer.course.settings.keep_best.then(|| Best::of(&path, trainer));
    let mut recorder = Recorder {
        folder,
        best: best.as_mut(),
        show: &mut |line| progress.show(line),
        sample: &|model| {
            let entry = first.context("there is no held-out instruction")?;
            let mut reader = scorer(model, Dtype::F32, &options.common)?;
            let answer = answer(&mut *reader, encoder.lesson(), entry, options.max_new_tokens)?;
            Ok(format!("{} => {answer}", one_line(entry)))
        },
        stop: &|| stop.load(Ordering::SeqCst),
    };
    let outcome = trainer.run(&path, &mut recorder);
    drop(progress);
    let outcome =
        outcome.with_context(|| checkpoint::what_stays(&path, trainer.progress.step, again))?;
    if let (Outcome::Finished, Some(best)) = (outcome, best) {
        *kept = best.restore(trainer)?;
    }
    Ok(outcome)
}

/// The option that makes such a run shorter, and the steps of one of its units: fewer epochs where there are many, else fewer entries.
fn shorter(trainer: &Trainer, plan: &Plan, split: &Split) -> (&'static str, f64) {
    if plan.begun_with == SCRATCH {
        return ("--epochs", trainer.course.steps_per_epoch as f64);
    }
    let entries = split.training.len() + split.test.len() + split.validation.len();
    ("--sample", trainer.course.schedule.total_steps as f64 / entries as f64)
}

/// The answers to the held-out instructions, in `responses.json` too; none if they were broken off.
fn answer_test(
    options: &Whole,
    prepared: &Prepared,
    stop: &AtomicBool,
) -> Result<Option<Vec<Answered>>> {
    let Prepared { trainer, folder, encoder, .. } = prepared;
    let test = &prepared.split.test;
    say(&format!("answering {} held-out instructions", test.len()));
    let records: Vec<Record> = test.iter().map(Record::of).collect::<Result<_>>()?;
    let by = format!("step {}, {} tokens", trainer.progress.step, options.max_new_tokens);
    let mut file = AnswerFile::open(&folder.path().join(RESPONSES), &by)?;
    let mut reader = scorer(&trainer.model, Dtype::F32, &options.common)?;
    let mut progress = CountProgress::new("answer", test.len());
    let responses = answer_into(
        &mut file,
        &mut *reader,
        encoder.lesson(),
        &records,
        options.max_new_tokens,
        || {
            progress.add();
            !stop.load(Ordering::SeqCst)
        },
    )?;
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
