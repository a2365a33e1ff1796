//! The variables by which Python's Hugging Face library is told where its files lie and whether it may use the network.
//!
//! # Source
//! `constants.py` and `utils/_auth.py` of `huggingface_hub`; `TRANSFORMERS_CACHE` as in `utils/hub.py` of transformers 4.

use anyhow::{Result, ensure};
use std::{env, fs, path::PathBuf};

/// A token for the hub, and where it came from.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// What is sent.
    pub value: String,
    /// `HF_TOKEN`, or the path of a file.
    pub source: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(formatter, "the token of {}", self.source)
    }
}

/// A variable that is set and not empty.
fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A folder or file, whose `~`, `$NAME` and `${NAME}` the shell may have left as they are.
fn path(name: &str) -> Option<PathBuf> {
    set(name).map(|value| expand(&value))
}

/// A path with `~`, `$NAME` and `${NAME}` replaced; a variable that is not set stays as it is written.
pub fn expand(path: &str) -> PathBuf {
    shellexpand::full_with_context_no_errors(path, || set("HOME"), |name| env::var(name).ok())
        .into_owned()
        .into()
}

/// The folder of everything that the Hugging Face library keeps.
fn home() -> Option<PathBuf> {
    path("HF_HOME")
        .or_else(|| Some(path("XDG_CACHE_HOME")?.join("huggingface")))
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache/huggingface")))
}

/// The cache of models: its variable, else the older names of that, else below the home of the library.
pub fn cache() -> Option<PathBuf> {
    let names = [
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "TRANSFORMERS_CACHE",
        "PYTORCH_TRANSFORMERS_CACHE",
        "PYTORCH_PRETRAINED_BERT_CACHE",
    ];
    names.into_iter().find_map(path).or_else(|| Some(home()?.join("hub")))
}

/// The address of the hub, without a slash at its end.
pub fn endpoint() -> String {
    let address = set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
    address.trim_end_matches('/').to_owned()
}

/// Checks that the address of the hub is one.
///
/// # Errors
/// If it has no scheme, one that is not of the web, or no host.
pub fn check_endpoint(address: &str) -> Result<()> {
    let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    ensure!(
        host.is_some_and(|host| !host.is_empty()),
        "HF_ENDPOINT is {address}, which is not an address; it begins with https://, as https://huggingface.co does"
    );
    Ok(())
}

/// Whether nothing may be downloaded.
pub fn offline() -> bool {
    set("HF_HUB_OFFLINE").or_else(|| set("TRANSFORMERS_OFFLINE")).is_some_and(|value| yes(&value))
}

fn yes(value: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&value.to_uppercase().as_str())
}

/// The user's token: a variable, else the file that `hf auth login` writes.
pub fn token() -> Option<Token> {
    if set("HF_HUB_DISABLE_IMPLICIT_TOKEN").is_some_and(|value| yes(&value)) {
        return None;
    }
    let clean = |text: &str| {
        let text = text.replace(['\r', '\n'], "").trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let variable = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]
        .into_iter()
        .find_map(|name| Some(Token { value: clean(&set(name)?)?, source: name.to_owned() }));
    variable.or_else(|| {
        let file = path("HF_TOKEN_PATH").or_else(|| Some(home()?.join("token")))?;
        let value = clean(&fs::read_to_string(&file).ok()?)?;
        Some(Token { value, source: file.display().to_string() })
    })
}
