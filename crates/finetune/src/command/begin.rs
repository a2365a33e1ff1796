//! How a new run begins (chapter 5.7).

use super::{
    options::Whole,
    plan::{self, Plan, Prepared},
    report::print_settings,
    scorer,
    start::{First, Interrupted, SCRATCH, first_model, with_dropout},
};
use crate::{
    answers::{Answered, answer_all, answer_loss, marks},
    instructions::Split,
    run::tasks::EMBEDDED_NAME,
};
use anyhow::{Result, ensure};
use embedding::bpe::BytePairEncoder;
use model::{fast::decode::Dtype, format::tokenizer_files, gpt2::Gpt2};
use std::sync::atomic::{AtomicBool, Ordering};
use tch::Device;
use train::{
    adamw::AdamWSettings,
    command::take_path,
    run::{
        folder::RunFolder,
        memory_check,
        terminal::{CountProgress, say},
        tokenizer::TextEncoder,
        weights::tokenizer_folder,
    },
    settings::{Length, TrainSettings},
    trainer::Trainer,
};

/// Held-out instructions whose answers are shown.
const SHOWN: usize = 3;

/// A new run.
pub fn begin(options: &Whole, device: Device, stop: &AtomicBool) -> Result<Prepared> {
    let path = RunFolder::unused(options.out_dir.as_deref(), "finetune", options.force)?;
    let (split, parts) = plan::split(&options.data, options.sample, options.common.seed)?;
    let First { model, begun_with, source, tokenizer } =
        first_model(options, device, &path, &split.training, stop)?;
    let model = with_dropout(model, options.dropout.unwrap_or(0.0))?;
    memory_check::check(&model.config)?;
    let scratch = begun_with == SCRATCH;
    let mask_prompt = options.mask_prompt || scratch;
    let encoder = TextEncoder::new(tokenizer, options.common.path)?;
    ensure!(
        encoder.lesson().end_of_text.is_some(),
        "the tokenizer of {begun_with} has no token that ends a text, so that no answer could end"
    );
    let (training, validation) = plan::sets(&split, encoder.lesson(), &model.config, mask_prompt)?;
    let folder = RunFolder::open(&path, &[])?; // before the first answers, which take a while
    match source {
        Some(source) => tokenizer_files::keep(tokenizer_folder(&source), &path)?,
        None => encoder.write(&path, model.config.context)?,
    }
    let plan = plan(options, &model, encoder.lesson(), &split, begun_with, mask_prompt, stop)?
        .ok_or_else(|| Interrupted::before_the_first_step(options, &path))?;
    let truncated = training.truncated();
    let bytes_per_token = validation.as_ref().map(|set| set.bytes_per_target(encoder.lesson()));
    let (settings, remembered) = (settings(options, scratch), serde_json::to_value(&plan)?);
    let mut trainer =
        Trainer::new(model, settings, Box::new(training), plan::boxed(validation), remembered)?;
    trainer.course.bytes_per_token = bytes_per_token;
    take_path(&mut trainer, options.common.path)?;
    print_settings(&plan, &trainer, &split, truncated, &path)?;
    Ok(Prepared { trainer, folder, plan, split, parts, encoder, kept: None })
}

/// The plan of a new run, with what the model makes of the test before it has learned from any of it; none if it is to stop.
fn plan(
    options: &Whole,
    model: &Gpt2,
    encoder: &BytePairEncoder,
    split: &Split,
    begun_with: String,
    mask_prompt: bool,
    stop: &AtomicBool,
) -> Result<Option<Plan>> {
    let count = split.test.len();
    say(&format!("answering {count} held-out instructions before fine-tuning"));
    let mut reader = scorer(model, Dtype::F32, &options.common)?;
    let mut progress = CountProgress::new("answer", count);
    let go_on = |_: &Answered| {
        progress.add();
        !stop.load(Ordering::SeqCst)
    };
    let answered = answer_all(&mut *reader, encoder, &split.test, options.max_new_tokens, go_on)?;
    drop((progress, reader)); // a bar and threads, which end here
    if answered.len() < count {
        return Ok(None);
    }
    Ok(Some(Plan {
        data: options.data.clone(),
        sample: options.sample,
        seed: options.common.seed,
        mask_prompt,
        begun_with,
        marks_before: Some(marks(&answered)),
        before: answered.into_iter().step_by(count.div_ceil(SHOWN)).collect(),
        test_loss_before: answer_loss(model, encoder, &split.test)?,
    }))
}

/// How the model is trained, as far as the user does not ask for something else.
fn settings(options: &Whole, scratch: bool) -> TrainSettings {
    let recipe = if scratch { of_small_model() } else { of_public_weights(&options.data) };
    let learning_rate = options.learning_rate.unwrap_or(recipe.learning_rate);
    TrainSettings {
        seed: options.common.seed,
        length: options.epochs.map_or(recipe.length, Length::Epochs),
        batch_size: options.batch_size.unwrap_or(recipe.batch_size),
        learning_rate,
        min_lr: learning_rate * (recipe.min_lr / recipe.learning_rate),
        eval_every: options.eval_every.unwrap_or(recipe.eval_every),
        eval_batches: 5,
        save_every: options.save_every.unwrap_or(0),
        keep_best: options.keep_best.unwrap_or(true),
        patience: options.patience.unwrap_or(0),
        precision: options.precision.unwrap_or_default(),
        ..recipe
    }
}

/// Under these the model made on the spot learns the embedded instructions.
fn of_small_model() -> TrainSettings {
    TrainSettings {
        length: Length::Epochs(3),
        batch_size: 32,
        learning_rate: 4e-3,
        min_lr: 4e-4,
        warmup_steps: 50,
        optimizer: AdamWSettings { beta2: 0.95, ..Default::default() },
        eval_every: 400,
        ..TrainSettings::default()
    }
}

/// Gentle ones, so that what public weights know stays.
fn of_public_weights(data: &str) -> TrainSettings {
    // The embedded instructions are many and alike.
    let epochs = if data == EMBEDDED_NAME { 1 } else { 2 };
    TrainSettings {
        length: Length::Epochs(epochs),
        batch_size: 8,
        learning_rate: 5e-5,
        min_lr: 5e-5,
        warmup_steps: 0,
        eval_every: 5,
        ..TrainSettings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Whole,
    }

    #[test]
    fn whatever_rate_is_asked_for_ends_where_its_recipe_ends_and_is_never_exceeded() {
        for (scratch, share) in [(true, 0.1), (false, 1.0)] {
            for rate in (1..1000).map(|hundredths| f64::from(hundredths) * 1e-5) {
                let line = Line::parse_from(["finetune", "--learning-rate", &rate.to_string()]);
                let settings = settings(&line.options, scratch);
                settings.check().expect("settings that make sense");
                assert!((settings.min_lr / rate - share).abs() < 1e-12, "{rate} has {settings:?}");
            }
        }
    }
}
