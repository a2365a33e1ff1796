//! What a task looks like to the model (chapter 5.2).

use anyhow::{Context, Result, anyhow, ensure};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor},
};
use serde_json::{error::Category, value::RawValue};
use std::{collections::BTreeMap, fmt, path::Path};

/// The instructions written for this project, with the kind of each.
pub const EMBEDDED: &str = include_str!("../../../data/instructions.json");

/// The largest instruction file that is read.
const MOST_BYTES: u64 = 1 << 30;

/// A task and its answer, in the format of Stanford's Alpaca.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What is to be done.
    pub instruction: String,
    /// What it is to be done with; often empty.
    #[serde(default)]
    pub input: String,
    /// The expected answer.
    pub output: String,
    /// The kind of task, where the data knows it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
}

/// Reads a list of entries.
///
/// # Errors
/// If the text is not a JSON list, if it is empty, or if an entry lacks its instruction or its output, which is named by its
/// number, counted from 0.
pub fn parse(text: &str) -> Result<Vec<Entry>> {
    let text = text.trim_start_matches('\u{feff}');
    ensure!(!text.trim().is_empty(), "it is empty");
    let mut json = serde_json::Deserializer::from_str(text);
    let entries = json.deserialize_seq(List).and_then(|entries| json.end().map(|()| entries));
    let entries = entries.map_err(|error| match error.classify() {
        Category::Data => anyhow!("it is not a JSON list of entries"),
        _ => anyhow!(error).context("it is not JSON"),
    })??;
    ensure!(!entries.is_empty(), "it has no entry");
    Ok(entries)
}

/// Takes one entry after another out of a list, so that a large file is never held as a tree, which takes ten times its size.
struct List;

impl<'de> Visitor<'de> for List {
    type Value = Result<Vec<Entry>>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a JSON list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut entries = Ok(Vec::new());
        while let Some(json) = list.next_element::<&RawValue>()? {
            entries = entries.and_then(|mut entries: Vec<Entry>| {
                entries.push(read_entry(entries.len(), json.get())?);
                Ok(entries)
            });
        }
        Ok(entries)
    }
}

/// An entry as it stands in a file; `null` counts as absent.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    instruction: Option<&'a RawValue>,
    input: Option<&'a RawValue>,
    output: Option<&'a RawValue>,
    kind: Option<&'a RawValue>,
}

fn read_entry(number: usize, json: &str) -> Result<Entry> {
    ensure!(json.starts_with('{'), "entry {number} is not a JSON object");
    let fields: Fields = serde_json::from_str(json)
        .map_err(|_| anyhow!("entry {number} has a key twice, or one that is not a text"))?;
    let text = |key: &str, value: Option<&RawValue>| -> Result<Option<String>> {
        let text = value.map(|value| serde_json::from_str(value.get())).transpose();
        text.map_err(|_| anyhow!("the {key} of entry {number} is not a text"))
    };
    let needed =
        |key, value| text(key, value)?.with_context(|| format!("entry {number} has no {key}"));
    let instruction = needed("instruction", fields.instruction)?;
    ensure!(!instruction.trim().is_empty(), "the instruction of entry {number} is empty");
    Ok(Entry {
        instruction,
        input: text("input", fields.input)?.unwrap_or_default(),
        output: needed("output", fields.output)?,
        kind: text("kind", fields.kind)?.unwrap_or_default(),
    })
}

/// Reads a file of entries.
///
/// # Errors
/// If the file cannot be read, is larger than a gibibyte, or as [`parse`] complains.
pub fn load(path: &Path) -> Result<Vec<Entry>> {
    let name = path.display();
    let bytes = std::fs::metadata(path).with_context(|| format!("cannot read {name}"))?.len();
    ensure!(
        bytes <= MOST_BYTES,
        "{name} has {bytes} bytes; instruction files of more than {MOST_BYTES} are not read"
    );
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read {name} as UTF-8 text"))?;
    parse(&text).with_context(|| format!("{name} is no file of instructions"))
}

impl Entry {
    /// What the model reads before it answers, up to and with the line `### Response:`.
    ///
    /// # Differs
    /// The preamble is the same with and without an input, as in the article; Stanford's mentions the input where there is one.
    /// The article leaves out `### Response:` when it asks for an answer; here it stands, since it stood in training.
    ///
    /// # Source
    /// Taori et al. 2023, "Stanford Alpaca", `PROMPT_DICT` in `train.py` of that repository.
    pub fn prompt(&self) -> String {
        let mut prompt = format!(
            "Below is an instruction that describes a task. Write a response that appropriately completes the request.\
             \n\n### Instruction:\n{}",
            self.instruction
        );
        if !self.input.is_empty() {
            prompt += "\n\n### Input:\n";
            prompt += &self.input;
        }
        prompt + "\n\n### Response:\n"
    }
}

