//! The project's files as the workspace was made from them: `.learn/base/`, by which the reader's changes are told.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;

use super::manifests::Lints;
use super::state::FOLDER;
use super::workspace;

/// Where they are.
pub fn folder(reader: &Path) -> PathBuf {
    reader.join(FOLDER).join("base")
}

/// Writes them anew, with nothing cut out.
pub fn write(project: &Path, reader: &Path) -> Result<()> {
    let made = tempfile::tempdir()?;
    workspace::make(project, made.path(), Lints::All)?;
    let to = folder(reader);
    if to.exists() {
        fs::remove_dir_all(&to)?;
    }
    for file in workspace::files(made.path())? {
        let to = to.join(file.strip_prefix(made.path())?);
        fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
        fs::copy(&file, &to)?;
    }
    Ok(())
}
