//! Where the text to train on comes from, and which part of it is kept back (chapter 4.1).

use super::{terminal::say, text_file, tokenizer::TextEncoder};
use crate::split::split_by_characters;
use anyhow::{Context, Result, ensure};
use embedding::support::texts::TALES;
use std::{
    fs,
    path::{Path, PathBuf},
};
use xtask::datasets;

/// How much of each text is learned; the last tenth of its characters is kept back for validation.
const LEARNED: f64 = 0.9;
/// What the text is called that comes with this project.
pub const EMBEDDED: &str = "the embedded tales";
/// What is between the documents of many a public text, and is one token there.
const MARK: &str = "<|endoftext|>";

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
    /// Reads files, folders and datasets by name; without any, the tales that come with this project.
    ///
    /// A dataset or folder with `train.txt` and `valid.txt` (wikitext-2) says itself what is for validation. Of every other
    /// file the last 10 % of its characters are kept back. With `split_documents`, `<|endoftext|>` in a file ends a document, as it
    /// does for the tokenizers of the field; that is said in one line. Without, its characters are learned like any others.
    ///
    /// # Errors
    /// If a name means nothing, a dataset cannot be fetched, or a file is empty or no text.
    pub fn read(sources: &[String], split_documents: bool) -> Result<Self> {
        let source = if sources.is_empty() { EMBEDDED.to_owned() } else { sources.join(", ") };
        let mut corpus = Self { source, training: Vec::new(), validation: Vec::new() };
        let mut files = Vec::new();
        if sources.is_empty() {
            let tales = if split_documents { documents(TALES) } else { vec![TALES.to_owned()] };
            files.push(tales);
        }
        let read = |path: &Path| -> Result<Vec<String>> {
            let text = read_text(path)?;
            if !split_documents || !text.contains(MARK) {
                return Ok(vec![text]);
            }
            let documents = documents(&text);
            say(&format!(
                "text            {}: {} documents, as {MARK} ends one (--no-split-documents learns the mark as text)",
                path.display(),
                documents.len()
            ));
            Ok(documents)
        };
        for path in sources.iter().map(|source| locate(source)) {
            let path = path?;
            let (train, valid) = (path.join("train.txt"), path.join("valid.txt"));
            if train.is_file() && valid.is_file() {
                corpus.training.extend(read(&train)?);
                corpus.validation.extend(read(&valid)?);
            } else {
                for file in text_files(&path)? {
                    files.push(read(&file)?);
                }
            }
        }
        for documents in files {
            let (learned, kept_back) = split(documents);
            corpus.training.extend(learned);
            corpus.validation.extend(kept_back);
        }
        Ok(corpus)
    }

    /// The words with which the validation text begins; of several documents the second, as the first may have been cut.
    pub fn unseen_words(&self, words: usize) -> String {
        let text = self.validation.get(1).or(self.validation.first()).map_or("", String::as_str);
        text.split_whitespace().take(words).collect::<Vec<_>>().join(" ")
    }
}

/// Documents as one row of ids, with the end-of-text token between them where the tokenizer has one.
pub fn encode(documents: &[String], encoder: &TextEncoder) -> Vec<i64> {
    let mut ids = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        if number > 0 {
            ids.extend(encoder.lesson().end_of_text);
        }
        ids.extend(encoder.encode(document));
    }
    ids
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

/// The file or folder that `source` means: the one at that path, else a dataset's, fetched if need be.
fn locate(source: &str) -> Result<PathBuf> {
    let texts = datasets::all().iter().filter(|dataset| dataset.kind == datasets::Kind::Text);
    let names: Vec<&str> = texts.map(|dataset| dataset.name.as_str()).collect();
    let path = PathBuf::from(source);
    if path.exists() {
        if names.contains(&source) {
            say(&format!(
                "text            {source} is the file or folder here, not the public text of that name"
            ));
        }
        return Ok(path);
    }
    ensure!(
        names.contains(&source),
        "there is no file or folder {source}, nor a text of that name; the names are {}",
        names.join(", ")
    );
    datasets::fetch(&xtask::project_root(), source)
}

/// The file itself, or all files of a folder that end in `.txt`, sorted by name; what else the folder holds is counted.
fn text_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let name = path.display();
    let entries = fs::read_dir(path).with_context(|| format!("cannot read the folder {name}"))?;
    let is_hidden = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    let entries = entries.flatten().map(|entry| entry.path()).filter(|path| !is_hidden(path));
    let (mut files, others): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|file| {
        file.is_file() && file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("txt"))
    });
    ensure!(
        !files.is_empty(),
        "the folder {name} holds no file that ends in .txt; name the files in it that are to be read"
    );
    if !others.is_empty() {
        let folders = others.iter().filter(|path| path.is_dir()).count();
        say(&format!(
            "text            {name}: {} files end in .txt and are read; {} other files and {folders} folders are not",
            files.len(),
            others.len() - folders
        ));
    }
    files.sort();
    Ok(files)
}

