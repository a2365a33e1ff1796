//! `bless`: takes what a demo prints now as its expected output, where nothing better than this repository vouches
//! for it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use xtask::setup;

use crate::compare::{Reference, compare};
use crate::contents;
use crate::run::{Built, capture};

/// Runs the demo, shows what changes, and writes.
pub fn run(root: &Path, name: &str) -> Result<()> {
    let demo = contents::demo(name)?;
    // Refused before anything is built.
    blessable(&demo.out(root))?;
    setup::ensure(root)?;
    let built = Built::build(root, &[demo])?;
    let finished = built.run(root, demo)?;
    if let Some(failure) = finished.failure {
        anyhow::bail!("{name} failed ({failure})\n{}", finished.stderr.trim_end());
    }
    let path = crate::chapter::reference_path(root, demo, &finished.stdout);
    let place = path.strip_prefix(root).unwrap_or(&path).display().to_string();
    let commit =
        capture(Command::new("git").current_dir(root).args(["rev-parse", "--short", "HEAD"]))?;
    match bless(&path, &finished.stdout, commit.stdout.trim())? {
        Some(changes) => println!("{changes}\nwrote {place}; say in the commit what moved it"),
        None => println!("{place} says so already"),
    }
    Ok(())
}

/// The reference, if its first line leaves it to this repository.
fn blessable(path: &Path) -> Result<Reference> {
    let reference = Reference::read(path).with_context(|| {
        format!(
            "to begin one, write the line `# from this repository at <commit>` into {}",
            path.display()
        )
    })?;
    ensure!(
        reference.is_this_repositorys(),
        "{} comes from {}; only outputs `from this repository` are blessed (a script's are made by `cargo xtask reference`)",
        path.display(),
        reference.from
    );
    Ok(reference)
}

/// Writes the output under the old header, with the commit brought up to date; `None` where nothing changes.
fn bless(path: &Path, stdout: &str, commit: &str) -> Result<Option<String>> {
    let mut reference = blessable(path)?;
    if reference.body == stdout {
        return Ok(None);
    }
    let comparison = compare(&reference.body, stdout, reference.tolerance);
    let mut changes: Vec<_> = comparison.differences.iter().map(ToString::to_string).collect();
    if changes.is_empty() {
        changes.push("the output changed within its tolerance".to_owned());
    }
    if !commit.is_empty() {
        let remark = reference
            .from
            .split_once(": ")
            .map(|(_, remark)| format!(": {remark}"))
            .unwrap_or_default();
        reference.header[0] = format!("# from this repository at {commit}{remark}");
    }
    stdout.clone_into(&mut reference.body);
    fs::write(path, reference.text())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Some(changes.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_outputs_of_this_repository_are_blessed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("x.out");
        assert!(bless(&path, "1\n", "abc1234").is_err(), "there is none");
        fs::write(&path, "# from PyTorch 2.13.0: data/reference/x.py\n2\n").expect("a file");
        let error = format!("{:#}", bless(&path, "1\n", "abc1234").expect_err("PyTorch's"));
        assert!(error.contains("comes from PyTorch"), "{error}");
        fs::write(&path, "# from this repository at 0000000: greedy text\n# rtol 0.1 atol 0\n2\n")
            .expect("a file");
        let changes = bless(&path, "1\n", "abc1234").expect("blessed").expect("a change");
        assert!(changes.contains("expected  2") && changes.contains("ours      1"), "{changes}");
        let text = fs::read_to_string(&path).expect("written");
        assert_eq!(text, "# from this repository at abc1234: greedy text\n# rtol 0.1 atol 0\n1\n");
        assert_eq!(bless(&path, "1\n", "fff0000").expect("blessed"), None);
    }
}
