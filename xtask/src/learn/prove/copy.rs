//! Copies of the workspace under `target/learn`, in which cargo compiles only what has changed since the last proof.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;

use crate::files::matching;
use crate::learn::manifests::Lints;
use crate::learn::programs::target;
use crate::learn::take_over::take_over;
use crate::learn::workspace;

/// Makes the copy of this name anew, changed by `change`; files that come out as they were keep their time.
pub fn made(
    project: &Path,
    name: &str,
    lints: Lints,
    change: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let folder = project.join("target/learn").join(name);
    fs::create_dir_all(&folder)?;
    let new = tempfile::tempdir_in(project.join("target/learn"))?;
    workspace::make(project, new.path(), lints)?;
    change(new.path())?;
    for old in matching(&folder, "crates/**/*")? {
        if old.is_file() && !new.path().join(old.strip_prefix(&folder)?).exists() {
            fs::remove_file(&old)?;
        }
    }
    for file in matching(new.path(), "**/*")? {
        let to = folder.join(file.strip_prefix(new.path())?);
        if file.is_file()
            && !fs::read(&to).is_ok_and(|old| fs::read(&file).is_ok_and(|new| new == old))
        {
            fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
            fs::copy(&file, &to)?;
        }
    }
    take_over(&project.join("target"), &target(&folder))?;
    Ok(folder)
}
