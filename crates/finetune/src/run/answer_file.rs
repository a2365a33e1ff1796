//! Where answers are kept while they are given (chapter 5.5): each in a journal beside the file as soon as it is there, and all of them
//! in the file at the end. What stood in the file before stays until then, and after that under another name.

use crate::{
    respond,
    run::{
        fields::Fields,
        journal::{Journal, followed, is_stream},
        records::Record,
    },
};
use anyhow::{Context, Result};
use embedding::bpe::BytePairEncoder;
use model::{format::safetensors, generate::TokenScorer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};
use train::examples::hex;

/// With what each line of the journal begins.
const BEGINNING: &str = r#"{"entry":"#;

/// An answer in the journal.
#[derive(Debug, Serialize, Deserialize)]
struct Given {
    /// Which entry, counted from 0.
    entry: usize,
    /// SHA-256 of who was asked and what.
    asked: String,
    model_response: String,
}

/// A file of answers that is being made.
#[derive(Debug)]
pub struct AnswerFile {
    path: PathBuf,
    by: String,
    way: Way,
    known: HashMap<String, String>,
}

#[derive(Debug)]
enum Way {
    /// A plain file, whose answers are kept beside it until all are there.
    Beside(Journal),
    /// A pipe or a device, which gets them one by one.
    Through(File, usize),
}

