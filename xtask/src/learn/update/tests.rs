use std::path::Path;

use super::super::exercises::Book;
use super::super::state::State;
use super::*;
use crate::files::matching;
use crate::files::tests::project;

const OLD: &str = "use x::Y;\n\nfn f() -> u8 {\n    1\n}\n\nfn between() {}\n\nfn g() -> u8 {\n    2\n}\n\nfn last() {}\n";
const TOML: &str = "finale = ''\n[[exercise]]\nid = '1.1.1'\ntitle = 't'\ntask = 't'\njudges = []\nhints = ['', '', '']\nitems = ['crates/a/src/a.rs#f']\n\
    [[exercise]]\nid = '1.1.2'\ntitle = 't'\ntask = 't'\njudges = []\nhints = ['', '', '']\nitems = ['crates/a/src/a.rs#g']\n";
const FILE: &str = "crates/a/src/a.rs";

/// A project whose file is `new` now, and a reader's with `theirs`, made when it was `OLD`.
fn updated(new: &str, theirs: &str) -> (String, Vec<String>, tempfile::TempDir) {
    let folder = project(&[
        ("chapters/exercises/1-a.toml", TOML),
        ("project/crates/a/src/a.rs", new),
        ("reader/crates/a/src/a.rs", theirs),
        ("reader/.learn/base/crates/a/src/a.rs", OLD),
    ]);
    let book = Book::read(folder.path()).expect("exercises");
    let given = ["1.1.2".to_owned()].into();
    let state = State { chapter: 1, given, ..State::default() };
    let project = folder.path().join("project");
    let reader = Reader { project: &project, book, folder: folder.path().join("reader"), state };
    let made = folder.path().join("made");
    fs::create_dir_all(made.join("crates/a/src")).expect("a folder");
    fs::write(made.join(FILE), new).expect("written");
    let mut told = bodies(&reader, &made).expect("put back");
    told.extend(files(&reader, &made).expect("written"));
    (fs::read_to_string(reader.folder.join(FILE)).expect("there"), told, folder)
}

fn kept(folder: &Path) -> usize {
    matching(folder, "reader/.learn/mine/**/*.rs").expect("listed").len()
}

#[test]
fn bodies_and_holes_come_along_and_what_was_given_is_the_new_text() {
    let new = OLD.replace("use x::Y;", "use x::Z;").replace("    2\n", "    1 + 1\n");
    let (text, told, _) = updated(&new, &OLD.replace("    1\n", "    0 + 1\n"));
    assert_eq!(text, new.replace("    1\n", "    0 + 1\n"));
    assert_eq!(told, [""; 0]);
    let holed = OLD.replace("    1\n", "    todo!(\"1.1.1: t\")\n");
    assert_eq!(updated(&new, &holed).0, new.replace("    1\n", "    todo!(\"1.1.1: t\")\n"));
}

#[test]
fn a_changed_signature_opens_the_exercise_and_keeps_the_text() {
    let new = OLD.replace("fn f() -> u8", "fn f() -> u16");
    let (text, told, folder) = updated(&new, &OLD.replace("    1\n", "    0 + 1\n"));
    assert_eq!(text, new.replace("    1\n", "    todo!(\"1.1.1: t\")\n"));
    assert!(told[0].starts_with("1.1.1 is open again"), "{told:?}");
    assert_eq!(kept(folder.path()), 1);
}

#[test]
fn changes_elsewhere_are_merged_or_kept() {
    let new = OLD.replace("use x::Y;", "use x::Z;");
    let theirs = OLD.replace("    1\n", "    0 + 1\n").replace("fn last() {}", "fn mine() {}");
    let (text, told, _) = updated(&new, &theirs);
    assert_eq!(text, theirs.replace("use x::Y;", "use x::Z;"));
    assert_eq!(told, [""; 0]);
    let theirs = OLD.replace("    1\n", "    0 + 1\n").replace("use x::Y;", "use x::Mine;");
    let (text, told, folder) = updated(&new, &theirs);
    assert_eq!(text, new.replace("    1\n", "    0 + 1\n"));
    assert!(told[0].contains("do not fit any more"), "{told:?}");
    let file = folder.path().join("reader/.learn/mine/files").join(FILE);
    assert_eq!(fs::read_to_string(file).expect("kept"), theirs);
}

#[test]
fn data_that_are_no_text_are_taken_over_as_they_are() {
    let folder = project(&[
        ("chapters/exercises/1-a.toml", TOML),
        ("reader/data/reference/x.bin", ""),
        ("reader/.learn/base/data/reference/x.bin", ""),
        ("made/data/reference/x.bin", ""),
    ]);
    let write = |place: &str, bytes: &[u8]| {
        fs::write(folder.path().join(place).join("data/reference/x.bin"), bytes).expect("written");
    };
    write("reader", &[0xFF, 0]);
    write("reader/.learn/base", &[0xFF, 0]);
    write("made", &[0xFE, 1]);
    let book = Book::read(folder.path()).expect("exercises");
    let state = State { chapter: 0, ..State::default() };
    let reader =
        Reader { project: folder.path(), book, folder: folder.path().join("reader"), state };
    let told = files(&reader, &folder.path().join("made")).expect("taken over");
    assert_eq!(told, [""; 0]);
    let now = fs::read(reader.folder.join("data/reference/x.bin")).expect("there");
    assert_eq!(now, [0xFE, 1]);
}
