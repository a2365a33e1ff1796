//! What can be said of an exercise before anything is compiled.

use anyhow::Result;

use super::exercises::{Exercise, ItemPath};
use super::state::Reader;
use super::text;
use crate::source::Source;

/// The first thing that is not as it must be.
pub fn complaint(reader: &Reader, exercise: &Exercise) -> Result<Option<String>> {
    for item in &exercise.items {
        let Ok(source) = Source::read(&reader.folder.join(&item.file)) else { return Ok(None) };
        if source.body(&item.name).is_err() {
            return Ok(Some(format!(
                "{} has no function {}; it must keep its name: put it back as it was",
                item.file, item.name
            )));
        }
    }
    let holes = holes(reader, exercise)?;
    if !holes.is_empty() {
        let lines: Vec<String> = holes.iter().map(|hole| format!("\n    {hole}")).collect();
        return Ok(Some(format!("still to be written:{}", lines.concat())));
    }
    for item in &exercise.items {
        if let Some(complaint) = of_function(reader, exercise, item)? {
            return Ok(Some(complaint));
        }
    }
    Ok(None)
}

/// The holes that are left, each with its place, its function, and what it asks, where that is more than the exercise itself.
pub fn holes(reader: &Reader, exercise: &Exercise) -> Result<Vec<String>> {
    let mut holes = Vec::new();
    for item in &exercise.items {
        let source = Source::read(&reader.folder.join(&item.file))?;
        let body = source.body(&item.name)?;
        for (at, question) in text::holes(exercise, &source.text()[body.clone()]) {
            let line = source.text()[..body.start + at].matches('\n').count() + 1;
            let asked = if question == exercise.title { "" } else { question };
            let colon = if asked.is_empty() { "" } else { ": " };
            holes.push(format!("{}:{line}  {}{colon}{asked}", item.file, item.name));
        }
    }
    Ok(holes)
}

/// What is wrong with a function that is written, or with the tests beside it.
fn of_function(reader: &Reader, exercise: &Exercise, item: &ItemPath) -> Result<Option<String>> {
    let source = Source::read(&reader.folder.join(&item.file))?;
    let body = source.body(&item.name)?;
    if text::signature(&reader.folder, item)? != text::signature(reader.project, item)? {
        return Ok(Some(format!(
            "the first lines of {} must stay as they were, as others call it",
            item.name
        )));
    }
    if let Some(word) = exercise.may_not_call.iter().find(|word| source.has_word(word, &body)) {
        return Ok(Some(format!(
            "{} calls `{word}`, which is what you are asked to write",
            item.name
        )));
    }
    if text::tests(&reader.folder, &item.file)? != text::tests(reader.project, &item.file)? {
        return Ok(Some(format!(
            "the tests in {} were changed; they judge, so put them back as in {}",
            item.file,
            reader.project.join(&item.file).display()
        )));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;
    use crate::learn::exercises::Book;
    use crate::learn::level::{self, Level};
    use crate::learn::state::State;

    const SOURCE: &str = "pub fn f() -> u8 {\n    1 + 2\n}\n\npub fn g() -> u8 {\n    3\n}\n";
    const TOML: &str = "finale = ''\n[[exercise]]\nid = '1.1.1'\ntitle = 't'\ntask = 't'\njudges = []\nhints = ['', '', '']\n\
        items = ['crates/a/src/a.rs#f', 'crates/a/src/a.rs#g']\n\
        gentle = [{ replace = '1', with = 'todo!(\"first?\")' }, { replace = '2', with = 'todo!(\"then?\")' }]\n";

    /// What is said of an exercise cut at a level, in which one text is then replaced by another.
    fn said(level: Level, old: &str, new: &str) -> Option<String> {
        let folder = project(&[
            ("chapters/exercises/1-a.toml", TOML),
            ("crates/a/src/a.rs", SOURCE),
            ("reader/crates/a/src/a.rs", SOURCE),
        ]);
        let book = Book::read(folder.path()).expect("exercises");
        let state = State { chapter: 1, ..State::default() };
        let theirs = folder.path().join("reader");
        let reader = Reader { project: folder.path(), book, folder: theirs, state };
        let exercise = reader.book.find("1.1.1").expect("there");
        level::cut(reader.project, &reader.folder, exercise, level).expect("cut");
        let file = reader.folder.join("crates/a/src/a.rs");
        let text = std::fs::read_to_string(&file).expect("there");
        assert!(text.contains(old), "{text}");
        std::fs::write(&file, text.replace(old, new)).expect("written");
        complaint(&reader, exercise).expect("read")
    }

    #[test]
    fn each_question_that_is_open_is_asked_again_at_its_line() {
        assert_eq!(
            said(Level::Gentle, "", "").expect("two holes"),
            "still to be written:\n    crates/a/src/a.rs:2  f: first?\n    crates/a/src/a.rs:2  f: then?"
        );
        assert_eq!(
            said(Level::Gentle, "todo!(\"1.1.1: first?\") + ", "1 +\n    ").expect("one hole"),
            "still to be written:\n    crates/a/src/a.rs:3  f: then?"
        );
    }

    #[test]
    fn each_function_that_is_open_is_named() {
        assert_eq!(
            said(Level::Normal, "", "").expect("two holes"),
            "still to be written:\n    crates/a/src/a.rs:2  f\n    crates/a/src/a.rs:6  g"
        );
    }

    #[test]
    fn a_hole_that_has_become_a_comment_is_written() {
        let done = said(Level::Normal, "todo!(\"1.1.1: t\")", "4 // todo!(\"1.1.1: t\")");
        assert_eq!(done, None);
    }

    #[test]
    fn a_first_line_that_has_changed_is_complained_of() {
        let said = said(
            Level::Normal,
            "pub fn f() -> u8 {\n    todo!(\"1.1.1: t\")\n}\n\npub fn g() -> u8 {\n    todo!(\"1.1.1: t\")",
            "fn f() -> u16 {\n    1\n}\n\npub fn g() -> u8 {\n    3",
        );
        assert!(said.expect("a complaint").starts_with("the first lines of f must stay"));
    }
}
