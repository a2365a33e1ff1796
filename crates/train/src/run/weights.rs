//! A model that its user names: found, compared with our tokenizer, and read.

use super::{
    hub::Hub,
    newest::{self, Maker},
    repository,
    terminal::say,
};
use crate::checkpoint::CHECKPOINTS;
use anyhow::{Context, Result};
use model::{
    format::{
        self, CONFIG,
        tokenizer::{self, Tokenizer},
    },
    gpt2::Gpt2,
};
use std::path::{Path, PathBuf};
use tch::Device;

/// A model, and the folder that it was read from.
pub struct Brought {
    /// The model.
    pub model: Gpt2,
    /// Its folder, with its own tokenizer files.
    pub folder: PathBuf,
    /// What its ids mean.
    pub tokenizer: Tokenizer,
}

/// Finds the model called `name` and reads it; what is special about it is said in a line each.
///
/// # Errors
/// If there is none, if it cannot be read, or if it was made for another kind of tokenizer than GPT-2's.
pub fn load(name: &str, device: Device) -> Result<Brought> {
    read(name, |folder| format::load(folder, device))
}

/// The same without copying it, for a command that is over in a moment ([`format::map`]).
///
/// # Errors
/// As [`load`].
pub fn look_at(name: &str, device: Device) -> Result<Brought> {
    match device {
        Device::Cpu => read(name, format::map),
        other => load(name, other),
    }
}

/// The name that a user gives, else the newest run, one of `preferred` if there is any, else the public weights.
pub fn named_or_newest(name: Option<&str>, preferred: Option<Maker>) -> String {
    if let Some(name) = name {
        return name.to_owned();
    }
    let Some(run) = newest::with_model(preferred) else { return "gpt2".to_owned() };
    let run = run.display().to_string();
    say(&format!("weights         {run}, the newest run; --weights names others"));
    run
}

/// Whether a model has only learned to continue texts, as far as its name or its run tells.
pub fn only_continues(name: &str, folder: &Path) -> bool {
    let local = Path::new(name).exists();
    !local && repository::is_published(name)
        || newest::maker_of(tokenizer_folder(folder)) == Some(Maker::Train)
}

/// The folder with what belongs to a model beside its weights, the tokenizer files above all: its own, or for a checkpoint that of its
/// run.
pub fn tokenizer_folder(model: &Path) -> &Path {
    let checkpoints = model.parent().filter(|parent| parent.ends_with(CHECKPOINTS));
    checkpoints.and_then(Path::parent).unwrap_or(model)
}

fn read(name: &str, load: impl FnOnce(&Path) -> Result<Gpt2>) -> Result<Brought> {
    let folder = Hub::from_environment().find(name)?;
    let config = format::load_config(&folder.join(CONFIG))?;
    let tokenizer = tokenizer::of(tokenizer_folder(&folder), config.vocab_size)
        .with_context(|| format!("{name} cannot be used"))?;
    let model = load(&folder)?;
    for remark in format::remarks(&folder, &model.config)?.into_iter().chain(tokenizer.remarks()) {
        say(&format!("note            {remark}"));
    }
    Ok(Brought { model, folder, tokenizer })
}
