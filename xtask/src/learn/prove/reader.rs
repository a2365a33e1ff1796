//! A scripted reader: a new workspace, and every exercise of a chapter written in it, one after another.

use std::path::Path;

use anyhow::{Context, Result};

use crate::learn::exercises::Exercise;
use crate::learn::state::{Reader, chapter_of};
use crate::learn::{Outcome, check, next, start, text};

/// What a reader of a chapter would stumble over.
pub fn check(project: &Path, chapter: usize) -> Result<Vec<String>> {
    // Outside of the project, whose settings would hold for it too.
    let home = tempfile::tempdir()?;
    let folder = home.path().join("my-gpt2");
    start::run(project, &folder, false, &chapter.to_string())?;
    let mut reader = Reader::at(project, folder.canonicalize()?)?;
    let exercises = reader.book.exercises().filter(|exercise| chapter_of(exercise) == chapter);
    let ids: Vec<String> = exercises.map(|exercise| exercise.id.clone()).collect();
    let mut findings = Vec::new();
    for id in &ids {
        if check::run(&mut reader, Some(id))? == Outcome::Done {
            findings.push(format!("{id}: a hole passes"));
        }
        write(&reader, id)?;
        if check::run(&mut reader, Some(id))? != Outcome::Done {
            findings.push(format!("{id}: what is right does not pass"));
        }
    }
    if let Some(exercise) = reader.current()? {
        findings.push(format!("{}: it is not done, though all is written", exercise.id));
    }
    next::run(&mut reader, None)?;
    Ok(findings)
}

/// Writes an exercise as a reader would: by hand where our text calls what they may not.
fn write(reader: &Reader, id: &str) -> Result<()> {
    let exercise: &Exercise = reader.book.find(id)?;
    let ours = text::bodies(reader.project, exercise)?;
    let bodies = if exercise.may_not_call.is_empty() {
        ours
    } else {
        let by_hand = exercise.right.iter().find(|variant| variant.name == "by hand");
        let edits = by_hand.map_or(&[][..], |variant| &variant.edits[..]);
        text::edited(exercise, &ours, edits)?
    };
    for (item, body) in exercise.items.iter().zip(&bodies) {
        text::replace(&reader.folder, item, body).with_context(|| item.to_string())?;
    }
    Ok(())
}
