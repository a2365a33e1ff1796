//! The public datasets: what is behind a name such as `the-verdict`, where it lies, and how it comes here.
//!
//! `data/datasets.json` names each file's addresses, size, SHA-256 and license. Everything that is fetched lies under
//! `data/public/`, which git ignores. A file counts as there only if it is the very one that was published.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;

use crate::download::{Download, Limits};

/// Larger files than this are recognized by their size alone, so that a command does not begin with reading
/// gigabytes; they were hashed when they came.
const HASHED_BYTES: u64 = 64_000_000;

/// A text of more bytes than this is fetched only where it is asked for by name.
const LARGE_BYTES: u64 = 100_000_000;

/// What a dataset is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Text to train on.
    Text,
    /// Instructions and answers to fine-tune on.
    Instructions,
    /// GPT-2's weights.
    Weights,
}

/// One name of `data/datasets.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Dataset {
    /// The name that commands know it by.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// One line about it.
    pub description: String,
    /// On what terms it may be used.
    pub license: String,
    /// Where it lies, seen from the project's root: its file, or the folder of its files.
    pub path: PathBuf,
    /// What it consists of.
    pub files: Vec<DataFile>,
}

/// One file of a dataset.
#[derive(Debug, Clone, Deserialize)]
pub struct DataFile {
    /// Where it lies, seen from the project's root.
    pub path: PathBuf,
    /// Its size, where it is known.
    pub bytes: Option<u64>,
    /// Its SHA-256, where it is known.
    pub sha256: Option<String>,
    /// Where it can be had.
    pub urls: Vec<String>,
}

impl Dataset {
    /// Whether all its files are there.
    pub fn is_complete(&self, root: &Path) -> bool {
        self.files.iter().all(|file| file.is_there(root))
    }

    /// Whether it is so large that whoever asks for everything does not mean it: weights, and the longest texts.
    pub fn is_large(&self) -> bool {
        let bytes: u64 = self.files.iter().filter_map(|file| file.bytes).sum();
        self.kind == Kind::Weights || bytes > LARGE_BYTES
    }
}

impl DataFile {
    /// How to download it. `HF_ENDPOINT` takes the place of Hugging Face's own address, as in its Python library.
    pub fn download(&self) -> Download {
        let hub = std::env::var("HF_ENDPOINT").ok().filter(|hub| !hub.is_empty());
        let urls =
            self.urls.iter().map(|url| match (&hub, url.strip_prefix("https://huggingface.co/")) {
                (Some(hub), Some(rest)) => format!("{}/{rest}", hub.trim_end_matches('/')),
                _ => url.clone(),
            });
        Download {
            urls: urls.collect(),
            size: self.bytes,
            sha256: self.sha256.clone(),
            token: None, // the files are public, so that few hubs want one
            limits: Limits::default(),
        }
    }

    pub(crate) fn is_there(&self, root: &Path) -> bool {
        let path = root.join(&self.path);
        let size = fs::metadata(&path).map_or(0, |data| data.len());
        let mut known = self.download();
        if size > HASHED_BYTES {
            known.sha256 = None;
        }
        known.is_complete(&path)
    }
}

/// All datasets, in the order of `data/datasets.json`.
pub fn all() -> &'static [Dataset] {
    #[derive(Deserialize)]
    struct Catalog {
        datasets: Vec<Dataset>,
    }
    static ALL: LazyLock<Vec<Dataset>> = LazyLock::new(|| {
        let catalog: Catalog = serde_json::from_str(include_str!("../../data/datasets.json"))
            .expect("a test reads the compiled-in data/datasets.json");
        catalog.datasets
    });
    &ALL
}

/// The dataset called `name`.
///
/// # Errors
/// If there is none; the message lists the names.
pub fn find(name: &str) -> Result<&'static Dataset> {
    all().iter().find(|dataset| dataset.name == name).ok_or_else(|| {
        let names: Vec<_> = all().iter().map(|dataset| dataset.name.as_str()).collect();
        anyhow!("no dataset is called {name:?}; there are {}", names.join(", "))
    })
}

/// Where the dataset called `name` lies, if it is complete: a file, or a folder for a dataset of several files.
///
/// # Errors
/// If no dataset has that name.
pub fn path(root: &Path, name: &str) -> Result<Option<PathBuf>> {
    let dataset = find(name)?;
    Ok(dataset.is_complete(root).then(|| root.join(&dataset.path)))
}

/// The same, fetched first where it is not there yet.
///
/// # Errors
/// If no dataset has that name, or it cannot be fetched; the message says how to get it.
pub fn fetch(root: &Path, name: &str) -> Result<PathBuf> {
    fetch_with(root, name, None)
}

/// The same, shown a token of the user's, which the hub may ask for where it is at another address or counts who asks.
///
/// # Errors
/// As [`fetch`].
pub fn fetch_with(root: &Path, name: &str, token: Option<&str>) -> Result<PathBuf> {
    let dataset = find(name)?;
    for file in &dataset.files {
        if !file.is_there(root) {
            let token = token.map(str::to_owned);
            (Download { token, ..file.download() }).to(&root.join(&file.path)).with_context(|| {
                format!("{name} is not here yet; get it with `cargo xtask fetch {name}`, or from a folder that holds it with `cargo xtask fetch {name} --from DIR`")
            })?;
        }
    }
    Ok(root.join(&dataset.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dataset_has_a_path_under_data_public_and_an_address() {
        assert_eq!(all().len(), 14);
        for dataset in all() {
            for file in &dataset.files {
                assert!(
                    file.path.starts_with("data/public") && file.path.starts_with(&dataset.path),
                    "{file:?}"
                );
                assert!(
                    file.urls.iter().all(|url| url.starts_with("https://"))
                        && !file.urls.is_empty(),
                    "{file:?}"
                );
                assert!(file.sha256.as_ref().is_none_or(|hash| hash.len() == 64), "{file:?}");
            }
            assert_eq!(
                dataset.files.len() == 1,
                dataset.files[0].path == dataset.path,
                "{}",
                dataset.name
            );
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let said = find("peter").expect_err("no such name").to_string();
        assert!(
            said.starts_with(
                "no dataset is called \"peter\"; there are peter-rabbit, world-war-i,"
            ),
            "{said}"
        );
    }
}
