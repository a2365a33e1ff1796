//! What is cut can be given back, and compiles: at every moment the reader's workspace does, at each level.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, ensure};
use fs_err as fs;

use super::copy::made;
use crate::learn::exercises::Book;
use crate::learn::level::{self, Level};
use crate::learn::manifests::Lints;
use crate::learn::programs::target;
use crate::learn::{text, workspace};
use crate::run::{capture, cargo};

const LEVELS: [Level; 3] = [Level::Gentle, Level::Normal, Level::Scratch];

/// Cuts everything at each level, compiles it, and gives everything back in a copy of the files.
pub fn check(project: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for level in LEVELS {
        let book = book(project, level)?;
        findings.extend(round_trip(project, &book, level)?);
        findings.extend(compiled(project, &book, level)?);
    }
    Ok(findings)
}

/// The exercises, with all functions that a level cuts.
fn book(project: &Path, level: Level) -> Result<Book> {
    let mut book = Book::read(project)?;
    if level == Level::Scratch {
        for (id, helpers) in level::helpers(project, &book)? {
            book.widen(&id, helpers);
        }
    }
    Ok(book)
}

fn compiled(project: &Path, book: &Book, level: Level) -> Result<Vec<String>> {
    // One copy for all, so that the crates that nobody cuts are compiled once.
    let folder = made(project, "cut", Lints::Holes, |folder| {
        book.exercises().try_for_each(|exercise| level::cut(project, folder, exercise, level))
    })?;
    let mut findings = Vec::new();
    let mut command = cargo(&folder);
    command.args(["check", "--offline", "--quiet", "--workspace", "--all-targets"]);
    let checked = capture(command.env("CARGO_TARGET_DIR", target(&folder)))?;
    if checked.failure.is_some() || checked.stderr.contains("warning") {
        findings
            .push(format!("with everything cut at level {level}:\n{}", checked.stderr.trim_end()));
    }
    let formatted = capture(cargo(&folder).args(["fmt", "--all", "--check"]))?;
    if formatted.failure.is_some() {
        findings.push(format!(
            "what level {level} leaves is not laid out as rustfmt does:\n{}",
            formatted.stdout
        ));
    }
    Ok(findings)
}

/// The files that are not the same after everything was cut and given back.
fn round_trip(project: &Path, book: &Book, level: Level) -> Result<Vec<String>> {
    let copy = tempfile::tempdir()?;
    workspace::make(project, copy.path(), Lints::All)?;
    for exercise in book.exercises() {
        level::cut(project, copy.path(), exercise, level)?;
    }
    let mut files = BTreeSet::new();
    for exercise in book.exercises() {
        let holes = text::bodies(copy.path(), exercise)?;
        let is_open = holes.iter().any(|body| text::is_open(exercise, body));
        ensure!(is_open, "{} is not cut at level {level}", exercise.id);
        text::put(copy.path(), exercise, &text::bodies(project, exercise)?)?;
        files.extend(exercise.items.iter().map(|item| &item.file));
    }
    let mut findings = Vec::new();
    for file in files {
        if fs::read_to_string(project.join(file))? != fs::read_to_string(copy.path().join(file))? {
            findings
                .push(format!("{file}: cut at level {level} and given back it is another file"));
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
        for level in LEVELS {
            let book = book(&project, level).expect("exercises");
            assert_eq!(round_trip(&project, &book, level).expect("read"), Vec::<String>::new());
        }
    }
}