impl AnswerFile {
    /// Takes up what an earlier, broken-off try has kept of the answers `by` the same model under the same settings.
    ///
    /// # Errors
    /// If the journal is somebody else's file, or a pipe or device cannot be opened.
    pub fn open(out: &Path, by: &str) -> Result<Self> {
        let path = followed(out);
        if is_stream(&path) {
            let file = OpenOptions::new().append(true).open(&path);
            let file = file.with_context(|| format!("cannot write {}", out.display()))?;
            let (by, way) = (by.to_owned(), Way::Through(file, 0));
            return Ok(Self { path, by, way, known: HashMap::new() });
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let (journal, lines) = Journal::open::<Given>(&path.with_file_name(name), BEGINNING)?;
        let known = lines.into_iter().map(|line| (line.asked, line.model_response)).collect();
        Ok(Self { path, by: by.to_owned(), way: Way::Beside(journal), known })
    }

    /// How many of these entries are answered already.
    pub fn answered(&self, records: &[Record]) -> usize {
        records.iter().filter(|record| self.known.contains_key(&self.asked(record))).count()
    }

    /// The answer to an entry: the one that was kept, or a new one, which is kept.
    ///
    /// # Errors
    /// If it cannot be given, or not be written: then the message holds it.
    pub fn answer(
        &mut self,
        number: usize,
        record: &Record,
        give: impl FnOnce() -> Result<String>,
    ) -> Result<String> {
        let asked = self.asked(record);
        if let Some(known) = self.known.get(&asked) {
            return Ok(known.clone());
        }
        let response = give()?;
        let kept = match &mut self.way {
            Way::Beside(journal) => {
                journal.add(&Given { entry: number, asked, model_response: response.clone() })
            }
            Way::Through(file, count) => {
                let text = json(&record.fields.with_response(&response)?)?;
                let before = if *count == 0 { "[\n" } else { ",\n" };
                *count += 1;
                let written = file.write_all(format!("{before}{text}").as_bytes());
                written.with_context(|| format!("cannot write {}", self.path.display()))
            }
        };
        kept.with_context(|| format!("the answer to entry {number} is {response:?}"))?;
        Ok(response)
    }

    /// Where answers are until all are there; none where each is passed on.
    pub fn journal(&self) -> Option<&Path> {
        match &self.way {
            Way::Beside(journal) => Some(journal.path()),
            Way::Through(..) => None,
        }
    }

    /// Writes all answers as one list, and returns the name under which an earlier file stays, if `keep` asks for that.
    ///
    /// # Errors
    /// If the disk refuses; the journal stays then.
    pub fn finish(
        self,
        records: &[Record],
        responses: &[String],
        keep: bool,
    ) -> Result<Option<PathBuf>> {
        let cannot = || format!("cannot write {}", self.path.display());
        let journal = match self.way {
            Way::Beside(journal) => journal,
            Way::Through(mut file, count) => {
                let end = if count == 0 { "[]\n" } else { "\n]\n" };
                file.write_all(end.as_bytes()).with_context(cannot)?;
                return Ok(None);
            }
        };
        let answered = records.iter().zip(responses);
        let answered: Vec<Fields> = answered
            .map(|(record, text)| record.fields.with_response(text))
            .collect::<Result<_>>()?;
        let text = serde_json::to_string_pretty(&answered)? + "\n";
        let kept = if keep { kept_copy(&self.path, &text).with_context(cannot)? } else { None };
        if has_several_names(&self.path) {
            fs::write(&self.path, text).with_context(cannot)?; // another file in its place would part the names
        } else {
            safetensors::replace(&self.path, |temporary| Ok(fs::write(temporary, text)?))?;
        }
        let _ = fs::remove_file(journal.path()); // none if every answer was there, or no entry
        Ok(kept)
    }

    fn asked(&self, record: &Record) -> String {
        hex(&Sha256::digest(format!("{}\n{}", self.by, record.entry.prompt())))
    }
}

/// Answers entries one after another, each kept in `file` as soon as it is there; `tell` hears of each, and answers `false` to break off.
///
/// # Errors
/// If a prompt cannot be read by the model, or an answer not be kept.
pub fn answer_into(
    file: &mut AnswerFile,
    reader: &mut dyn TokenScorer,
    encoder: &BytePairEncoder,
    records: &[Record],
    max_new_tokens: usize,
    mut tell: impl FnMut() -> bool,
) -> Result<Vec<String>> {
    let mut responses = Vec::with_capacity(records.len());
    for (number, record) in records.iter().enumerate() {
        let give = || respond::answer(reader, encoder, &record.entry, max_new_tokens);
        responses.push(file.answer(number, record, give)?);
        if !tell() {
            break;
        }
    }
    Ok(responses)
}

fn json(fields: &Fields) -> Result<String> {
    Ok(serde_json::to_string_pretty(&[fields])?.trim_matches(['[', ']', '\n']).to_owned())
}

/// Copies what is in a file, unless that is nothing or the same, to the first free of `NAME.bak`, `NAME.bak2` and so on.
fn kept_copy(path: &Path, text: &str) -> Result<Option<PathBuf>> {
    let old = if path.exists() { fs::read(path)? } else { Vec::new() };
    if old.is_empty() || old == text.as_bytes() {
        return Ok(None);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let numbered = |number: usize| {
        path.with_file_name(if number == 1 {
            format!("{name}.bak")
        } else {
            format!("{name}.bak{number}")
        })
    };
    let free =
        (1..1_000_000).map(numbered).find(|copy| !copy.exists()).context("no name is free")?;
    fs::copy(path, &free)?;
    Ok(Some(free))
}

#[cfg(unix)]
fn has_several_names(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|data| data.nlink() > 1)
}

#[cfg(not(unix))]
fn has_several_names(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tasks, the first with a key that means nothing here.
    fn records() -> Vec<Record> {
        let text = r#"[{"id": 1.50, "instruction": "a"}, {"instruction": "b", "output": "c"}]"#;
        crate::run::records::parse(text, Record::read).expect("two tasks")
    }

    fn never() -> Result<String> {
        panic!("this answer was kept");
    }

    #[test]
    fn answers_that_were_given_are_taken_up_by_the_same_model_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, records) = (folder.path().join("a.json"), records());
        let mut file = AnswerFile::open(&out, "one").expect("nothing there");
        file.answer(0, &records[0], || Ok("first".to_owned())).expect("kept");
        drop(file);
        assert!(!out.exists(), "the file itself is written at the end");
        assert_eq!(AnswerFile::open(&out, "other").expect("a journal").answered(&records), 0);
        let mut file = AnswerFile::open(&out, "one").expect("a journal");
        assert_eq!(file.answered(&records), 1);
        let first = file.answer(0, &records[0], never).expect("kept");
        let second = file.answer(1, &records[1], || Ok("second".to_owned())).expect("kept");
        file.finish(&records, &[first, second], true).expect("room");
        let text = fs::read_to_string(&out).expect("a file");
        let words: String = text.split_whitespace().collect();
        let expected = r#"[{"id":1.50,"instruction":"a","model_response":"first"},{"instruction":"b","output":"c","model_response":"second"}]"#;
        assert_eq!(words, expected);
        assert_eq!(
            fs::read_dir(folder.path()).expect("a folder").count(),
            1,
            "the journal is gone"
        );
    }

    #[test]
    fn what_stood_in_the_file_stays_until_all_answers_are_there_and_then_under_another_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, records) = (folder.path().join("a.json"), records());
        let responses = ["x".to_owned(), "y".to_owned()];
        for (old, copy) in [("mine", "a.json.bak"), ("mine too", "a.json.bak2")] {
            fs::write(&out, old).expect("a file");
            let file = AnswerFile::open(&out, "one").expect("a file");
            assert_eq!(fs::read_to_string(&out).expect("a file"), old);
            let kept = file.finish(&records, &responses, true).expect("room").expect("a copy");
            assert_eq!(kept, folder.path().join(copy));
            assert_eq!(fs::read_to_string(kept).expect("a copy"), old);
        }
        let file = AnswerFile::open(&out, "one").expect("a file");
        assert_eq!(file.finish(&records, &responses, true).expect("room"), None, "the same again");
    }

    #[test]
    #[cfg(unix)]
    fn a_link_stays_a_link_and_two_names_of_a_file_stay_together() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("real")).expect("a folder");
        symlink("real/a.json", at("link")).expect("a link"); // its target is not there yet
        fs::write(at("one"), "").expect("a file");
        fs::hard_link(at("one"), at("two")).expect("a second name");
        for out in ["link", "one"] {
            let file = AnswerFile::open(&at(out), "one").expect("a file");
            file.finish(&records(), &["x".to_owned(), "y".to_owned()], true).expect("room");
        }
        assert!(at("link").is_symlink() && at("real/a.json").is_file());
        assert!(fs::read_to_string(at("two")).expect("a file").contains("model_response"));
    }
}
