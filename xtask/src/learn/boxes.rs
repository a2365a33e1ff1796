//! Boxes in the chapters: before the code of an exercise, that it can be written, and what judges it.

use std::path::Path;

use anyhow::Result;

use super::exercises::{Book, Chapter, Exercise, ItemPath, page};
use super::judge::Judge;
use crate::markdown::Page;

/// The box of an exercise, as it is in a page of `chapters/`.
pub fn text(project: &Path, id: &str) -> Result<String> {
    let book = Book::read(project)?;
    let exercise = book.find(id)?;
    let places: Vec<String> =
        exercise.items.chunk_by(|one, other| one.file == other.file).map(place).collect();
    let (places, task) = (places.join(", "), &exercise.task);
    let judges = judges(exercise);
    Ok(format!(
        "> **Write it ({id}).** {places}: {task} `cargo learn next {id}` · judged by {judges} · our version follows."
    ))
}

/// Functions of one file, and a link to it.
fn place(items: &[ItemPath]) -> String {
    let names: Vec<String> = items.iter().map(|item| format!("`{}`", item.name)).collect();
    let path = &items[0].file;
    let file = path.rsplit('/').next().unwrap_or(path);
    format!("{} in [`{file}`](../{path})", names.join(", "))
}

/// How many tests, and which demos.
fn judges(exercise: &Exercise) -> String {
    let (mut named, mut parts) = (0, Vec::new());
    for judge in &exercise.judges {
        match judge {
            Judge::Demo(demo) => parts.push(format!("the demo `{}`", demo.name)),
            Judge::Test { name, .. } if name.ends_with("::") => {
                parts.push("the tests beside the code".to_owned());
            }
            Judge::Test { .. } => named += 1,
        }
    }
    match named {
        0 => {}
        1 => parts.push("a test".to_owned()),
        several => parts.push(format!("{several} tests")),
    }
    let last = parts.pop().unwrap_or_default();
    if parts.is_empty() { last } else { format!("{} and {last}", parts.join(", ")) }
}

/// The exercises of a chapter whose box is missing from its page, or comes after their code.
pub fn misplaced(project: &Path, chapter: &Chapter) -> Result<Vec<String>> {
    let file = page(chapter.number);
    let text = fs_err::read_to_string(project.join(&file))?;
    let page = Page::new(&text);
    let directives: Vec<&str> = page.markers.iter().filter_map(|marker| marker.directive).collect();
    let mut findings = Vec::new();
    for exercise in &chapter.exercises {
        let wanted = format!("learn {}", exercise.id);
        let place = directives.iter().position(|directive| *directive == wanted);
        let code = directives.iter().position(|directive| shows(exercise, directive));
        match (place, code) {
            (None, _) => findings.push(format!("{}: {file} has no `weave {wanted}`", exercise.id)),
            (Some(place), Some(code)) if place > code => {
                findings.push(format!("{}: its box in {file} comes after its code", exercise.id));
            }
            _ => {}
        }
    }
    Ok(findings)
}

/// The exercises whose code is folded in the book's edition for learners.
#[derive(Default)]
pub struct Solutions(Option<Book>);

impl Solutions {
    /// Those of all exercises.
    pub fn read(project: &Path) -> Result<Self> {
        Ok(Self(Some(Book::read(project)?)))
    }

    /// What is written over code that is folded; nothing for a directive that shows no exercise.
    pub fn summary(&self, directive: &str) -> Option<String> {
        let shown =
            self.0.iter().flat_map(Book::exercises).filter(|exercise| shows(exercise, directive));
        let ids: Vec<&str> = shown.map(|exercise| exercise.id.as_str()).collect();
        (!ids.is_empty()).then(|| format!("Our version of {}", ids.join(" and ")))
    }
}

/// Whether a directive weaves one of the exercise's functions.
fn shows(exercise: &Exercise, directive: &str) -> bool {
    let Some((file, names)) = directive.split_once('#') else { return false };
    exercise
        .items
        .iter()
        .any(|item| item.file == file && names.split(',').any(|name| name == item.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    fn exercises(page: &str) -> tempfile::TempDir {
        project(&[
            (
                "chapters/exercises/2-attention.toml",
                "finale = ''\n[[exercise]]\nid = '2.3.1'\ntitle = 't'\ntask = 'Hide the future.'\nhints = ['a', 'b', 'c']\n\
                 items = ['crates/a/src/mask.rs#f', 'crates/a/src/mask.rs#g', 'crates/a/src/b.rs#h']\n\
                 judges = ['unit a mask::tests::', 'unit a b::tests::x', 'unit a b::tests::y', 'demo causal_mask']\n",
            ),
            ("chapters/2-attention.md", page),
        ])
    }

    #[test]
    fn a_box_says_what_is_to_be_written_and_who_judges() {
        let folder = exercises("");
        assert_eq!(
            text(folder.path(), "2.3.1").expect("an exercise"),
            "> **Write it (2.3.1).** `f`, `g` in [`mask.rs`](../crates/a/src/mask.rs), `h` in [`b.rs`](../crates/a/src/b.rs): \
             Hide the future. `cargo learn next 2.3.1` · judged by the tests beside the code, the demo `causal_mask` and 2 tests · our version follows."
        );
        assert!(text(folder.path(), "2.3.2").is_err());
    }

    #[test]
    fn only_the_code_of_exercises_has_a_summary() {
        let folder = exercises("");
        let solutions = Solutions::read(folder.path()).expect("exercises");
        let summary = |directive: &str| solutions.summary(directive);
        assert_eq!(summary("crates/a/src/b.rs#x,h").as_deref(), Some("Our version of 2.3.1"));
        for other in ["crates/a/src/b.rs#x", "crates/a/src/c.rs#h", "learn 2.3.1", "x.out"] {
            assert_eq!(summary(other), None, "{other}");
        }
        assert_eq!(Solutions::default().summary("crates/a/src/b.rs#h"), None);
    }

    #[test]
    fn a_box_stands_before_the_code() {
        let (of, code) = (
            "<!-- weave learn 2.3.1 -->\n<!-- /weave -->\n",
            "<!-- weave crates/a/src/mask.rs#g -->\n<!-- /weave -->\n",
        );
        let found = |page: &str| {
            let folder = exercises(page);
            let book = Book::read(folder.path()).expect("exercises");
            misplaced(folder.path(), &book.chapters[0]).expect("read").concat()
        };
        assert_eq!(found(&[of, code].concat()), "");
        assert!(found(&[code, of].concat()).contains("comes after its code"));
        assert!(found(code).contains("has no `weave learn 2.3.1`"));
    }
}
