//! Where tasks and answers come from (chapter 5.2): a dataset by its name, or a file.

use super::{
    embedded,
    fields::{Fields, RESPONSE},
    records::{self, Record},
};
use crate::{answers::Answered, instructions::Entry};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use xtask::datasets;

/// The name under which the embedded instructions go.
pub const EMBEDDED_NAME: &str = "embedded";

/// Reads instructions by the name of a dataset or of a file.
///
/// # Errors
/// If the name means nothing, the dataset cannot be fetched, or the file is faulty.
pub fn read(name: &str) -> Result<Vec<Entry>> {
    if name == EMBEDDED_NAME {
        return embedded::entries();
    }
    if Path::new(name).exists() {
        return load(Path::new(name));
    }
    let path = datasets::fetch(&xtask::project_root(), name)
        .with_context(|| format!("{name} is neither a file nor a dataset that could be had"))?;
    load(&path)
}

/// Reads entries whose answers are known: a JSON list, a list within an object, or one object a line.
///
/// # Errors
/// If the text has none of these forms, if it is empty, or if an entry lacks its instruction or its output, which is named by its
/// number, counted from 0.
pub fn parse(text: &str) -> Result<Vec<Entry>> {
    records::parse(text, |number, fields| {
        let keys = fields.keys();
        let has_output = fields.text(number, "output")?.is_some();
        let entry = Record::read(number, fields)?.entry;
        ensure!(has_output, "entry {number} has no output{keys}");
        Ok(entry)
    })
}

/// Reads a file of such entries.
///
/// # Errors
/// If the file cannot be read, is larger than a gibibyte, or as [`parse`] complains.
pub fn load(path: &Path) -> Result<Vec<Entry>> {
    parse(&records::read_text(path)?)
        .with_context(|| format!("{} is no file of instructions", path.display()))
}

