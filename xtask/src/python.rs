//! Environments of Python, each in a folder of its own that git ignores.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::run::pass_through;

/// Written last, so that an environment that was broken off halfway is known by its absence.
const MARKER: &str = "made-from-requirements.txt";

/// The interpreter of the environment in `folder`, if it has been made from these requirements. Both are seen from `root`.
pub fn there(root: &Path, folder: &str, requirements: &str) -> Option<PathBuf> {
    let made_from = fs::read_to_string(root.join(folder).join(MARKER)).ok()?;
    let wanted = fs::read_to_string(root.join(requirements)).ok()?;
    (made_from == wanted).then(|| root.join(folder).join("bin/python"))
}

/// The same; makes the environment where it is missing, half-made or made from other versions.
pub fn provide(root: &Path, folder: &str, requirements: &str) -> Result<PathBuf> {
    if let Some(python) = there(root, folder, requirements) {
        return Ok(python);
    }
    let wanted = fs::read_to_string(root.join(requirements))
        .with_context(|| format!("cannot read {requirements}"))?;
    let environment = root.join(folder);
    if environment.exists() {
        eprintln!("{folder} is half-made or of other versions; making it anew");
        fs::remove_dir_all(&environment).with_context(|| format!("cannot remove {folder}"))?;
    }
    eprintln!("making {folder} from {requirements}; PyTorch is a download of some gigabytes");
    // What pip says is progress: it goes to standard error, where the user sees it.
    let run = |command: &mut Command| pass_through(command.stdout(std::io::stderr()));
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))
        .context("python3 with its venv module is needed (Debian: apt-get install python3-venv)")?;
    let python = environment.join("bin/python");
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--disable-pip-version-check", "--requirement"])
        .arg(root.join(requirements)))?;
    fs::write(environment.join(MARKER), wanted)
        .with_context(|| format!("cannot write into {folder}"))?;
    Ok(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_without_its_marker_or_of_other_versions_is_not_used() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        let found = || there(root, ".venv", "requirements.txt");
        fs::create_dir_all(root.join(".venv/bin")).expect("folders");
        fs::write(root.join("requirements.txt"), "torch==2.13.0\n").expect("a file");
        assert_eq!(found(), None, "half-made");
        fs::write(root.join(".venv").join(MARKER), "torch==2.12.0\n").expect("a file");
        assert_eq!(found(), None, "of other versions");
        fs::write(root.join(".venv").join(MARKER), "torch==2.13.0\n").expect("a file");
        assert_eq!(found(), Some(root.join(".venv/bin/python")));
    }
}