/// Entries for learning, for asking afterwards, and for measuring on the way.
#[derive(Debug, Clone, Default)]
pub struct Split {
    /// What the model learns from.
    pub training: Vec<Entry>,
    /// What it is asked afterwards.
    pub test: Vec<Entry>,
    /// What its loss is measured on while it learns.
    pub validation: Vec<Entry>,
}

/// Cuts the entries into 80, 10 and 10 percent in the order training, test, validation, as the article does.
///
/// # Errors
/// If there are fewer than ten entries, so that a part would be empty.
pub fn split_in_order(entries: &[Entry]) -> Result<Split> {
    ensure!(
        entries.len() >= 10,
        "{} entries cannot be split into three parts; give at least 10",
        entries.len()
    );
    let (training, test) = (entries.len() * 8 / 10, entries.len() / 10);
    Ok(Split {
        training: entries[..training].to_vec(),
        test: entries[training..training + test].to_vec(),
        validation: entries[training + test..].to_vec(),
    })
}

/// How often each kind occurs, by name.
pub fn kinds(entries: &[Entry]) -> BTreeMap<&str, usize> {
    let mut kinds = BTreeMap::new();
    for entry in entries {
        *kinds.entry(entry.kind.as_str()).or_insert(0) += 1;
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_instructions_can_be_read() {
        let entries = parse(EMBEDDED).expect("our own file");
        assert!(entries.len() >= 1000, "{} entries", entries.len());
        assert!(kinds(&entries).len() >= 8);
    }

    #[test]
    fn a_faulty_file_is_refused_with_the_number_of_the_entry() {
        let refused = |text: &str| format!("{:#}", parse(text).expect_err("a faulty file"));
        assert!(refused("<html>").starts_with("it is not JSON"));
        assert_eq!(refused("{}"), "it is not a JSON list of entries");
        assert_eq!(refused("[]"), "it has no entry");
        let good = r#"{"instruction": "a", "output": "b"}"#;
        assert_eq!(
            refused(&format!(r#"[{good}, {{"instruction": "a"}}]"#)),
            "entry 1 has no output"
        );
        assert_eq!(refused(&format!("[{good}, {good}, 7, {{}}]")), "entry 2 is not a JSON object");
        assert_eq!(refused(r#"[["a", "b", "c", "d"]]"#), "entry 0 is not a JSON object");
        assert_eq!(
            refused(r#"[{"instruction": 1, "output": ""}]"#),
            "the instruction of entry 0 is not a text"
        );
        assert_eq!(
            refused(r#"[{"instruction": "a", "output": "b", "input": []}]"#),
            "the input of entry 0 is not a text"
        );
        assert_eq!(
            refused(r#"[{"instruction": "\ud800", "output": ""}]"#),
            "the instruction of entry 0 is not a text"
        );
        assert_eq!(
            refused(r#"[{"instruction": " ", "output": "b"}]"#),
            "the instruction of entry 0 is empty"
        );
        assert!(
            refused(r#"[{"instruction": "a", "instruction": "b"}]"#)
                .starts_with("entry 0 has a key twice")
        );
        assert_eq!([refused(""), refused("\u{feff} \n")], ["it is empty"; 2]);
        assert!(refused(&format!("[{{}}, {good}")).starts_with("it is not JSON: EOF"));
        assert!(
            refused(&format!("[{good}] [{good}]"))
                .starts_with("it is not JSON: trailing characters")
        );
    }

    #[test]
    fn null_is_an_absent_input_and_other_keys_are_passed_over() {
        let text =
            r#"[{"instruction": "a", "input": null, "output": "b", "text": [{"deep": null}]}]"#;
        let expected = Entry { instruction: "a".into(), output: "b".into(), ..Entry::default() };
        assert_eq!(parse(text).expect("an entry"), [expected]);
    }

    #[test]
    fn thousand_entries_are_cut_as_in_the_article() {
        let entry = Entry {
            instruction: "a".into(),
            input: String::new(),
            output: "b".into(),
            kind: String::new(),
        };
        let split = split_in_order(&vec![entry; 1000]).expect("enough entries");
        assert_eq!(
            [split.training.len(), split.test.len(), split.validation.len()],
            [800, 100, 100]
        );
    }
}