/// Reads a file of answers.
///
/// # Errors
/// If the file is not there, or an entry has no answer.
pub fn load_answers(path: &Path) -> Result<Vec<Answered>> {
    let answered = |number, fields: Fields| {
        let Record { entry, model_response, .. } = Record::read(number, fields)?;
        let model_response = model_response
            .with_context(|| format!("entry {number} has no {RESPONSE}; `finetune respond FILE` and a whole run write such files"))?;
        Ok(Answered { entry, model_response })
    };
    records::parse(&records::read_text(path)?, answered)
        .with_context(|| format!("{} is no file of answers", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        format!("{:#}", parse(text).expect_err("a faulty file"))
    }

    #[test]
    fn a_faulty_file_is_refused_with_the_number_of_the_entry() {
        assert!(refused("<html>").starts_with("it is not JSON"));
        assert_eq!(refused("7"), "it is not a JSON list of entries");
        assert_eq!(refused("[]"), "it has no entry");
        let good = r#"{"instruction": "a", "output": "b"}"#;
        for (text, expected) in [
            (
                format!(r#"[{good}, {{"instruction": "a"}}]"#),
                "entry 1 has no output; its keys are instruction",
            ),
            (format!("[{good}, {good}, 7, {{}}]"), "entry 2 is not a JSON object"),
            (r#"[["a", "b", "c", "d"]]"#.to_owned(), "entry 0 is not a JSON object"),
            (
                r#"[{"instruction": true, "output": ""}]"#.to_owned(),
                "the instruction of entry 0 is not a text but true or false",
            ),
            (
                r#"[{"instruction": "a", "output": "b", "input": []}]"#.to_owned(),
                "the input of entry 0 is not a text but a list",
            ),
            (
                r#"[{"instruction": " ", "output": "b"}]"#.to_owned(),
                "the instruction of entry 0 is empty",
            ),
            (
                r#"[{"instruction": "a", "instruction": "b"}]"#.to_owned(),
                "entry 0 has the key instruction twice",
            ),
        ] {
            assert_eq!(refused(&text), expected);
        }
        assert_eq!([refused(""), refused("\u{feff} \n")], ["it is empty"; 2]);
        assert!(refused(&format!("[{{}}, {good}")).starts_with("it is not JSON: EOF"));
        let twice = refused(&format!("[{good}] [{good}]"));
        assert!(twice.starts_with("it is not JSON: trailing characters"), "{twice}");
    }

    #[test]
    fn lists_wrapped_lists_lines_and_numbers_are_read_alike() {
        let (a, b) =
            (r#"{"instruction": "a", "output": "1"}"#, r#"{"instruction": "b", "output": 2}"#);
        let expected = parse(&format!("[{a}, {b}]")).expect("a list");
        assert_eq!(expected[1].output, "2");
        for text in [
            format!("{a}\n{b}\n"),
            format!("\u{feff}{a}\r\n\r\n{b}"),
            format!(r#"{{"version": 1, "data": [{a}, {b}]}}"#),
            format!(r#"{{"instances": [{a}, {b}], "type": "text2text"}}"#),
        ] {
            assert_eq!(parse(&text).expect("the same entries"), expected, "{text}");
        }
        assert_eq!(parse(b).expect("one line").len(), 1);
    }

    #[test]
    fn what_other_programs_write_is_called_by_its_name() {
        let chat = r#"{"conversations": [{"from": "human", "value": "Hi."}]}"#;
        for (text, part) in [
            (format!("[{chat}]"), "entry 0 has no instruction but conversations"),
            (chat.to_owned(), "conversations (ShareGPT, chat messages) are not read"),
            (r#"{"messages": []}"#.to_owned(), "no instruction but messages"),
            (
                r#"{"prompt": "a", "completion": "b"}"#.to_owned(),
                "entry 0 has no instruction; its keys are prompt, completion",
            ),
            (r#"{"train": [], "test": []}"#.to_owned(), "it holds 2 lists (train, test)"),
            (
                r#"[{"instruction": "a", "input": NaN, "output": "b"}]"#.to_owned(),
                "line 1 column 32 (NaN and Infinity are no JSON; write null",
            ),
            (
                r#"[{"instruction": "a",}]"#.to_owned(),
                "line 1 column 22 (there is a comma before the closing brace)",
            ),
            ("[{'instruction': 'a'}]".to_owned(), "single quotes are Python's"),
            (format!("// tasks\n[{chat}]"), "JSON has no comments"),
            (
                "{\"instruction\": \"a\", \"output\": \"b\"},\n{}".to_owned(),
                "there is a comma after an object; one object a line takes none",
            ),
            ("instruction,output\na,b\n".to_owned(), "tables (CSV, TSV) are not read"),
            ("instruction\toutput\na\tb\n".to_owned(), "tables (CSV, TSV) are not read"),
            ("- instruction: a\n  output: b\n".to_owned(), "YAML is not read"),
            ("<!doctype html>".to_owned(), "it is a web page or XML"),
            (
                r#"[{"instruction": "\ud83d", "output": ""}]"#.to_owned(),
                "the instruction of entry 0 holds half a character",
            ),
        ] {
            let said = refused(&text);
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn utf_16_with_its_mark_is_read_and_bytes_of_no_text_are_refused_with_the_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tasks.json");
        let text = r#"[{"instruction": "Füge hinzu: 🎉", "output": "b"}]"#;
        for to_bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            let bytes = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(to_bytes);
            std::fs::write(&path, bytes.collect::<Vec<u8>>()).expect("a file");
            assert_eq!(load(&path).expect("UTF-16"), parse(text).expect("an entry"));
        }
        std::fs::write(&path, b"[{\"instruction\": \"f\xfcr\"}]").expect("a file");
        let said = load(&path).expect_err("Latin-1").to_string();
        assert!(said.ends_with("is not UTF-8 at byte 19; save it as UTF-8"), "{said}");
    }

    #[test]
    fn null_is_an_absent_input_and_other_keys_are_passed_over() {
        let text =
            r#"[{"instruction": "a", "input": null, "output": "b", "text": [{"deep": null}]}]"#;
        let expected = Entry { instruction: "a".into(), output: "b".into(), ..Entry::default() };
        assert_eq!(parse(text).expect("an entry"), [expected]);
    }
}
