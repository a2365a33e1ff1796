//! Names of models on the hub: which there are, and what somebody means who writes an address.

use super::runs::{self, RUNS};
use anyhow::{Result, bail, ensure};
use std::path::Path;
use xtask::datasets::{self, Dataset};

/// Names that the hub knew before every model had an owner, and still knows.
pub const OWNERS: [(&str, &str); 5] = [
    ("gpt2", "openai-community"),
    ("gpt2-medium", "openai-community"),
    ("gpt2-large", "openai-community"),
    ("gpt2-xl", "openai-community"),
    ("distilgpt2", "distilbert"),
];

/// How addresses of models begin that people copy.
const ADDRESSES: [&str; 5] =
    ["https://huggingface.co/", "huggingface.co/", "https://hf.co/", "hf.co/", "hf://"];

/// Whether a name is that of a model that OpenAI, or who distilled it, has published: one that continues texts.
pub fn is_published(name: &str) -> bool {
    OWNERS.iter().any(|(known, owner)| name == *known || name == format!("{owner}/{known}"))
}

/// The name of a repository of the hub, with the dataset of ours that it is, if any.
///
/// # Errors
/// If `name` is a path, or cannot be a name.
pub fn named(name: &str) -> Result<(String, Option<&'static Dataset>)> {
    ensure!(
        !name.is_empty(),
        "the name of the weights is empty; --weights and --init want a folder or a name"
    );
    if let Some(model) = in_address(name) {
        bail!("{name} is the address of a model; its name is {model}");
    }
    let parts: Vec<&str> = name.split('/').collect();
    let no_folder = || format!("there is no folder {name}{}", runs::nearest(name));
    let (owner, model) = match parts[..] {
        [model] => {
            let Some((_, owner)) = OWNERS.iter().find(|(known, _)| *known == model) else {
                let names: Vec<&str> = OWNERS.iter().map(|(name, _)| *name).collect();
                bail!(
                    "there is no folder {name}, nor a model of that name; the names are {}, and OWNER/NAME for any other of the hub{}",
                    names.join(", "),
                    runs::nearest(name)
                );
            };
            (*owner, model)
        }
        [owner, model] if owner != RUNS && !Path::new(owner).exists() => (owner, model),
        _ => bail!(no_folder()),
    };
    let harmless = |part: &str| {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed)
    };
    ensure!(
        harmless(owner) && harmless(model),
        "{}, and no model on the hub can have that name",
        no_folder()
    );
    let known = OWNERS.contains(&(model, owner));
    let dataset = datasets::all()
        .iter()
        .find(|dataset| known && dataset.kind == datasets::Kind::Weights && dataset.name == model);
    Ok((format!("{owner}/{model}"), dataset))
}

/// The commit in the addresses of a dataset.
pub fn revision(dataset: &Dataset) -> Option<&str> {
    let (_, rest) = dataset.files.first()?.urls.first()?.split_once("/resolve/")?;
    rest.split('/').next()
}

/// The name in the address of a model.
fn in_address(name: &str) -> Option<String> {
    let rest = ADDRESSES.into_iter().find_map(|address| name.strip_prefix(address))?;
    let parts: Vec<&str> = rest.split(['/', '?', '#']).filter(|part| !part.is_empty()).collect();
    match parts[..] {
        [] | ["datasets" | "spaces", ..] => None,
        [model] => Some(model.to_owned()),
        [owner, model, ..] => Some(format!("{owner}/{model}")),
    }
}
