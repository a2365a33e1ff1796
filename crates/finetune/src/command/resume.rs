//! How an interrupted run goes on (chapter 5.7).

use super::{
    RESPONSES,
    options::Whole,
    plan::{self, Plan, Prepared},
};
use anyhow::{Context, Result, ensure};
use model::format::WEIGHTS;
use std::path::Path;
use tch::Device;
use train::{
    checkpoint,
    command::take_path,
    run::{
        folder::{RunFolder, run_of},
        newest::{self, Maker},
        terminal::{is_finished, say_where, take_up},
        tokenizer::TextEncoder,
    },
    settings::{Length, TrainSettings},
    trainer::Trainer,
};

/// A run that was interrupted, or is to go on for longer; none where nothing is left to do.
pub fn resume(options: &Whole, run: Option<&Path>, device: Device) -> Result<Option<Prepared>> {
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
    let (split, parts) = plan::split(&plan.data, plan.sample, plan.seed)?;
    let run = run_of(&loaded.folder).to_owned();
    let vocab_size = loaded.model.config.vocab_size;
    let encoder = TextEncoder::of_run(&run, vocab_size, options.common.path)?;
    let (training, validation) =
        plan::sets(&split, encoder.lesson(), &loaded.model.config, plan.mask_prompt)?;
    let bytes_per_token = validation.as_ref().map(|set| set.bytes_per_target(encoder.lesson()));
    let saved = &loaded.state.settings;
    let settings = settings(options, saved);
    let before = saved.clone();
    let history = loaded.history.clone();
    let mut trainer =
        Trainer::resume(loaded, settings, Box::new(training), plan::boxed(validation))?;
    trainer.course.bytes_per_token = bytes_per_token;
    if is_finished(&trainer, &run, &[WEIGHTS, RESPONSES]) {
        return Ok(None);
    }
    let folder = RunFolder::open(&run, &history)?;
    take_path(&mut trainer, options.common.path)?;
    say_where(&trainer, &before);
    Ok(Some(Prepared { trainer, folder, plan, split, parts, encoder, kept: None }))
}

/// The settings of the checkpoint, with what the command line says otherwise.
fn settings(options: &Whole, saved: &TrainSettings) -> TrainSettings {
    TrainSettings {
        length: options.epochs.map_or(saved.length, Length::Epochs),
        batch_size: options.batch_size.unwrap_or(saved.batch_size),
        learning_rate: options.learning_rate.unwrap_or(saved.learning_rate),
        eval_every: options.eval_every.unwrap_or(saved.eval_every),
        keep_best: options.keep_best.unwrap_or(saved.keep_best),
        patience: options.patience.unwrap_or(saved.patience),
        precision: options.precision.unwrap_or(saved.precision),
        save_every: options.save_every.unwrap_or(saved.save_every),
        ..saved.clone()
    }
}
