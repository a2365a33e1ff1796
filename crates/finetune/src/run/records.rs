//! How a file of tasks or answers is read (chapter 5.2): one reader for all commands and for all common forms, namely a JSON list, a
//! list within an object such as `{"data": […]}`, and one object a line (JSONL).

use crate::{
    instructions::Entry,
    run::{
        fields::{CONVERSATIONS, Fields, RESPONSE},
        no_json::no_json,
    },
};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::{
    Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::{error::Category, value::RawValue};
use std::{collections::BTreeSet, fmt, path::Path};
use train::run::{terminal::say, text_file};

/// The largest file that is read.
const MOST_BYTES: u64 = 1 << 30;

/// An entry with everything that its file says of it.
#[derive(Debug, Clone)]
pub struct Record {
    /// What is asked, and what is expected; nothing where the file expects nothing.
    pub entry: Entry,
    /// What a model has answered, if the file knows.
    pub model_response: Option<String>,
    /// All keys, those too that mean nothing here.
    pub fields: Fields,
}

/// Reads a file of tasks or answers, with or without expected outputs.
///
/// # Errors
/// If the file cannot be read, is larger than a gibibyte, or holds no entries; the message names the place.
pub fn load(path: &Path) -> Result<Vec<Record>> {
    parse(&read_text(path)?, Record::read)
        .with_context(|| format!("{} is no file of instructions", path.display()))
}

/// Reads entry after entry, so that a large file is never held as a tree, which takes ten times its size.
///
/// # Errors
/// If the text is no JSON of a known form, if it is empty, or what `read` complains of first.
pub fn parse<T>(text: &str, read: impl Fn(usize, Fields) -> Result<T>) -> Result<Vec<T>> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    ensure!(!text.is_empty(), "it is empty");
    let (mut items, mut unread) = (Ok(Vec::new()), BTreeSet::new());
    let mut take = |json: &RawValue| {
        if let Ok(read_so_far) = &mut items {
            let number = read_so_far.len();
            let fields = fields(number, json);
            unread.extend(fields.iter().flat_map(Fields::other_names));
            match fields.and_then(|fields| read(number, fields)) {
                Ok(item) => read_so_far.push(item),
                Err(error) => items = Err(error), // told once the rest has turned out to be JSON
            }
        }
    };
    if text.starts_with('{') { objects(text, &mut take) } else { list(text, &mut take) }?;
    let items = items?;
    ensure!(!items.is_empty(), "it has no entry");
    if !unread.is_empty() {
        let names: Vec<&str> = unread.into_iter().collect();
        say(&format!(
            "note            {} in the file is not read, only instruction, input and output",
            names.join(", ")
        ));
    }
    Ok(items)
}

fn list(text: &str, take: &mut dyn FnMut(&RawValue)) -> Result<()> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_seq(Items(take)).and_then(|()| json.end());
    read.map_err(|error| match error.classify() {
        Category::Data => anyhow!("it is not a JSON list of entries"),
        _ => no_json(text, &error),
    })
}

/// One object after another, or a single one that holds the list.
fn objects(text: &str, take: &mut dyn FnMut(&RawValue)) -> Result<()> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut first = true;
    while let Some(json) = stream.next() {
        let json = json.map_err(|error| no_json(text, &error))?;
        if first
            && text[stream.byte_offset()..].trim().is_empty()
            && let Some(wrapped) = wrapped(json)?
        {
            return list(wrapped.get(), take);
        }
        first = false;
        take(json);
    }
    Ok(())
}

/// The list in an object that is no entry itself.
fn wrapped(json: &RawValue) -> Result<Option<Box<RawValue>>> {
    let Fields(fields) = fields(0, json)?;
    let known = |(key, _): &(String, _)| key == "instruction" || CONVERSATIONS.contains(&&key[..]);
    if fields.iter().any(known) {
        return Ok(None);
    }
    let mut lists: Vec<_> =
        fields.into_iter().filter(|(_, value)| value.get().starts_with('[')).collect();
    if lists.len() > 1 {
        let names: Vec<String> = lists.into_iter().map(|(key, _)| key).collect();
        bail!("it holds {} lists ({}); keep one of them", names.len(), names.join(", "));
    }
    Ok(lists.pop().map(|(_, list)| list))
}

fn fields(number: usize, json: &RawValue) -> Result<Fields> {
    ensure!(json.get().starts_with('{'), "entry {number} is not a JSON object");
    let fields: Fields = serde_json::from_str(json.get())
        .map_err(|error| anyhow!("entry {number} cannot be understood: {error}"))?;
    for key in ["instruction", "input", "output", "kind", RESPONSE] {
        let times = fields.0.iter().filter(|(name, _)| name == key).count();
        ensure!(times < 2, "entry {number} has the key {key} twice");
    }
    Ok(fields)
}

impl Record {
    /// An entry as it would be in a file.
    ///
    /// # Errors
    /// Never in practice: texts can be written as JSON.
    pub fn of(entry: &Entry) -> Result<Self> {
        let fields = serde_json::from_str(&serde_json::to_string(entry)?)?;
        Ok(Self { entry: entry.clone(), model_response: None, fields })
    }

    /// An entry of which only the instruction must be there.
    ///
    /// # Errors
    /// If it is not, or if a key holds something other than a text or a number.
    pub fn read(number: usize, fields: Fields) -> Result<Self> {
        let text = |key| fields.text(number, key);
        let instruction = text("instruction")?.ok_or_else(|| fields.without_instruction(number))?;
        ensure!(!instruction.trim().is_empty(), "the instruction of entry {number} is empty");
        let entry = Entry {
            instruction,
            input: text("input")?.unwrap_or_default(),
            output: text("output")?.unwrap_or_default(),
            kind: text("kind")?.unwrap_or_default(),
        };
        Ok(Self { entry, model_response: text(RESPONSE)?, fields })
    }
}

/// Takes one entry after another out of a list.
struct Items<'a>(&'a mut dyn FnMut(&RawValue));

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a JSON list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(json) = list.next_element::<&RawValue>()? {
            (self.0)(json);
        }
        Ok(())
    }
}

/// The text of a file of at most a gibibyte.
///
/// # Errors
/// If the file cannot be read, is larger, or is no text.
pub fn read_text(path: &Path) -> Result<String> {
    text_file::read(path, MOST_BYTES)
}
