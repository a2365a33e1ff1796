use fs_err as fs;

use super::*;
use crate::files::tests::project;

const SOURCE: &str = "\
pub fn one() -> u8 {
    first() + given()
}

fn first() -> u8 {
    second() + 1
}

fn second() -> u8 {
    2
}

fn given() -> u8 {
    second()
}

pub fn two() -> u8 {
    second() + third()
}

fn third() -> u8 {
    3
}

fn nobodys() {}

impl Clone for A {
    fn clone(&self) -> A {
        A
    }
}
";
const TOML: &str = "\
finale = ''
[[given]]
why = 'w'
items = ['crates/a/src/a.rs#given']
[[exercise]]
id = '1.1.1'
title = 't'
task = 't'
judges = []
hints = ['', '', '']
items = ['crates/a/src/a.rs#one']
gentle = [{ replace = 'given()', with = 'todo!(\"what else?\")' }]
[[exercise]]
id = '1.1.2'
title = 't'
task = 't'
judges = []
hints = ['', '', '']
items = ['crates/a/src/a.rs#two']
";

fn files() -> tempfile::TempDir {
    project(&[("chapters/exercises/1-a.toml", TOML), ("crates/a/src/a.rs", SOURCE)])
}

#[test]
fn from_scratch_a_private_function_belongs_to_the_first_exercise_that_calls_it() {
    let folder = files();
    let book = Book::read(folder.path()).expect("exercises");
    let helpers = helpers(folder.path(), &book).expect("read");
    let names =
        |id: &str| -> Vec<&str> { helpers[id].iter().map(|item| item.name.as_str()).collect() };
    assert_eq!(names("1.1.1"), ["first", "second"]);
    assert_eq!(names("1.1.2"), ["third"]);
}

#[test]
fn a_gentle_hole_is_an_expression_with_the_exercises_number() {
    let folder = files();
    let book = Book::read(folder.path()).expect("exercises");
    let cut = |id: &str, level| {
        let exercise = book.find(id).expect("there");
        let ours = text::bodies(folder.path(), exercise).expect("read");
        level_holes(exercise, &ours, level)
    };
    assert_eq!(cut("1.1.1", Level::Gentle), ["{\n    first() + todo!(\"1.1.1: what else?\")\n}"]);
    assert_eq!(cut("1.1.1", Level::Normal), ["{\n    todo!(\"1.1.1: t\")\n}"]);
    assert_eq!(cut("1.1.2", Level::Gentle), cut("1.1.2", Level::Normal), "it has no gentle form");
}

fn level_holes(exercise: &Exercise, ours: &[String], level: Level) -> Vec<String> {
    level.holes(exercise, ours).expect("they fit")
}

#[test]
fn a_body_is_untouched_until_something_is_written_into_it() {
    let folder = files();
    let book = Book::read(folder.path()).expect("exercises");
    let exercise = book.find("1.1.1").expect("there");
    let copy = project(&[("crates/a/src/a.rs", SOURCE)]);
    let is_untouched = || {
        let now = text::bodies(copy.path(), exercise).expect("read");
        is_untouched(folder.path(), exercise, &now).expect("compared")
    };
    assert!(!is_untouched(), "nothing is cut out");
    for level in [Level::Gentle, Level::Normal, Level::Scratch] {
        fs::write(copy.path().join("crates/a/src/a.rs"), SOURCE).expect("written");
        cut(folder.path(), copy.path(), exercise, level).expect("cut");
        assert!(is_untouched(), "{level}");
        text::replace(copy.path(), &exercise.items[0], "{ let begun = 1; todo!(\"1.1.1: t\") }")
            .expect("written");
        assert!(!is_untouched(), "{level}");
    }
}
