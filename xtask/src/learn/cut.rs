//! The chapter at hand is cut out of the reader's workspace.

use anyhow::Result;

use super::exercises::BESIDE;
use super::level::{self, Level};
use super::manifests::Lints;
use super::state::{Reader, Status, chapter_of};
use super::{aside, text, workspace};

/// Cuts the exercises of the chapter at hand, from one on.
pub fn chapter(reader: &mut Reader, from: Option<&str>) -> Result<()> {
    let chapter = reader.book.chapter(reader.state.chapter)?;
    let mut has_begun = from.is_none();
    let (mut given, mut cut) = (Vec::new(), Vec::new());
    for exercise in &chapter.exercises {
        has_begun = has_begun || from == Some(exercise.id.as_str());
        let is_on_the_way = !reader.state.spine || exercise.spine || chapter.number == BESIDE;
        let is_wanted = has_begun && is_on_the_way;
        (if is_wanted { &mut cut } else { &mut given }).push(exercise.id.clone());
    }
    reader.state.given.extend(given);
    reader.set_level(&cut, reader.state.level)?;
    cut.iter().try_for_each(|id| one(reader, id))
}

/// Cuts an exercise; what was tried out there before is kept.
fn one(reader: &Reader, id: &str) -> Result<()> {
    let exercise = reader.book.find(id)?;
    let theirs = text::bodies(&reader.folder, exercise)?;
    let is_ours = theirs == text::bodies(reader.project, exercise)?;
    if !is_ours && !level::is_untouched(reader.project, exercise, &theirs)? {
        let kept = aside::keep(reader, exercise, &theirs)?;
        println!("your text of {id} is kept in {}", kept.display());
    }
    level::cut(reader.project, &reader.folder, exercise, reader.level(exercise))?;
    let krate = exercise.items[0].krate();
    workspace::set_lints(reader.project, &reader.folder, krate, Lints::Holes)
}

/// Cuts anew, at another level, the exercise that is named, or all of the chapter at hand that nobody has begun to write.
pub fn again(reader: &mut Reader, id: Option<&str>, level: Level) -> Result<()> {
    let ids = match id {
        Some(id) => vec![reader.chosen(Some(id))?.id.clone()],
        None => not_begun(reader)?,
    };
    if id.is_none() {
        reader.state.level = level;
    }
    // What one level cuts more than another is ours again.
    for id in &ids {
        let exercise = reader.book.find(id)?;
        aside::exchange(reader, exercise, &text::bodies(reader.project, exercise)?)?;
    }
    reader.set_level(&ids, level)?;
    for id in &ids {
        one(reader, id)?;
        reader.state.given.remove(id);
        reader.state.passed.remove(id);
    }
    reader.state.write(&reader.folder)?;
    if ids.is_empty() {
        println!(
            "level {level} holds for what comes next; in this chapter all is begun: name an exercise to have it cut anew (your text is kept)"
        );
    } else {
        println!("cut anew at level {level}: {}", ids.join(", "));
    }
    Ok(())
}

/// The exercises of the chapter at hand that are as they were cut.
fn not_begun(reader: &Reader) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for exercise in reader.book.exercises() {
        let is_at_hand = chapter_of(exercise) == reader.state.chapter;
        if is_at_hand
            && reader.status(exercise)? == Status::Open
            && text::bodies(&reader.folder, exercise).is_ok_and(|now| {
                level::is_untouched(reader.project, exercise, &now).is_ok_and(|is| is)
            })
        {
            ids.push(exercise.id.clone());
        }
    }
    Ok(ids)
}
