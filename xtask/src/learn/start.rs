//! `start`: a workspace of the reader's own.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use xtask::setup;

use super::exercises::Book;
use super::judge::programs;
use super::manifests::Lints;
use super::programs::{Build, target};
use super::state::{Reader, State, chapter_of};
use super::take_over::take_over;
use super::{Outcome, cut, task, workspace};
use crate::run::pass_through;

/// Makes it, cuts the chapter at hand, and compiles once what its first exercise needs.
pub fn run(project: &Path, folder: &Path, spine: bool, from: &str) -> Result<Outcome> {
    let book = Book::read(project)?;
    let first = book.first(from)?;
    let id = first.id.clone();
    let chapter = chapter_of(first);
    setup::ensure(project)?;
    let folder = workspace::refuse_or_take(project, folder)?;
    workspace::make(project, &folder, Lints::All)?;
    workspace::settle(project, &folder)?;
    let state = State { commit: commit(project), chapter, spine, ..State::default() };
    let mut reader = Reader { project, book, folder, state };
    cut::chapter(&mut reader, Some(&id))?;
    reader.state.write(&reader.folder)?;
    commit_all(&reader.folder)?;
    build(&reader)?;
    println!("{} is yours. Go there, and write:", reader.folder.display());
    println!("  cd {}\n  cargo learn\n", reader.folder.display());
    task::show(&reader, reader.book.find(&id)?);
    Ok(Outcome::Done)
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

/// The commit of the project, or nothing where it has none.
fn commit(project: &Path) -> String {
    let output = Command::new("git").current_dir(project).args(["rev-parse", "HEAD"]).output();
    let known = output.ok().filter(|output| output.status.success());
    known.map_or_else(String::new, |output| {
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    })
}

/// The workspace's first commit, so that nothing the reader does is lost.
fn commit_all(folder: &Path) -> Result<()> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(folder).args([
            "-c",
            "user.name=cargo learn",
            "-c",
            "user.email=learn@localhost",
        ]);
        pass_through(command.args(arguments))
    };
    git(&["init", "--quiet"])
        .and_then(|()| git(&["add", "--all"]))
        .and_then(|()| git(&["commit", "--quiet", "-m", "Begin"]))
        .context("git is needed to keep what you write")
}
