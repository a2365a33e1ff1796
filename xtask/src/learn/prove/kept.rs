//! What is proven already: `chapters/exercises/proven.json`, with a hash for each exercise of what its proof depends on most.
//!
//! That is the exercise itself, the files of its functions, and the tests and demos that judge it. What lies behind these is caught by
//! some exercises that are proven anew each time, chosen by the project's commit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;
use sha2::{Digest, Sha256};

use crate::learn::exercises::{Book, Exercise};
use crate::learn::judge::{Judge, Program};
use crate::learn::{git, text};

/// How many exercises are proven anew each time.
const ANEW: usize = 5;
const PATH: &str = "chapters/exercises/proven.json";

/// The kept proofs.
#[derive(Debug, Default)]
pub struct Kept(BTreeMap<String, String>);

impl Kept {
    /// Reads them; none where there are none yet.
    pub fn read(project: &Path) -> Result<Self> {
        text::read_json(&project.join(PATH)).map(Self)
    }

    /// Writes those of exercises that there are.
    pub fn write(&self, project: &Path, book: &Book) -> Result<()> {
        let is_there = |(id, _): &(&String, &String)| book.exercises().any(|one| one.id == **id);
        let kept: BTreeMap<_, _> = self.0.iter().filter(is_there).collect();
        text::write_json(&project.join(PATH), &kept)
    }

    /// Notes that an exercise is proven as it is now, or that it is not.
    pub fn note(&mut self, project: &Path, exercise: &Exercise, is_proven: bool) -> Result<()> {
        if is_proven {
            self.0.insert(exercise.id.clone(), hash(project, exercise)?);
        } else {
            self.0.remove(&exercise.id);
        }
        Ok(())
    }

    /// The exercises that have changed since they were proven, and those that are to be proven anew.
    pub fn due<'a>(&self, project: &Path, book: &'a Book) -> Result<Vec<&'a Exercise>> {
        let all: Vec<&Exercise> = book.exercises().collect();
        let commit = git::commit(project);
        let first = usize::from_str_radix(commit.get(..8).unwrap_or("0"), 16).unwrap_or_default();
        let anew: Vec<usize> =
            (0..ANEW).map(|place| (first + place * all.len() / ANEW) % all.len()).collect();
        let mut due = Vec::new();
        for (place, &exercise) in all.iter().enumerate() {
            if anew.contains(&place) || self.0.get(&exercise.id) != Some(&hash(project, exercise)?)
            {
                due.push(exercise);
            }
        }
        Ok(due)
    }
}

/// The hash of an exercise and of the files that its proof depends on most.
fn hash(project: &Path, exercise: &Exercise) -> Result<String> {
    let mut files: Vec<PathBuf> =
        exercise.items.iter().map(|item| item.file.clone().into()).collect();
    for judge in &exercise.judges {
        match judge {
            Judge::Demo(demo) => {
                files.extend([demo.source(Path::new("")), demo.out(Path::new(""))]);
            }
            Judge::Test { program: Program { krate, file: Some(file) }, .. } => {
                files.push(format!("crates/{krate}/tests/{file}.rs").into());
            }
            Judge::Test { program: Program { krate, file: None }, name } => {
                let module = name.split("::tests::").next().unwrap_or(name).replace("::", "/");
                // Beside the code, or in a file of their own.
                let places = ["", "/mod", "/tests"];
                let all = places.map(|end| format!("crates/{krate}/src/{module}{end}.rs").into());
                files.extend(all.into_iter().filter(|file: &PathBuf| project.join(file).is_file()));
            }
        }
    }
    files.sort();
    files.dedup();
    let mut hasher = Sha256::new();
    // Not what is only told: hints, questions, names.
    let Exercise { items, judges, off_path, may_not_call, wrong, right, .. } = exercise;
    hasher.update(format!("{items:?}{judges:?}{off_path:?}{may_not_call:?}{wrong:?}{right:?}"));
    for file in files {
        hasher.update(fs::read(project.join(file))?);
    }
    let digits: Vec<String> =
        hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Ok(digits.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    fn exercise(number: usize) -> String {
        format!(
            "[[exercise]]\nid = '1.1.{number}'\ntitle = 't'\ntask = 't'\nhints = ['a', 'b', 'c']\n\
             items = ['crates/a/src/f{number}.rs#f']\njudges = ['test a properties x']\n"
        )
    }

    #[test]
    fn what_has_changed_is_due_and_of_the_rest_some_by_the_commit() {
        let count = 20;
        let exercises: String = (0..count).map(exercise).collect::<Vec<_>>().concat();
        let mut files = vec![
            ("chapters/exercises/1-a.toml".to_owned(), format!("finale = ''\n{exercises}")),
            ("crates/a/tests/properties.rs".to_owned(), String::new()),
        ];
        files
            .extend((0..count).map(|number| (format!("crates/a/src/f{number}.rs"), String::new())));
        let files: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let folder = project(&files);
        let book = Book::read(folder.path()).expect("exercises");
        let mut kept = Kept::default();
        assert_eq!(kept.due(folder.path(), &book).expect("read").len(), count, "nothing is proven");
        for exercise in book.exercises() {
            kept.note(folder.path(), exercise, true).expect("noted");
        }
        kept.write(folder.path(), &book).expect("written");
        let kept = Kept::read(folder.path()).expect("read");
        let ids = || -> Vec<String> {
            let due = kept.due(folder.path(), &book).expect("read");
            due.into_iter().map(|exercise| exercise.id.clone()).collect()
        };
        assert_eq!(ids(), ["1.1.0", "1.1.4", "1.1.8", "1.1.12", "1.1.16"], "without a commit");
        fs::write(folder.path().join("crates/a/src/f3.rs"), "// changed\n").expect("written");
        assert_eq!(ids().len(), 6);
        assert!(ids().contains(&"1.1.3".to_owned()));
        fs::write(folder.path().join("crates/a/tests/properties.rs"), "//\n").expect("written");
        assert_eq!(ids().len(), count, "the judges of all have changed");
    }
}
