//! git, which keeps what the reader writes.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::run::{capture, pass_through};

/// The commit of the project, or nothing where it has none.
pub fn commit(project: &Path) -> String {
    let output = Command::new("git").current_dir(project).args(["rev-parse", "HEAD"]).output();
    let known = output.ok().filter(|output| output.status.success());
    known.map_or_else(String::new, |output| {
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    })
}

/// What is changed in a folder and not committed, a line for each file.
pub fn changes(folder: &Path) -> Result<String> {
    let mut command = Command::new("git");
    let status = capture(command.current_dir(folder).args(["status", "--porcelain"]))?;
    ensure!(status.failure.is_none(), "{}", status.stderr.trim_end());
    Ok(status.stdout.trim_end().to_owned())
}

/// A workspace's first commit, so that nothing the reader does is lost.
pub fn begin(folder: &Path) -> Result<()> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        let author = ["-c", "user.name=cargo learn", "-c", "user.email=learn@localhost"];
        command.current_dir(folder).args(author);
        pass_through(command.args(arguments))
    };
    git(&["init", "--quiet"])
        .and_then(|()| git(&["add", "--all"]))
        .and_then(|()| git(&["commit", "--quiet", "-m", "Begin"]))
        .context("git is needed to keep what you write")
}
