//! Which kind of tokenizer a folder names, or shows by its files.

use super::{CONFIG, json};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Of a longer file the rest is not read.
const LONGEST: u64 = 1 << 28;
pub(super) const ONLY: &str = "this program reads tokenizers of GPT-2's kind only, and with another one each id would mean another word";

/// Classes that are GPT-2's tokenizer if their files are.
const OURS: [&str; 6] = [
    "GPT2Tokenizer",
    "GPT2TokenizerFast",
    "PreTrainedTokenizer",
    "PreTrainedTokenizerFast",
    "TokenizersBackend",
    "AutoTokenizer",
];

/// Checks the class that the settings of the tokenizer name, else those of the model.
///
/// # Errors
/// If it is another one than GPT-2's.
pub(super) fn check_class(folder: &Path, config: Option<&Value>) -> Result<()> {
    let model = read(folder, CONFIG)?;
    let class = |json: Option<&Value>| {
        json.and_then(|json| json["tokenizer_class"].as_str()).map(str::to_owned)
    };
    let named = class(config)
        .map(|class| (class, "tokenizer_config.json"))
        .or_else(|| class(model.as_ref()).map(|class| (class, CONFIG)));
    if let Some((class, file)) = named {
        ensure!(OURS.contains(&class.as_str()), "{file} names the tokenizer {class}; {ONLY}");
    }
    Ok(())
}

/// Checks that there is no vocabulary of another kind of tokenizer, which decides where none of GPT-2's kind is there.
///
/// # Errors
/// Names the file.
pub(super) fn check_other_files(folder: &Path) -> Result<()> {
    for name in
        ["vocab.txt", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "meta.pkl"]
    {
        ensure!(
            there(folder, name).is_none(),
            "the model comes with {name}, the vocabulary of another tokenizer; {ONLY}"
        );
    }
    Ok(())
}

pub(super) fn there(folder: &Path, name: &str) -> Option<PathBuf> {
    Some(folder.join(name)).filter(|path| path.is_file())
}

pub(super) fn read(folder: &Path, name: &str) -> Result<Option<Value>> {
    there(folder, name).map(|path| json::read(&path, LONGEST)).transpose()
}
