use std::path::Path;

use super::super::exercises::Book;
use super::super::state::{State, hash};
use super::*;
use crate::files::tests::project;

const SOURCE: &str = "/// Docs.\npub fn f() -> u8 {\n    1\n}\n\npub fn g() -> u8 {\n    2\n}\n";
const TOML: &str = "finale = ''\n[[exercise]]\nid = '1.1.1'\ntitle = 't'\ntask = 't'\njudges = []\nhints = ['', '', '']\nitems = ['crates/a/src/a.rs#f', 'crates/a/src/a.rs#g']\n";

fn reader(folder: &Path) -> Reader<'_> {
    let theirs = folder.join("reader");
    fs::create_dir_all(theirs.join("crates/a/src")).expect("a folder");
    fs::write(theirs.join("crates/a/src/a.rs"), SOURCE).expect("written");
    let book = Book::read(folder).expect("exercises");
    let state = State { chapter: 1, ..State::default() };
    let reader = Reader { project: folder, book, folder: theirs, state };
    let level = level::Level::Normal;
    level::cut(reader.project, &reader.folder, exercise(&reader), level).expect("cut");
    reader
}

fn exercise<'a>(reader: &'a Reader) -> &'a Exercise {
    reader.book.find("1.1.1").expect("there")
}

fn files() -> tempfile::TempDir {
    project(&[("chapters/exercises/1-a.toml", TOML), ("crates/a/src/a.rs", SOURCE)])
}

#[test]
fn given_and_taken_in_any_order_a_readers_text_is_never_lost() {
    let folder = files();
    let mut reader = reader(folder.path());
    let id = ["1.1.1".to_owned()];
    let file = reader.folder.join("crates/a/src/a.rs");
    let write = |text: &str| fs::write(&file, text).expect("written");
    let read = || fs::read_to_string(&file).expect("there");
    assert!(take(&mut reader, &id).is_err(), "nothing of theirs is kept yet");
    give(&mut reader, &id).expect("given");
    assert_eq!(read(), SOURCE);
    let first = SOURCE.replace("    1", "    0 + 1");
    write(&first);
    give(&mut reader, &id).expect("given");
    give(&mut reader, &id).expect("given twice");
    assert_eq!(read(), SOURCE);
    take(&mut reader, &id).expect("taken");
    assert_eq!(read(), first);
    let second = SOURCE.replace("    2", "    1 + 1");
    write(&second);
    take(&mut reader, &id).expect("the earlier text");
    assert_eq!(read(), first);
    let all: Vec<String> = kept(&reader, exercise(&reader))
        .expect("listed")
        .iter()
        .map(|file| fs::read_to_string(file).expect("there"))
        .collect();
    assert!(all.iter().any(|text| text.contains("0 + 1")), "{all:?}");
    assert!(all.iter().any(|text| text.contains("1 + 1")), "{all:?}");
}

#[test]
fn where_nothing_is_kept_only_what_is_given_is_offered_to_be_cut_out_and_at_its_level() {
    let folder = files();
    let mut reader = reader(folder.path());
    let id = ["1.1.1".to_owned()];
    let said = |reader: &mut Reader| take(reader, &id).expect_err("nothing is kept").to_string();
    assert!(said(&mut reader).ends_with("what stands in your files was never replaced"));
    reader.state.levels.insert(id[0].clone(), level::Level::Gentle);
    give(&mut reader, &id).expect("given");
    let given = said(&mut reader);
    assert!(given.contains("`cargo learn next 1.1.1 --level gentle` cuts it out"), "{given}");
}

#[test]
fn the_last_text_is_taken_back_even_where_earlier_ones_were_thrown_away() {
    let folder = files();
    let mut reader = reader(folder.path());
    let id = ["1.1.1".to_owned()];
    let file = reader.folder.join("crates/a/src/a.rs");
    for number in ["3", "4", "5"] {
        fs::write(&file, SOURCE.replace("    1", &format!("    {number}"))).expect("written");
        give(&mut reader, &id).expect("given");
    }
    let all = kept(&reader, exercise(&reader)).expect("listed");
    all[..2].iter().for_each(|file| fs::remove_file(file).expect("thrown away"));
    fs::write(&file, SOURCE.replace("    1", "    6")).expect("written");
    give(&mut reader, &id).expect("given");
    take(&mut reader, &id).expect("taken");
    assert_eq!(fs::read_to_string(&file).expect("there"), SOURCE.replace("    1", "    6"));
}

#[test]
fn a_chapter_or_a_section_means_what_is_open_there() {
    let folder = files();
    let mut reader = reader(folder.path());
    for name in ["1.1", "1"] {
        assert_eq!(meant(&reader, &[name.to_owned()]).expect("open"), ["1.1.1"], "{name}");
    }
    give(&mut reader, &["1".to_owned()]).expect("given");
    assert_eq!(reader.status(exercise(&reader)).expect("read"), Status::Given);
    let error = give(&mut reader, &["1".to_owned()]).expect_err("nothing left").to_string();
    assert_eq!(error, "nothing is open in 1");
    assert!(meant(&reader, &["2".to_owned()]).is_err(), "there is no chapter 2");
}

#[test]
fn what_has_become_of_an_exercise_is_told_by_its_text() {
    let folder = files();
    let mut reader = reader(folder.path());
    let status = |reader: &Reader| reader.status(exercise(reader)).expect("read");
    assert_eq!(status(&reader), Status::Open);
    give(&mut reader, &["1.1.1".to_owned()]).expect("given");
    assert_eq!(status(&reader), Status::Given);
    reader.state.given.clear();
    assert_eq!(status(&reader), Status::Written, "a reader may write just what we wrote");
    let file = reader.folder.join("crates/a/src/a.rs");
    fs::write(&file, SOURCE.replace("    1", "    0 + 1")).expect("written");
    assert_eq!(status(&reader), Status::Written);
    let bodies = text::bodies(&reader.folder, exercise(&reader)).expect("read");
    reader.state.passed.insert("1.1.1".to_owned(), hash(&bodies));
    assert_eq!(status(&reader), Status::Yours);
    fs::write(&file, SOURCE.replace("    1", "    3")).expect("written");
    assert_eq!(status(&reader), Status::Changed);
    reader.state.chapter = 0;
    assert_eq!(status(&reader), Status::Ahead);
}

#[test]
fn a_half_written_state_is_told_with_the_way_out() {
    let folder = files();
    let reader = reader(folder.path());
    fs::create_dir_all(reader.folder.join(FOLDER)).expect("a folder");
    reader.state.write(&reader.folder).expect("written");
    assert_eq!(State::read(&reader.folder).expect("read").chapter, 1);
    fs::write(reader.folder.join(FOLDER).join("state.json"), "{ \"commit\"").expect("written");
    let error = State::read(&reader.folder).expect_err("half of it").to_string();
    assert!(error.contains("`cargo learn check --all`"), "{error}");
}

#[test]
fn a_file_that_is_no_rust_is_left_alone_and_said_to_be() {
    let folder = files();
    let mut reader = reader(folder.path());
    let file = reader.folder.join("crates/a/src/a.rs");
    fs::write(&file, "pub fn f( {").expect("written");
    let error = format!("{:#}", give(&mut reader, &["1.1.1".to_owned()]).expect_err("no Rust"));
    assert!(error.starts_with("the text of 1.1.1 cannot be found in your files"), "{error}");
    assert_eq!(fs::read_to_string(&file).expect("there"), "pub fn f( {");
}
