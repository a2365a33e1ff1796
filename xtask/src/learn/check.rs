//! `check`: judges what the reader has written.

use anyhow::Result;

use super::exercises::{Book, Exercise, ItemPath};
use super::judge::{Judge, programs};
use super::judging::{Court, Failure};
use super::level::{self, Level};
use super::programs::{Build, CompileError};
use super::state::{FOLDER, Reader, State, Status, chapter_of, folder, hash};
use super::symptoms::Symptoms;
use super::{Outcome, answers, before, lists, needs, task, text};
use crate::source::Source;

/// Judges one exercise, and then those of the same programs that have passed before.
pub fn run(reader: &mut Reader, id: Option<&str>) -> Result<Outcome> {
    let exercise = reader.chosen(id)?;
    let id = exercise.id.clone();
    task::heading(reader, exercise);
    if let Some(complaint) = before::complaint(reader, exercise)? {
        println!("  {complaint}");
        return Ok(Outcome::NotYet);
    }
    let build = match build(reader, exercise)? {
        Ok(build) => build,
        Err(errors) => {
            println!("{errors}");
            return Ok(Outcome::NotYet);
        }
    };
    let court = Court {
        project: reader.project,
        folder: &reader.folder,
        build: &build,
        variables: Vec::new(),
    };
    if let Some(failure) = court.first_failure(&exercise.judges)? {
        report(reader, exercise, &failure)?;
        return Ok(Outcome::NotYet);
    }
    println!("  passed: {}", listed(&exercise.judges));
    let broken = regressions(reader, exercise, &court)?;
    let passed = hash(&text::bodies(&reader.folder, exercise)?);
    // `give` or `next` may have written it while this one compiled.
    reader.state = State::read(&reader.folder)?;
    reader.state.passed.insert(id, passed);
    reader.state.write(&reader.folder)?;
    if broken {
        return Ok(Outcome::NotYet);
    }
    task::announce(reader)?;
    Ok(Outcome::Done)
}

/// Judges everything up to the chapter at hand, and makes the state anew where it is lost.
pub fn all(project: &std::path::Path) -> Result<Outcome> {
    let folder = folder()?;
    let book = Book::read(project)?;
    let state = match State::read(&folder) {
        Ok(state) => state,
        Err(error) => {
            println!("{error:#}; taking it from your code");
            made_anew(project, &folder, &book)?
        }
    };
    let mut reader = Reader::new(project, folder, state)?;
    let mut ids = Vec::new();
    for exercise in reader.book.exercises() {
        if matches!(reader.status(exercise)?, Status::Yours | Status::Written | Status::Changed) {
            ids.push(exercise.id.clone());
        }
    }
    let mut failed = Vec::new();
    for id in &ids {
        if !matches!(run(&mut reader, Some(id))?, Outcome::Done) {
            failed.push(id.as_str());
        }
    }
    println!("{} of {} exercises pass", ids.len() - failed.len(), ids.len());
    Ok(if failed.is_empty() { Outcome::Done } else { Outcome::NotYet })
}

/// What the code alone tells: the chapter at hand is the last one with something written or to be written.
fn made_anew(project: &std::path::Path, folder: &std::path::Path, book: &Book) -> Result<State> {
    let mut state = State { chapter: 1, ..State::default() };
    for exercise in book.exercises() {
        let ours = text::bodies(project, exercise)?;
        // What cannot be read was changed by the reader.
        if text::bodies(folder, exercise).is_ok_and(|theirs| theirs == ours) {
            state.given.insert(exercise.id.clone());
        } else {
            state.chapter = chapter_of(exercise);
        }
    }
    for (id, helpers) in level::helpers(project, book)? {
        let is_theirs = |item: &ItemPath| {
            text::body(folder, item)
                .is_ok_and(|theirs| text::body(project, item).is_ok_and(|ours| theirs != ours))
        };
        if helpers.iter().any(is_theirs) {
            state.levels.insert(id, Level::Scratch);
        }
    }
    fs_err::create_dir_all(folder.join(FOLDER))?;
    state.write(folder)?;
    Ok(state)
}

/// Builds what judges an exercise; or what the compiler complains of.
fn build(reader: &Reader, exercise: &Exercise) -> Result<Result<Build, String>> {
    let (tests, demos) = programs(&exercise.judges);
    let mut whole = Build::default();
    let builds = [
        (!tests.is_empty()).then(|| Build::tests(&reader.folder, &tests)),
        (!demos.is_empty()).then(|| Build::demos(&reader.folder, &demos)),
    ];
    for build in builds.into_iter().flatten() {
        let build = build?;
        if !build.succeeded {
            return Ok(Err(complaint(reader, exercise, &build)));
        }
        whole.join(build);
    }
    Ok(Ok(whole))
}

