//! An exercise as the reader sees it, and how far they are.

use anyhow::Result;

use super::exercises::{Book, Exercise, called, page};
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
    println!("  level     {}", level(reader, exercise)?);
    let page = reader.project.join(page(chapter_of(exercise)));
    println!("  read      {} of {}, up to the code", exercise.section(), page.display());
    println!("  write     {}", to_write(reader, exercise).join("\n            "));
    let judges: Vec<_> = exercise.judges.iter().map(ToString::to_string).collect();
    println!("  judged by {}", judges.join("\n            "));
    println!("  then      cargo learn check{}", reader.id_to_type(exercise)?);
    Ok(())
}

/// How much is cut out; where another level would cut no more and no less, that is said.
fn level(reader: &Reader, exercise: &Exercise) -> Result<String> {
    let level = reader.level(exercise);
    if level == Level::Gentle && exercise.gentle.is_empty() {
        return Ok("normal, as it has no gentle form".to_owned());
    }
    if level == Level::Scratch {
        let as_written = Book::read(reader.project)?; // without the helpers that scratch adds
        if as_written.find(&exercise.id)?.items.len() == exercise.items.len() {
            return Ok("normal, as no private function is left to write with it".to_owned());
        }
    }
    Ok(level.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;
    use crate::learn::state::State;

    const TOML: &str = "finale = ''\n[[exercise]]\nid = '1.1.1'\ntitle = 't'\ntask = 't'\njudges = []\nhints = ['', '', '']\nitems = ['crates/a/src/a.rs#f']\n";

    /// The level that is shown for the only function of a file, chosen from scratch.
    fn shown(source: &str) -> String {
        let folder =
            project(&[("chapters/exercises/1-a.toml", TOML), ("crates/a/src/a.rs", source)]);
        let levels = [("1.1.1".to_owned(), Level::Scratch)].into();
        let state = State { chapter: 1, levels, ..State::default() };
        let reader = Reader::new(folder.path(), folder.path().to_owned(), state).expect("read");
        level(&reader, reader.book.find("1.1.1").expect("there")).expect("read")
    }

    #[test]
    fn from_scratch_says_so_where_it_cuts_no_more_than_normal() {
        assert_eq!(
            shown("pub fn f() -> u8 {\n    g()\n}\n\nfn g() -> u8 {\n    1\n}\n"),
            "scratch"
        );
        let without = shown("pub fn f() -> u8 {\n    1\n}\n");
        assert_eq!(without, "normal, as no private function is left to write with it");
    }
}
