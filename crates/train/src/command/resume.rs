//! How a run goes on (chapter 4.6).

use super::{Command, Prepared, choices::remembered, examples, options::Options};
use crate::{
    checkpoint::{self, Loaded},
    run::{
        corpus::Corpus,
        folder::{RunFolder, run_of},
        newest::{self, Maker},
        terminal,
        tokenizer::TextEncoder,
    },
    trainer::Trainer,
};
use anyhow::{Context, Result, ensure};
use model::format::WEIGHTS;
use std::path::Path;
use tch::Device;

/// A run that was interrupted, or one that is to go on for longer; none where nothing is left to do.
pub fn resume(options: &Options, run: Option<&Path>, device: Device) -> Result<Option<Prepared>> {
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
    let (run, before) = (run_of(&loaded.folder).to_owned(), state.settings.clone());
    let encoder = TextEncoder::of_run(&run, loaded.model.config.vocab_size, options.path)?;
    let (training, validation, bytes_per_token) = examples(&corpus, &encoder, command.context)?;
    let history = loaded.history.clone();
    let mut trainer = Trainer::resume(loaded, settings, training, Some(validation))?;
    trainer.course.bytes_per_token = Some(bytes_per_token);
    if terminal::is_finished(&trainer, &run, &[WEIGHTS]) {
        return Ok(None);
    }
    let folder = RunFolder::open(&run, &history)?;
    trainer.origin.resume_metadata = serde_json::to_value(&command)?;
    terminal::say_where(&trainer, &before);
    let validation = corpus.validation.concat();
    Ok(Some(Prepared { trainer, folder, command, encoder, kept: None, validation }))
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
