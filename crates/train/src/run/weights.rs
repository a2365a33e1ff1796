//! A model that its user names: found, compared with our tokenizer, and read.

use super::{hub::Hub, terminal::say};
use anyhow::{Context, Result};
use model::{
    format::{self, CONFIG, tokenizer},
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
}

/// Finds the model called `name` and reads it; what is special about it is said in a line each.
///
/// # Errors
/// If there is none, if it cannot be read, or if it was made for another tokenizer than GPT-2's.
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

fn read(name: &str, load: impl FnOnce(&Path) -> Result<Gpt2>) -> Result<Brought> {
    let folder = Hub::from_environment().find(name)?;
    let config = format::load_config(&folder.join(CONFIG))?;
    let tokenizer = tokenizer::of(&folder, config.vocab_size)
        .with_context(|| format!("{name} cannot be used"))?;
    let model = load(&folder)?;
    for remark in format::remarks(&folder, &model.config)?.into_iter().chain(tokenizer.remarks()) {
        say(&format!("note            {remark}"));
    }
    Ok(Brought { model, folder })
}