/// The documents of a text with marks between them, without the line breaks around the marks.
pub fn documents(text: &str) -> Vec<String> {
    let parts = text.split(MARK).map(|part| part.trim_matches('\n'));
    parts.filter(|part| !part.trim().is_empty()).map(str::to_owned).collect()
}

/// Reads a file with `\n` at the ends of lines.
fn read_text(path: &Path) -> Result<String> {
    let text = text_file::read(path, u64::MAX)?.replace("\r\n", "\n");
    ensure!(
        !text.trim().is_empty(),
        "{} is empty; there is nothing to learn from it",
        path.display()
    );
    Ok(text)
}

/// Keeps back the end of a file: its last documents, and of the one in which the place lies the rest.
fn split(documents: Vec<String>) -> (Vec<String>, Vec<String>) {
    let lengths: Vec<usize> = documents.iter().map(|text| text.chars().count()).collect();
    let mut left = (lengths.iter().sum::<usize>() as f64 * LEARNED) as usize;
    let (mut learned, mut kept_back) = (Vec::new(), Vec::new());
    for (document, length) in documents.into_iter().zip(lengths) {
        if length <= left {
            left -= length;
            learned.push(document);
        } else {
            let share = (left as f64 + 0.5) / length as f64; // no rounding may lose a character
            let (before, after) = split_by_characters(&document, share);
            learned.extend((!before.is_empty()).then(|| before.to_owned()));
            kept_back.push(after.to_owned());
            left = 0;
        }
    }
    (learned, kept_back)
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedding::bpe::BytePairEncoder;
    use embedding::bpe::END_OF_TEXT;
    use model::format::tokenizer::Tokenizer;

    fn written(bytes: &[u8]) -> Result<String> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("text.txt");
        fs::write(&file, bytes)?;
        let text = read_text(&file);
        text.map_err(|error| anyhow::anyhow!("{error:#}").context("cannot read"))
    }

    fn gpt2() -> TextEncoder {
        TextEncoder::new(Tokenizer::default(), None).expect("GPT-2's")
    }

    #[test]
    fn the_last_tenth_of_a_file_is_kept_back_counted_in_characters() {
        for length in [1_usize, 5, 10, 49, 1003] {
            let learned = (length as f64 * LEARNED) as usize;
            let (before, after) = split(vec!["é".repeat(length)]);
            assert_eq!(before.concat(), "é".repeat(learned));
            assert_eq!(after, ["é".repeat(length - learned)]);
        }
    }

    #[test]
    fn of_a_file_of_documents_the_last_are_kept_back_and_one_is_cut() {
        let documents =
            vec!["a".repeat(6), "b".repeat(8), "c".repeat(4), "d".to_owned(), "e".to_owned()];
        let (learned, kept_back) = split(documents.clone()); // 18 of 20
        assert_eq!(learned, documents[..3]);
        assert_eq!(kept_back, ["d", "e"]);
        let (learned, kept_back) = split(vec!["aaaaa".to_owned(), "bbbbb".to_owned()]);
        assert_eq!(
            (learned, kept_back),
            (vec!["aaaaa".to_owned(), "bbbb".to_owned()], vec!["b".to_owned()])
        );
    }

    #[test]
    fn marks_between_documents_become_the_end_of_text() {
        let text = format!("One.\n{MARK}\nTwo,\n\nthree. {MARK}{MARK}\nFour.\n{MARK}\n");
        let tales = documents(&text);
        assert_eq!(tales, ["One.", "Two,\n\nthree. ", "Four."]);
        let ids = encode(&tales, &gpt2());
        assert_eq!(ids.iter().filter(|&&id| id == END_OF_TEXT).count(), 2);
    }

    #[test]
    fn a_folder_gives_its_text_files_whatever_the_case_of_their_ending() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.TXT", "a.txt", "notes.md", ".hidden"] {
            fs::write(folder.path().join(name), "text").expect("written");
        }
        fs::create_dir(folder.path().join("more.txt")).expect("a folder");
        let names: Vec<PathBuf> = text_files(folder.path()).expect("files");
        assert_eq!(names, ["a.txt", "b.TXT"].map(|name| folder.path().join(name)));
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
        let ids = encode(&["a".to_owned(), "b".to_owned()], &gpt2());
        assert_eq!(ids, [64, END_OF_TEXT, 65]);
    }

    #[test]
    fn one_huge_line_is_encoded_in_a_moment() {
        let line = "x".repeat(1 << 20);
        assert_eq!(
            BytePairEncoder::gpt2()
                .decode(&encode(std::slice::from_ref(&line), &gpt2()))
                .expect("text"),
            line
        );
    }
}