/// The first error inside the exercise whole, or else the first of all; the others are counted.
fn complaint(reader: &Reader, exercise: &Exercise, build: &Build) -> String {
    let mut errors: Vec<&CompileError> = Vec::new();
    for error in &build.errors {
        if !errors.iter().any(|seen| seen.rendered == error.rendered) {
            errors.push(error);
        }
    }
    let is_inside = |exercise: &Exercise, error: &CompileError| {
        exercise.items.iter().any(|item| {
            let source = Source::read(&reader.folder.join(&item.file));
            let lines = source.and_then(|source| source.find(&item.name)).map(|item| item.lines);
            item.file == error.file && lines.is_ok_and(|lines| lines.contains(&error.line))
        })
    };
    let inside = errors.iter().find(|error| is_inside(exercise, error));
    let Some(shown) = inside.or(errors.first()) else {
        return format!("  cargo cannot build it:\n{}", build.complaint.trim_end());
    };
    let mut lines = vec![format!("  it does not compile\n{}", shown.rendered.trim_end())];
    if errors.len() > 1 {
        lines.push(format!("  (errors in all: {})", errors.len()));
    }
    let other = reader.book.exercises().find(|other| is_inside(other, shown));
    if let Some(Exercise { id, title, .. }) = other.filter(|other| other.id != exercise.id) {
        lines.push(format!("  it is in {id} ({title}): mend it, or `cargo learn give {id}`"));
    }
    lines.join("\n")
}

/// Shows why a judge does not accept.
fn report(reader: &Reader, exercise: &Exercise, failure: &Failure) -> Result<()> {
    println!("  {}", failure.judge);
    for line in failure.message.lines() {
        println!("    {}", place_known(reader, line));
    }
    if let Some(place) = lists::first_difference(&failure.message) {
        println!("    first difference: {place}");
    }
    if let Some(hole) = failure.hole() {
        println!("{}", needed(reader, exercise, hole)?);
        return Ok(());
    }
    if let Some(variant) = Symptoms::read(reader.project)?.known(exercise, failure) {
        println!("  it looks like: {}. {}", variant.name, variant.why);
    }
    if reader.level(exercise) == Level::Gentle
        && let Some(suspects) = answers::suspects(reader.project, &reader.folder, exercise)?
    {
        println!("  {suspects}");
    }
    for other in needs::earlier(reader, exercise, &[Status::Written, Status::Changed])? {
        println!("  it uses {0}, which has not passed yet: `cargo learn check {0}`", other.id);
    }
    let id = reader.id_to_type(exercise)?;
    println!("  next: `cargo learn hint{id}`, or mend it and `cargo learn check{id}`");
    Ok(())
}

/// A line of a message; where it names a test that the reader's folder does not hold, it says where that is.
fn place_known(reader: &Reader, line: &str) -> String {
    match line.strip_prefix("at ").and_then(|place| place.rsplit_once(':')) {
        Some((file, number)) if !reader.folder.join(file).is_file() => {
            format!("at {}:{number}", reader.project.join(file).display())
        }
        _ => line.to_owned(),
    }
}

/// The exercises that are to be written before the judges can say more.
fn needed(reader: &Reader, exercise: &Exercise, hole: &str) -> Result<String> {
    let needed = needs::open(reader, exercise, hole)?;
    let ids: Vec<&str> = needed.iter().map(|other| other.id.as_str()).collect();
    let mut lines = vec!["  first, this is to be written:".to_owned()];
    lines.extend(needed.iter().map(|other| format!("    {}  {}", other.id, other.title)));
    lines.push(format!("  or leave it to us for now: `cargo learn give {}`", ids.join(" ")));
    Ok(lines.join("\n"))
}

/// Judges what has passed before by the programs that are there; says what fails now.
fn regressions(reader: &Reader, exercise: &Exercise, court: &Court) -> Result<bool> {
    let (tests, demos) = programs(&exercise.judges);
    let is_built = |judge: &&Judge| match judge {
        Judge::Test { program, .. } => tests.contains(&program),
        Judge::Demo(demo) => demos.contains(demo),
    };
    let mut broken = false;
    for other in reader.book.exercises().filter(|other| other.id != exercise.id) {
        if reader.status(other)? != Status::Yours {
            continue;
        }
        let judges: Vec<Judge> = other.judges.iter().filter(is_built).cloned().collect();
        if let Some(failure) = court.first_failure(&judges)? {
            println!("  {}, which had passed, fails now:", other.id);
            report(reader, other, &failure)?;
            broken = true;
        }
    }
    Ok(broken)
}

fn listed(judges: &[Judge]) -> String {
    judges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    const SOURCE: &str = "pub fn f() -> u8 {\n    g() + 1\n}\n\nfn g() -> u8 {\n    1\n}\n";
    const TOML: &str = "finale = ''\n[[exercise]]\nid = '1.1.1'\ntitle = 't'\ntask = 't'\njudges = []\nhints = ['', '', '']\nitems = ['crates/a/src/a.rs#f']\n";

    #[test]
    fn a_lost_state_is_made_anew_from_the_code_with_what_was_cut_from_scratch() {
        let state = |theirs: &str| {
            let folder = project(&[
                ("chapters/exercises/1-a.toml", TOML),
                ("crates/a/src/a.rs", SOURCE),
                ("reader/crates/a/src/a.rs", theirs),
            ]);
            let book = Book::read(folder.path()).expect("exercises");
            let reader = folder.path().join("reader");
            made_anew(folder.path(), &reader, &book).expect("made");
            State::read(&reader).expect("a state that every command reads")
        };
        let given = state(SOURCE);
        assert!(given.given.contains("1.1.1") && given.levels.is_empty());
        let scratch = state(&SOURCE.replace("    1\n", "    todo!(\"1.1.1: t\")\n"));
        assert_eq!(scratch.levels.get("1.1.1"), Some(&Level::Scratch));
        let no_rust = state("fn f( {");
        assert!(!no_rust.given.contains("1.1.1"), "their text is never taken for ours");
        assert!(no_rust.levels.is_empty());
    }
}
