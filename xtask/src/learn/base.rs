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

/// Writes them anew, with nothing cut out: whole or not at all, as what the reader has changed is told by them alone.
pub fn write(project: &Path, reader: &Path) -> Result<()> {
    let made = tempfile::tempdir()?;
    workspace::make(project, made.path(), Lints::All)?;
    let to = folder(reader);
    fs::create_dir_all(reader.join(FOLDER))?;
    let beside = tempfile::tempdir_in(reader.join(FOLDER))?;
    let new = beside.path().join("base");
    for file in workspace::files(made.path())? {
        let to = new.join(file.strip_prefix(made.path())?);
        fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
        fs::copy(&file, &to)?;
    }
    if to.exists() {
        fs::rename(&to, beside.path().join("old"))?;
    }
    Ok(fs::rename(&new, &to)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_anew_they_hold_just_the_projects_files_and_nothing_is_left_beside_them() {
        let project = xtask::project_root();
        let reader = tempfile::tempdir().expect("a folder");
        write(&project, reader.path()).expect("written");
        let stray = folder(reader.path()).join("crates/attention/src/stray.rs");
        fs::write(&stray, "").expect("written");
        write(&project, reader.path()).expect("written anew");
        assert!(!stray.exists() && stray.with_file_name("mask.rs").is_file());
        let beside = fs::read_dir(reader.path().join(FOLDER)).expect("there").count();
        assert_eq!(beside, 1);
    }
}
