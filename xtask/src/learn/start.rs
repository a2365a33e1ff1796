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
    let first = Book::read(project)?.first(wanted.from)?.id.clone();
    setup::ensure(project)?;
    let folder = workspace::refuse_or_take(project, folder)?;
    let reader = match furnish(project, &folder, wanted, &first) {
        Ok(reader) => reader,
        Err(error) => {
            // It was empty; a part of a workspace would only hinder the next attempt.
            let _ = fs::remove_dir_all(&folder);
            let what = format!("{} cannot be made, and is gone again", folder.display());
            return Err(error.context(what));
        }
    };
    // Cargo shortens the list of versions when it builds for the first time.
    let built = build(&reader);
    git::begin(&reader.folder)?;
    built?;
    println!("{} is yours. Go there and ask what to write:", reader.folder.display());
    println!("  cd {}\n  cargo learn\n", reader.folder.display());
    if let Some(exercise) = reader.current()? {
        task::show(&reader, exercise)?;
    }
    Ok(Outcome::Done)
}

/// Puts everything into a new workspace, and cuts it from the exercise `first` on.
fn furnish<'a>(
    project: &'a Path,
    folder: &Path,
    wanted: &Wanted,
    first: &str,
) -> Result<Reader<'a>> {
    workspace::make(project, folder, Lints::All)?;
    workspace::settle(project, folder)?;
    base::write(project, folder)?;
    let book = Book::read(project)?;
    let before = book.exercises().take_while(|exercise| exercise.id != first);
    let given = before.map(|exercise| exercise.id.clone()).collect();
    let state = State {
        commit: git::commit(project),
        chapter: chapter_of(book.find(first)?),
        spine: wanted.spine,
        level: wanted.level,
        given,
        ..State::default()
    };
    let mut reader = Reader::new(project, folder.to_path_buf(), state)?;
    cut::chapter(&mut reader, Some(first))?;
    reader.state.write(&reader.folder)?;
    Ok(reader)
}

/// Compiles once what the exercise at hand needs, with what the project has compiled already.
fn build(reader: &Reader) -> Result<()> {
    let start = Instant::now();
    let taken = take_over(&reader.project.join("target"), &target(&reader.folder))?;
    if taken > 0 {
        eprintln!(
            "compiling your crates, about a minute ({taken} crates of others are taken over from the project)"
        );
    } else {
        eprintln!(
            "compiling everything, some minutes (the project has nothing compiled to take over)"
        );
    }
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
