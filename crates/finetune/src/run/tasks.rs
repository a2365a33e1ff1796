//! Finds instructions by name (chapter 5.2).

use crate::instructions::{EMBEDDED, Entry, load, parse};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use xtask::datasets;

/// The name under which the embedded instructions go.
pub const EMBEDDED_NAME: &str = "embedded";

/// Reads instructions by the name of a dataset or of a file.
///
/// # Errors
/// If the name means nothing, the dataset cannot be fetched, or the file is faulty.
pub fn read(name: &str) -> Result<Vec<Entry>> {
    if name == EMBEDDED_NAME {
        return parse(EMBEDDED).context("the embedded instructions are faulty");
    }
    if Path::new(name).exists() {
        return load(Path::new(name));
    }
    let path: PathBuf = datasets::fetch(&xtask::project_root(), name)
        .with_context(|| format!("{name} is neither a file nor a dataset that could be had"))?;
    load(&path)
}
