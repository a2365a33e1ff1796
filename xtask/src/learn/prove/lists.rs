//! The exercises are whole: all that they name exists, and nothing that the chapters show is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use crate::contents::CHAPTERS;
use crate::files::matching;
use crate::learn::boxes;
use crate::learn::exercises::{BESIDE, Book, Chapter, Exercise, ItemPath};
use crate::learn::judge::Judge;
use crate::learn::level::Level;
use crate::learn::text;
use crate::markdown::Page;

/// How many wrong solutions an exercise needs.
const WRONG: usize = 2;

/// What is wrong with the lists.
pub fn check(project: &Path, book: &Book) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for chapter in &book.chapters {
        let given = chapter.given.iter().flat_map(|given| &given.items);
        for item in chapter.exercises.iter().flat_map(|exercise| &exercise.items).chain(given) {
            *places.entry(item.to_string()).or_default() += 1;
            if let Err(error) = text::body(project, item) {
                findings.push(format!("{item}: {error:#}"));
            }
        }
        if chapter.number != BESIDE {
            findings.extend(forgotten(project, chapter, &places)?);
        }
        findings.extend(boxes::misplaced(project, chapter)?);
        for exercise in &chapter.exercises {
            findings.extend(of_exercise(project, chapter, exercise)?);
        }
    }
    let twice = places.iter().filter(|(_, times)| **times > 1);
    findings.extend(twice.map(|(item, _)| format!("{item} is listed twice")));
    Ok(findings)
}

/// What is wrong with one exercise.
fn of_exercise(project: &Path, chapter: &Chapter, exercise: &Exercise) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    if !exercise.id.starts_with(&format!("{}.", chapter.name())) {
        wrong.push(format!("it is in the file of chapter {}", chapter.name()));
    }
    if exercise.judges.is_empty() || exercise.hints.iter().any(|hint| hint.trim().is_empty()) {
        wrong.push("it needs judges and three hints".to_owned());
    }
    if exercise.wrong.len() < WRONG {
        wrong.push(format!("it has {} wrong solutions, not {WRONG}", exercise.wrong.len()));
    }
    if exercise.wrong.iter().any(|variant| variant.why.is_empty()) {
        wrong.push("a wrong solution without its reason".to_owned());
    }
    for judge in &exercise.judges {
        if !exists(project, judge)? {
            wrong.push(format!("there is no {judge}"));
        }
    }
    // A function that is missing is complained of with the items.
    let Ok(reference) = text::bodies(project, exercise) else { return Ok(Vec::new()) };
    let is_there = |name: &String| exercise.items.iter().any(|item| item.name == *name);
    if !exercise.off_path.iter().all(is_there) {
        wrong.push("off_path lists what is none of its functions".to_owned());
    }
    let gentle = Level::Gentle.holes(exercise, &reference);
    if gentle.is_ok_and(|holes| !holes.iter().any(|body| text::is_open(exercise, body))) {
        wrong.push("its gentle form has nothing to write".to_owned());
    }
    for variant in exercise.wrong.iter().chain(&exercise.right) {
        if let Err(error) = text::edited(exercise, &reference, &variant.edits) {
            wrong.push(format!("{}: {error:#}", variant.name));
        }
    }
    Ok(wrong.into_iter().map(|wrong| format!("{}: {wrong}", exercise.id)).collect())
}

/// Whether a test or a demo is there.
fn exists(project: &Path, judge: &Judge) -> Result<bool> {
    let Judge::Test { program, name } = judge else { return Ok(true) };
    let folder = project.join("crates").join(&program.krate);
    let files = match &program.file {
        Some(file) => vec![folder.join(format!("tests/{file}.rs"))],
        None => matching(&folder, "src/**/*.rs")?,
    };
    let test = name.rsplit("::").next().unwrap_or(name);
    let is_there = |text: String| test.is_empty() || text.contains(&format!("fn {test}("));
    Ok(files.into_iter().any(|file| fs::read_to_string(file).is_ok_and(is_there)))
}

/// The functions of the chapter's crate that the chapter shows and the lists leave out.
fn forgotten(
    project: &Path,
    chapter: &Chapter,
    places: &BTreeMap<String, usize>,
) -> Result<Vec<String>> {
    let name = CHAPTERS[chapter.number - 1].name;
    let page = fs::read_to_string(project.join(format!("chapters/{}-{name}.md", chapter.number)))?;
    let mut shown = BTreeSet::new();
    for directive in Page::new(&page).markers.iter().filter_map(|marker| marker.directive) {
        if let Some((file, names)) = directive.split_once('#')
            && file.starts_with(&format!("crates/{name}/src/"))
        {
            shown.extend(names.split(',').map(|name| (file.to_owned(), name.to_owned())));
        }
    }
    let mut findings = Vec::new();
    for (file, name) in shown {
        let item = ItemPath { file, name };
        let is_function = text::body(project, &item).is_ok();
        let is_given = chapter.given.iter().any(|given| given.files.contains(&item.file));
        if is_function && !is_given && !places.contains_key(&item.to_string()) {
            findings
                .push(format!("{item} is shown in the chapter, and neither an exercise nor given"));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exercises_of_the_book_are_whole() {
        let project = xtask::project_root();
        let book = Book::read(&project).expect("exercises");
        assert_eq!(check(&project, &book).expect("read"), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_from_an_exercise_is_found() {
        let files = crate::files::tests::project(&[
            ("crates/attention/src/mask.rs", "pub fn shown() -> u8 {\n    1\n}\npub fn g() {}\n"),
            (
                "chapters/2-attention.md",
                "<!-- weave crates/attention/src/mask.rs#g -->\n<!-- /weave -->\n",
            ),
            (
                "chapters/exercises/2-attention.toml",
                "finale = ''\n[[exercise]]\nid = '1.1.1'\ntitle = 't'\ntask = 't'\nhints = ['', 'a', 'b']\n\
                 judges = ['unit attention mask::tests::none']\nitems = ['crates/attention/src/mask.rs#shown']\n\
                 wrong = [{ name = 'w', edits = [{ replace = '2', with = '3' }] }]\n",
            ),
        ]);
        let book = Book::read(files.path()).expect("exercises");
        let found = check(files.path(), &book).expect("read").join("\n");
        for finding in [
            "mask.rs#g is shown in the chapter",
            "has no `weave learn 1.1.1`",
            "file of chapter 2",
            "three hints",
            "1 wrong solutions",
            "without its reason",
            "there is no test mask::tests::none",
            "w: 1.1.1",
        ] {
            assert!(found.contains(finding), "{finding}: {found}");
        }
    }
}
