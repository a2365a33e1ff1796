//! `update`: the project has moved on, and the reader's bodies come along.
//!
//! A file that the reader has left alone but for the exercises is taken from the project, with their bodies put back by name. A file
//! changed elsewhere is merged; where that cannot be done, the project's is taken and the reader's is kept beside their other texts.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::exercises::{Exercise, ItemPath};
use super::manifests::{self, Lints};
use super::state::{FOLDER, Reader, chapter_of};
use super::{Outcome, aside, base, git, level, text, workspace};
use crate::contents::CHAPTERS;
use crate::run::capture;

/// Brings the workspace up to the project as it is now.
pub fn run(reader: &mut Reader) -> Result<Outcome> {
    let dirty = git::changes(&reader.folder)?;
    ensure!(
        dirty.is_empty(),
        "commit what you have changed first (`git add --all && git commit -m mine`), so that nothing can be lost:\n{dirty}"
    );
    let old = base::folder(&reader.folder);
    ensure!(
        old.is_dir(),
        "{} is missing, by which your changes are told from ours; `git checkout -- .learn/base` brings it back",
        old.display()
    );
    let new = tempfile::tempdir_in(reader.folder.join(FOLDER))?;
    workspace::make(reader.project, new.path(), Lints::All)?;
    let reopened = bodies(reader, new.path())?;
    let taken = files(reader, new.path())?;
    base::write(reader.project, &reader.folder)?;
    let at_hand = reader.book.chapter(reader.state.chapter)?;
    for chapter in &CHAPTERS {
        let is_of = |item: &ItemPath| item.krate() == chapter.name;
        let has_holes = at_hand.exercises.iter().any(|exercise| exercise.items.iter().any(is_of));
        let lints = if has_holes { Lints::Holes } else { Lints::All };
        workspace::set_lints(reader.project, &reader.folder, chapter.name, lints)?;
    }
    text::write(&reader.folder.join("Cargo.toml"), &manifests::workspace(reader.project)?)?;
    text::write(&reader.folder.join("Cargo.lock"), &manifests::lock(reader.project)?)?;
    reader.state.commit = git::commit(reader.project);
    reader.state.write(&reader.folder)?;
    for line in reopened.iter().chain(&taken) {
        println!("  {line}");
    }
    println!(
        "your workspace is up to the project; `cargo learn check --all` judges all of it again"
    );
    Ok(Outcome::Done)
}

/// Puts the reader's bodies and holes into the new files; tells which exercises are open again, and why.
fn bodies(reader: &Reader, new: &Path) -> Result<Vec<String>> {
    let mut reopened = Vec::new();
    for exercise in reader.book.exercises() {
        if chapter_of(exercise) > reader.state.chapter {
            continue;
        }
        let level = reader.level(exercise);
        let Ok(theirs) = text::bodies(&reader.folder, exercise) else {
            level::cut(reader.project, new, exercise, level)?;
            reopened.push(format!("{} is open: it could not be found in your files", exercise.id));
            continue;
        };
        let old = base::folder(&reader.folder);
        let is_given = reader.state.given.contains(&exercise.id)
            && text::bodies(&old, exercise).is_ok_and(|given| given == theirs);
        if level::is_untouched(&old, exercise, &theirs).is_ok_and(|is| is) {
            level::cut(reader.project, new, exercise, level)?;
        } else if !is_given && fits(reader, new, exercise)? {
            text::put(new, exercise, &theirs)?;
        } else if !is_given {
            let kept = aside::keep(reader, exercise, &theirs)?;
            level::cut(reader.project, new, exercise, level)?;
            reopened.push(format!(
                "{} is open again, as its first lines have changed; your text is in {}",
                exercise.id,
                kept.display()
            ));
        }
    }
    Ok(reopened)
}

/// Whether the first lines of an exercise's functions are what they were.
fn fits(reader: &Reader, new: &Path, exercise: &Exercise) -> Result<bool> {
    for item in &exercise.items {
        if text::signature(&reader.folder, item)? != text::signature(new, item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes the new files over the reader's; what they changed elsewhere is merged in, or kept where that fails.
fn files(reader: &Reader, new: &Path) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for made in workspace::files(new)? {
        let seen = made.strip_prefix(new)?;
        let (file, before) = (reader.folder.join(seen), base::folder(&reader.folder).join(seen));
        let merged = if file.is_file() && before.is_file() && changed_elsewhere(reader, seen)? {
            let old = with_their_bodies(reader, seen)?;
            if let Some(text) = merge(&file, &old, &made)? {
                Some(text)
            } else {
                let kept = reader.folder.join(FOLDER).join("mine/files").join(seen);
                fs::create_dir_all(kept.parent().context("a file lies in a folder")?)?;
                fs::copy(&file, &kept)?;
                let (seen, kept) = (seen.display(), kept.display());
                told.push(format!("{seen}: your changes do not fit any more; they are in {kept}"));
                None
            }
        } else {
            None
        };
        fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
        match merged {
            Some(text) => text::write(&file, &text)?,
            None if fs::read(&file)
                .is_ok_and(|now| fs::read(&made).is_ok_and(|new| new == now)) => {}
            None => copy_whole(&made, &file)?,
        }
    }
    Ok(told)
}

/// Copies a file whole or not at all.
fn copy_whole(from: &Path, to: &Path) -> Result<()> {
    let beside = tempfile::NamedTempFile::new_in(to.parent().context("a file lies in a folder")?)?;
    fs::copy(from, beside.path())?;
    beside.persist(to).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(())
}

/// Whether a file differs from the project's old one by more than the bodies of exercises.
fn changed_elsewhere(reader: &Reader, seen: &Path) -> Result<bool> {
    let now = fs::read(reader.folder.join(seen))?;
    Ok(now != with_their_bodies(reader, seen)?)
}

/// The project's old file with the reader's bodies in it.
fn with_their_bodies(reader: &Reader, seen: &Path) -> Result<Vec<u8>> {
    let copy = tempfile::tempdir()?;
    let to = copy.path().join(seen);
    fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
    fs::copy(base::folder(&reader.folder).join(seen), &to)?;
    for exercise in reader.book.exercises() {
        for item in exercise.items.iter().filter(|item| Path::new(&item.file) == seen) {
            if let Ok(body) = text::body(&reader.folder, item) {
                let _ = text::replace(copy.path(), item, &body); // an exercise that is new was not there
            }
        }
    }
    Ok(fs::read(&to)?)
}

/// What git makes of both changes of the old text; nothing where they touch the same lines.
fn merge(theirs: &Path, old: &[u8], new: &Path) -> Result<Option<String>> {
    if fs::read_to_string(theirs).is_err() {
        return Ok(None); // numbers in a file cannot be merged
    }
    let before = tempfile::NamedTempFile::new()?;
    fs::write(before.path(), old)?;
    let mut command = Command::new("git");
    let paths: [PathBuf; 3] = [theirs.into(), before.path().into(), new.into()];
    let merged = capture(command.args(["merge-file", "-p", "--quiet"]).args(paths))?;
    Ok(merged.failure.is_none().then_some(merged.stdout))
}

#[cfg(test)]
mod tests;
