//! The public datasets: what stands behind a name, where it lies, and how it comes here.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// Where the dataset called `name` lies, if it is complete: a file, or a folder for a dataset of several files.
///
/// # Errors
/// If no dataset has that name.
pub fn path(_root: &Path, _name: &str) -> Result<Option<PathBuf>> {
    anyhow::bail!("not there yet")
}

/// The same, fetched first where it is not there yet.
///
/// # Errors
/// If no dataset has that name, or it cannot be fetched.
pub fn fetch(_root: &Path, _name: &str) -> Result<PathBuf> {
    anyhow::bail!("not there yet")
}

/// `cargo xtask fetch NAME… [--from DIR]`.
///
/// # Errors
/// If a name is unknown, or something cannot be fetched.
pub fn fetch_command(_root: &Path, _names: &[String], _from: Option<&Path>) -> Result<()> {
    anyhow::bail!("not there yet")
}
