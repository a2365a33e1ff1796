//! Where the text to train on comes from, and which part of it is kept back (chapter 4.1).

use crate::split::split_by_characters;
use anyhow::{Context, Result, bail, ensure};
use embedding::{
    bpe::{BytePairEncoder, END_OF_TEXT},
    support::texts::PROSE,
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use xtask::datasets;

/// How much of each text is learned; the last tenth of its characters is kept back for validation.
const LEARNED: f64 = 0.9;

/// A text to learn and a text to be measured on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpus {
    /// What it was read from.
    pub source: String,
    /// Documents to learn.
    pub training: Vec<String>,
    /// Documents to be measured on.
    pub validation: Vec<String>,
}

impl Corpus {
    /// Reads files, folders and datasets by name; without any, the prose that comes with this project.
    ///
    /// A dataset or folder with `train.txt` and `valid.txt` (wikitext-2) says itself what is for validation. Of every other
    /// file the last 10 % of its characters are kept back.
    ///
    /// # Errors
    /// If a name means nothing, a dataset cannot be fetched, or a file is empty or not UTF-8.
    pub fn read(sources: &[String]) -> Result<Self> {
        let source =
            if sources.is_empty() { "the embedded prose".to_owned() } else { sources.join(", ") };
        let (mut documents, mut training, mut validation) = (Vec::new(), Vec::new(), Vec::new());
        if sources.is_empty() {
            documents.push(PROSE.to_owned());
        }
        for path in sources.iter().map(|source| locate(source)) {
            let path = path?;
            let (train, valid) = (path.join("train.txt"), path.join("valid.txt"));
            if train.is_file() && valid.is_file() {
                training.push(read_text(&train)?);
                validation.push(read_text(&valid)?);
            } else {
                for file in text_files(&path)? {
                    documents.push(read_text(&file)?);
                }
            }
        }
        let (learned, kept_back) = split(&documents);
        training.extend(learned);
        validation.extend(kept_back);
        Ok(Self { source, training, validation })
    }

    /// The words with which the validation text begins.
    pub fn unseen_words(&self, words: usize) -> String {
        let text = self.validation.first().map_or("", String::as_str);
        text.split_whitespace().take(words).collect::<Vec<_>>().join(" ")
    }
}

/// Documents as one row of ids, with the end-of-text token between them.
pub fn encode(documents: &[String]) -> Vec<i64> {
    let encoder = BytePairEncoder::gpt2();
    let encoded: Vec<Vec<i64>> =
        documents.iter().map(|document| encoder.encode(document)).collect();
    encoded.join(&END_OF_TEXT)
}

/// The whole text of one file or dataset.
///
/// # Errors
/// As [`Corpus::read`]; also if `source` means several files.
pub fn read_whole(source: &str) -> Result<String> {
    let path = locate(source)?;
    ensure!(path.is_file(), "{source} means several files, where one is wanted");
    read_text(&path)
}

/// The file or folder that `source` means: a dataset's, fetched if need be, or the one at that path.
fn locate(source: &str) -> Result<PathBuf> {
    let texts = datasets::all().iter().filter(|dataset| dataset.kind == datasets::Kind::Text);
    let names: Vec<&str> = texts.map(|dataset| dataset.name.as_str()).collect();
    if names.contains(&source) {
        return datasets::fetch(&xtask::project_root(), source);
    }
    let path = PathBuf::from(source);
    ensure!(
        path.exists(),
        "there is no file or folder {source}, nor a text of that name; the names are {}",
        names.join(", ")
    );
    Ok(path)
}

/// The file itself, or all files of a folder that end in `.txt`, sorted by name.
fn text_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries =
        fs::read_dir(path).with_context(|| format!("cannot read the folder {}", path.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| {
            file.is_file() && file.extension().is_some_and(|extension| extension == "txt")
        })
        .collect();
    ensure!(!files.is_empty(), "the folder {} holds no file that ends in .txt", path.display());
    files.sort();
    Ok(files)
}

/// Reads a file as UTF-8, without a byte order mark and with `\n` at the ends of lines.
fn read_text(path: &Path) -> Result<String> {
    let name = path.display();
    let bytes = fs::read(path).with_context(|| format!("cannot read {name}"))?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => bail!(
            "{name} is not UTF-8 at byte {}; save it as UTF-8",
            error.utf8_error().valid_up_to()
        ),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n");
    ensure!(!text.trim().is_empty(), "{name} is empty; there is nothing to learn from it");
    Ok(text)
}

/// Keeps back the end of each document.
fn split(documents: &[String]) -> (Vec<String>, Vec<String>) {
    let parts = documents.iter().map(|document| split_by_characters(document, LEARNED));
    let (before, after): (Vec<&str>, Vec<&str>) = parts.unzip();
    let owned = |parts: Vec<&str>| {
        parts.into_iter().filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    (owned(before), owned(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> Result<String> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("text.txt");
        fs::write(&file, bytes)?;
        let text = read_text(&file);
        text.map_err(|error| anyhow::anyhow!("{error:#}").context("cannot read"))
    }

    #[test]
    fn the_last_tenth_of_each_document_is_kept_back_counted_in_characters() {
        let documents = ["é".repeat(10), "ß".repeat(5)];
        assert_eq!(
            split(&documents),
            (vec!["é".repeat(9), "ß".repeat(4)], vec!["é".to_owned(), "ß".to_owned()])
        );
    }

    #[test]
    fn a_byte_order_mark_and_carriage_returns_are_taken_off() {
        assert_eq!(written(b"\xef\xbb\xbfone\r\ntwo").expect("text"), "one\ntwo");
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_with_the_place() {
        let said = format!("{:#}", written(b"abc\xff\xfe").expect_err("no UTF-8"));
        assert!(said.ends_with("text.txt is not UTF-8 at byte 3; save it as UTF-8"), "{said}");
    }

    #[test]
    fn an_empty_text_is_refused() {
        let said = format!("{:#}", written(b" \n\n").expect_err("nothing in it"));
        assert!(said.ends_with("is empty; there is nothing to learn from it"), "{said}");
    }

    #[test]
    fn documents_are_separated_by_the_end_of_text() {
        let ids = encode(&["a".to_owned(), "b".to_owned()]);
        assert_eq!(ids, [64, END_OF_TEXT, 65]);
    }

    #[test]
    fn one_huge_line_is_encoded_in_a_moment() {
        let line = "x".repeat(1 << 20);
        assert_eq!(
            BytePairEncoder::gpt2().decode(&encode(std::slice::from_ref(&line))).expect("text"),
            line
        );
    }
}
