//! An entry as it is in its file (chapter 5.2), with what other programs keep in it.

use anyhow::{Result, anyhow, bail};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// Keys under which other programs keep whole conversations.
pub const CONVERSATIONS: [&str; 3] = ["conversations", "conversation", "messages"];
/// Keys under which other programs keep what is the instruction, the input or the output here.
const OTHER_NAMES: [&str; 6] =
    ["prompt", "completion", "question", "answer", "context", "response"];
/// The key of a model's answer.
pub const RESPONSE: &str = "model_response";

/// A JSON object as it is in a file: its keys in their order, each value letter for letter.
#[derive(Debug, Clone)]
pub struct Fields(pub Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The text under a key; a number is its digits, `null` counts as absent.
    ///
    /// # Errors
    /// If something else is there.
    pub fn text(&self, number: usize, key: &str) -> Result<Option<String>> {
        let Some((_, value)) = self.0.iter().find(|(name, _)| name == key) else {
            return Ok(None);
        };
        let what = match value.get().as_bytes().first() {
            Some(b'"') => {
                let text = serde_json::from_str(value.get());
                return Ok(Some(text.map_err(|_| {
                    anyhow!("the {key} of entry {number} holds half a character (a lone surrogate such as \\ud83d); cut texts between characters")
                })?));
            }
            Some(b'-' | b'0'..=b'9') => return Ok(Some(value.get().to_owned())),
            Some(b'n') => return Ok(None),
            Some(b'[') => "a list",
            Some(b'{') => "an object",
            _ => "true or false",
        };
        bail!("the {key} of entry {number} is not a text but {what}")
    }

    /// The same object with the model's answer in it, in the place of an earlier one.
    ///
    /// # Errors
    /// Never in practice: a text can be written as JSON.
    pub fn with_response(&self, response: &str) -> Result<Self> {
        let mut fields = self.clone();
        let value = RawValue::from_string(serde_json::to_string(response)?)?;
        match fields.0.iter_mut().find(|(key, _)| key == RESPONSE) {
            Some((_, old)) => *old = value,
            None => fields.0.push((RESPONSE.to_owned(), value)),
        }
        Ok(fields)
    }

    /// Keys of these fields that look like a part of a task and are not read.
    pub fn other_names(&self) -> impl Iterator<Item = &'static str> {
        OTHER_NAMES.into_iter().filter(|name| self.0.iter().any(|(key, _)| key == name))
    }

    /// What is said where there is no instruction.
    pub fn without_instruction(&self, number: usize) -> anyhow::Error {
        let keys: Vec<&str> = self.0.iter().map(|(key, _)| key.as_str()).collect();
        match keys.iter().find(|key| CONVERSATIONS.contains(key)) {
            Some(key) => anyhow!(
                "entry {number} has no instruction but {key}; conversations (ShareGPT, chat messages) are not read, only instruction, \
                 input and output"
            ),
            None => anyhow!("entry {number} has no instruction{}", self.keys()),
        }
    }

    /// What there is instead of a missing key.
    pub fn keys(&self) -> String {
        let keys: Vec<&str> = self.0.iter().take(8).map(|(key, _)| key.as_str()).collect();
        if keys.is_empty() { String::new() } else { format!("; its keys are {}", keys.join(", ")) }
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    fields.push(pair);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}
