//! An exercise as the reader sees it, and how far they are.

use anyhow::Result;

use super::exercises::{Exercise, called, page};
use super::level::Level;
use super::state::{Reader, chapter_of};
use super::{before, status};
use crate::source::Source;

/// Number, name and place of an exercise.
pub fn heading(reader: &Reader, exercise: &Exercise) {
    let item = &exercise.items[0];
    let source = Source::read(&reader.folder.join(&item.file));
    let found = source.and_then(|source| source.find(&item.name));
    // A file that cannot be read is for the compiler to complain of.
    let line = found.map_or(1, |item| *item.lines.start());
    println!("{}  {}    {}:{line}", exercise.id, exercise.names(), item.file);
}

/// Shows an exercise: where it stands, what it must do, where to read, and what judges it.
pub fn show(reader: &Reader, exercise: &Exercise) -> Result<()> {
    heading(reader, exercise);
    println!("  {}", exercise.task);
    match reader.level(exercise) {
        Level::Gentle if exercise.gentle.is_empty() => {
            println!("  level     normal, as it has no gentle form");
        }
        level => println!("  level     {level}"),
    }
    let page = reader.project.join(page(chapter_of(exercise)));
    println!("  read      {} of {}, up to the code", exercise.section(), page.display());
    println!("  write     {}", to_write(reader, exercise).join("\n            "));
    let judges: Vec<_> = exercise.judges.iter().map(ToString::to_string).collect();
    println!("  judged by {}", judges.join("\n            "));
    println!("  then      cargo learn check{}", reader.id_to_type(exercise)?);
    Ok(())
}

/// The holes that are left, or the functions where there are none, or where a file cannot be read.
fn to_write(reader: &Reader, exercise: &Exercise) -> Vec<String> {
    let holes = before::holes(reader, exercise).unwrap_or_default();
    let names = || exercise.items.iter().map(|item| format!("{}  {}", item.file, item.name));
    if holes.is_empty() { names().collect() } else { holes }
}

/// After something has passed: how far that is, and what comes next.
pub fn announce(reader: &Reader) -> Result<()> {
    status::count(reader)?;
    match reader.current()? {
        Some(exercise) => println!("  next: {} {}, `cargo learn`", exercise.id, exercise.title),
        None => println!("  {} is written: `cargo learn next`", called(reader.state.chapter)),
    }
    Ok(())
}
