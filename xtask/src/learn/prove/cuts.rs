//! What is cut can be given back, and compiles: at every moment the reader's workspace does.

use std::path::Path;

use anyhow::{Result, ensure};
use fs_err as fs;

use super::copy::made;
use crate::learn::exercises::Book;
use crate::learn::manifests::Lints;
use crate::learn::programs::target;
use crate::learn::{text, workspace};
use crate::run::{capture, cargo};

/// Cuts everything, compiles it, and gives everything back in a copy of the files.
pub fn check(project: &Path, book: &Book) -> Result<Vec<String>> {
    let mut findings = round_trip(project, book)?;
    let folder = made(project, "cut", Lints::Holes, |folder| {
        book.exercises().try_for_each(|exercise| text::cut(folder, exercise))
    })?;
    let mut command = cargo(&folder);
    command.args(["check", "--offline", "--quiet", "--workspace", "--all-targets"]);
    let checked = capture(command.env("CARGO_TARGET_DIR", target(&folder)))?;
    if checked.failure.is_some() || checked.stderr.contains("warning") {
        findings.push(format!("with everything cut:\n{}", checked.stderr.trim_end()));
    }
    Ok(findings)
}

fn round_trip(project: &Path, book: &Book) -> Result<Vec<String>> {
    let copy = tempfile::tempdir()?;
    workspace::make(project, copy.path(), Lints::All)?;
    for exercise in book.exercises() {
        text::cut(copy.path(), exercise)?;
    }
    let mut findings = Vec::new();
    for exercise in book.exercises() {
        for (item, body) in exercise.items.iter().zip(text::bodies(project, exercise)?) {
            ensure!(text::is_open(exercise, &text::body(copy.path(), item)?), "{item} is not cut");
            text::replace(copy.path(), item, &body)?;
        }
        for item in &exercise.items {
            let read = |root: &Path| fs::read_to_string(root.join(&item.file));
            let is_last = !book.exercises().any(|other| {
                let same = other.items.iter().any(|of| of.file == item.file);
                same && text::bodies(copy.path(), other)
                    .is_ok_and(|all| all.iter().any(|body| text::is_open(other, body)))
            });
            if is_last && read(project)? != read(copy.path())? {
                findings.push(format!("{}: cut and given back it is another file", item.file));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exercise_is_cut_and_given_back_byte_for_byte() {
        let project = xtask::project_root();
        let book = Book::read(&project).expect("exercises");
        assert_eq!(round_trip(&project, &book).expect("read"), Vec::<String>::new());
    }
}
