//! A scripted reader: a new workspace, and one exercise after another written in it.

use std::path::Path;

use anyhow::Result;

use super::talk;
use crate::contents::CHAPTERS;
use crate::learn::exercises::Exercise;
use crate::learn::level::Level;
use crate::learn::start::Wanted;
use crate::learn::state::{Reader, Status, chapter_of};
use crate::learn::{Outcome, check, next, start, text};

/// What a reader of one chapter would stumble over, who writes all of it.
pub fn chapter(project: &Path, chapter: usize) -> Result<Vec<String>> {
    // Outside of the project, whose settings would hold for it too.
    let home = tempfile::tempdir()?;
    let folder = home.path().join("my-gpt2");
    let from = chapter.to_string();
    start::run(project, &folder, &Wanted { spine: false, from: &from, level: Level::Normal })?;
    let mut reader = Reader::at(project, folder.canonicalize()?)?;
    let mut findings = write_chapter(&mut reader)?;
    next::run(&mut reader, None, None)?;
    findings.extend(has_come_to(&reader, chapter + 1));
    Ok(findings)
}

/// What a reader of the shortest way through the book would stumble over, from the first exercise to a model that answers.
pub fn spine(project: &Path) -> Result<Vec<String>> {
    let home = tempfile::tempdir()?;
    let folder = home.path().join("my-gpt2");
    start::run(project, &folder, &Wanted { spine: true, from: "1", level: Level::Normal })?;
    let mut reader = Reader::at(project, folder.canonicalize()?)?;
    let mut findings = Vec::new();
    for chapter in &CHAPTERS {
        findings.extend(has_come_to(&reader, chapter.number));
        findings.extend(write_chapter(&mut reader)?);
        next::run(&mut reader, None, None)?;
    }
    if findings.is_empty() {
        findings.extend(talk::check(&reader.folder)?);
    }
    Ok(findings)
}

fn has_come_to(reader: &Reader, chapter: usize) -> Option<String> {
    let there = reader.state.chapter;
    let is_there = there == chapter.min(CHAPTERS.len());
    (!is_there).then(|| format!("the reader is in chapter {there}, not in {chapter}"))
}

/// Writes every exercise of the chapter at hand: it must fail before and pass after.
fn write_chapter(reader: &mut Reader) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut ids = Vec::new();
    for exercise in reader.book.exercises() {
        if chapter_of(exercise) == reader.state.chapter && reader.status(exercise)? == Status::Open
        {
            ids.push(exercise.id.clone());
        }
    }
    for id in &ids {
        next::run(reader, None, None)?;
        if check::run(reader, None)? == Outcome::Done {
            findings.push(format!("{id}: a hole passes"));
        }
        write(reader, id)?;
        if check::run(reader, Some(id))? != Outcome::Done {
            findings.push(format!("{id}: what is right does not pass"));
        }
    }
    if let Some(exercise) = reader.current()? {
        findings.push(format!("{}: it is not done, though all is written", exercise.id));
    }
    Ok(findings)
}

/// Writes an exercise as a reader would: by hand where our text calls what they may not.
fn write(reader: &Reader, id: &str) -> Result<()> {
    let exercise: &Exercise = reader.book.find(id)?;
    let ours = text::bodies(reader.project, exercise)?;
    let bodies = match exercise.by_hand() {
        Some(place) => text::edited(exercise, &ours, &exercise.right[place].edits)?,
        None => ours,
    };
    text::put(&reader.folder, exercise, &bodies)
}
