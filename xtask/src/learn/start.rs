//! `start`: a workspace of the reader's own.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use fs_err as fs;
use xtask::setup;

use super::exercises::Book;
use super::judge::programs;
use super::level::Level;
use super::manifests::Lints;
use super::programs::{Build, target};
use super::state::{Reader, State, chapter_of};
use super::take_over::take_over;
use super::{Outcome, base, cut, git, task, workspace};

/// What the reader wants to write.
pub struct Wanted<'a> {
    /// Only the shortest way through the book.
    pub spine: bool,
    /// The chapter, section or exercise to begin with.
    pub from: &'a str,
    pub level: Level,
}

/// Makes it, cuts the chapter at hand, and compiles once what its first exercise needs.
pub fn run(project: &Path, folder: &Path, wanted: &Wanted) -> Result<Outcome> {
    let Wanted { spine, from, level } = wanted;
    let book = Book::read(project)?;
    let first = book.first(from)?;
    let id = first.id.clone();
    let chapter = chapter_of(first);
    setup::ensure(project)?;
    let folder = workspace::refuse_or_take(project, folder)?;
    if let Err(error) = furnish(project, &folder) {
        // It was empty; a part of a workspace would only hinder the next attempt.
        let _ = fs::remove_dir_all(&folder);
        return Err(
            error.context(format!("{} cannot be made, and is gone again", folder.display()))
        );
    }
    let before = book.exercises().take_while(|exercise| exercise.id != id);
    let given = before.map(|exercise| exercise.id.clone()).collect();
    let state = State {
        commit: git::commit(project),
        chapter,
        spine: *spine,
        level: *level,
        given,
        ..State::default()
    };
    let mut reader = Reader::new(project, folder, state)?;
    cut::chapter(&mut reader, Some(&id))?;
    reader.state.write(&reader.folder)?;
    // Cargo shortens the list of versions when it builds for the first time.
    let built = build(&reader);
    git::begin(&reader.folder)?;
    built?;
    println!("{} is yours. Go there, and write:", reader.folder.display());
    println!("  cd {}\n  cargo learn\n", reader.folder.display());
    if let Some(exercise) = reader.current()? {
        task::show(&reader, exercise);
    }
    Ok(Outcome::Done)
}

/// Puts everything into a new workspace, whole.
fn furnish(project: &Path, folder: &Path) -> Result<()> {
    workspace::make(project, folder, Lints::All)?;
    workspace::settle(project, folder)?;
    base::write(project, folder)
}

/// Compiles once what the exercise at hand needs, with what the project has compiled already.
fn build(reader: &Reader) -> Result<()> {
    let start = Instant::now();
    let taken = take_over(&reader.project.join("target"), &target(&reader.folder))?;
    eprintln!(
        "{} (about a minute; {taken} crates of others are taken over from the project)",
        if taken > 0 { "compiling your crates" } else { "compiling everything, some minutes" },
    );
    let Some(exercise) = reader.current()? else { return Ok(()) };
    let (tests, demos) = programs(&exercise.judges);
    let built = match (&tests[..], &demos[..]) {
        ([], demos) => Build::demos(&reader.folder, demos)?,
        (tests, _) => Build::tests(&reader.folder, tests)?,
    };
    ensure!(built.succeeded, "your workspace does not compile:\n{}", built.complaint);
    eprintln!("compiled in {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}
