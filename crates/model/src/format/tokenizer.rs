//! Which tokenizer a model was trained with: this program has GPT-2's, and with another one each id means another word.

use super::{
    tokenizer_files,
    tokenizer_kind::{ONLY, check_class, check_other_files, read, there},
};
use anyhow::{Context, Result, bail, ensure};
use embedding::bpe::{BytePairEncoder, END_OF_TEXT};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// What a folder says of its tokenizer beyond GPT-2's.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tokenizer {
    /// Tokens that were added behind GPT-2's, by id.
    pub added: BTreeMap<i64, String>,
    /// The token that ends a text, where it is not GPT-2's.
    pub own_end: Option<String>,
    /// Whether a space is put before each text.
    pub prefix_space: bool,
}

/// Reads what stands beside the weights about the tokenizer; nothing means GPT-2's.
///
/// # Errors
/// If the model was made for another tokenizer, or a file cannot be read.
pub fn check(folder: &Path, vocab_size: i64) -> Result<Tokenizer> {
    let config = read(folder, "tokenizer_config.json")?;
    check_class(folder, config.as_ref())?;
    let mut tokenizer = Tokenizer::default();
    let vocabularies = tokenizer.check_vocabularies(folder)?;
    if !vocabularies {
        check_other_files(folder)?;
    }
    let known = BytePairEncoder::gpt2().vocab_size() as i64;
    ensure!(
        vocab_size >= known,
        "vocab_size is {vocab_size}, but GPT-2's tokenizer has {known} entries: the model was made for another one, and {ONLY}"
    );
    if let Some(config) = &config {
        for (id, token) in config["added_tokens_decoder"].as_object().into_iter().flatten() {
            if let (Ok(id), Some(token)) = (id.parse(), text_of(token)) {
                tokenizer.add(id, token, "tokenizer_config.json")?;
            }
        }
        tokenizer.prefix_space |= config["add_prefix_space"] == true;
    }
    let special = read(folder, "special_tokens_map.json")?;
    let ends = [&config, &special].map(|json| text_of(&json.as_ref()?["eos_token"]));
    let end = ends.into_iter().flatten().next();
    tokenizer.own_end = end.filter(|&end| end != "<|endoftext|>").map(str::to_owned);
    Ok(tokenizer)
}

impl Tokenizer {
    /// The id that ends a text: that of the folder's own `eos_token`, GPT-2's where it says nothing.
    pub fn end_of_text(&self) -> i64 {
        let own = self.own_end.as_ref();
        own.and_then(|end| self.added.iter().find(|(_, token)| *token == end))
            .map_or(END_OF_TEXT, |(&id, _)| id)
    }

    /// What is done otherwise than by the model's own tokenizer: a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.added.is_empty() {
            let named: Vec<&str> = self.added.values().take(4).map(String::as_str).collect();
            let more = if self.added.len() > 4 { ", …" } else { "" };
            remarks.push(format!(
                "{} tokens were added to its tokenizer ({}{more}); they are never written, and read as plain text",
                self.added.len(),
                named.join(", ")
            ));
        }
        if let Some(end) = &self.own_end {
            remarks.push(format!(
                "its texts end with {end}, which is not GPT-2's end; what it writes ends at --max-new-tokens or a --stop text"
            ));
        }
        if self.prefix_space {
            remarks.push(
                "its tokenizer puts a space before each text, which this program does not"
                    .to_owned(),
            );
        }
        remarks
    }

    /// Compares every vocabulary and list of merges in the folder with GPT-2's; whether there is a vocabulary.
    fn check_vocabularies(&mut self, folder: &Path) -> Result<bool> {
        let mut found = false;
        for name in ["vocab.json", "encoder.json"] {
            if let Some(vocabulary) = read(folder, name)? {
                self.check_vocabulary(&vocabulary, name)?;
                found = true;
            }
        }
        for name in ["merges.txt", "vocab.bpe"] {
            if let Some(path) = there(folder, name) {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let merges = text.lines().filter(|line| !line.starts_with("#version"));
                check_merges(merges.filter(|line| !line.is_empty()), name)?;
            }
        }
        if let Some(json) = read(folder, "tokenizer.json")? {
            self.check_tokenizer_json(&json)?;
            found = true;
        }
        if let Some(added) = read(folder, "added_tokens.json")? {
            for (token, id) in added.as_object().into_iter().flatten() {
                if let Some(id) = id.as_i64() {
                    self.add(id, token, "added_tokens.json")?;
                }
            }
        }
        Ok(found)
    }

    /// The file of the library `tokenizers`, which holds everything.
    fn check_tokenizer_json(&mut self, json: &Value) -> Result<()> {
        const NAME: &str = "tokenizer.json";
        let model = &json["model"];
        let kind = model["type"].as_str().unwrap_or("BPE"); // absent in files of the first years
        ensure!(kind == "BPE", "{NAME} describes a tokenizer of the kind {kind}; {ONLY}");
        self.check_vocabulary(&model["vocab"], NAME)?;
        let merges: Vec<String> = model["merges"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|merge| match merge.as_array() {
                Some(pair) => pair.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
                None => merge.as_str().unwrap_or_default().to_owned(),
            })
            .collect();
        check_merges(merges.iter().map(String::as_str), NAME)?;
        if let Some(normalizer) = json["normalizer"]["type"].as_str() {
            bail!("{NAME} changes a text before it splits it ({normalizer}); {ONLY}");
        }
        let split = &json["pre_tokenizer"];
        ensure!(
            split.is_null() || (split["type"] == "ByteLevel" && split["use_regex"] != false),
            "{NAME} splits a text otherwise than GPT-2 ({}); {ONLY}",
            split["type"].as_str().unwrap_or("unknown")
        );
        self.prefix_space |= split["add_prefix_space"] == true;
        for token in json["added_tokens"].as_array().into_iter().flatten() {
            if let (Some(id), Some(token)) = (token["id"].as_i64(), text_of(token)) {
                self.add(id, token, NAME)?;
            }
        }
        Ok(())
    }

    fn check_vocabulary(&mut self, vocabulary: &Value, name: &str) -> Result<()> {
        let known = BytePairEncoder::gpt2().vocab_size();
        let entries =
            vocabulary.as_object().with_context(|| format!("{name} holds no vocabulary"))?;
        let of_gpt2 = entries.values().filter(|id| id.as_u64() < Some(known as u64)).count();
        // The end of the text may stand among the added tokens instead.
        ensure!(
            of_gpt2 + 1 >= known,
            "{name} has {} entries, not GPT-2's {known}; {ONLY}",
            entries.len()
        );
        for (token, id) in entries {
            let id = id.as_i64().with_context(|| format!("{name} gives {token} no id"))?;
            self.add(id, token, name)?;
        }
        Ok(())
    }

    /// Notes a token: one of GPT-2's must be what it is there.
    fn add(&mut self, id: i64, token: &str, name: &str) -> Result<()> {
        let ours = tokenizer_files::printable_pieces();
        match usize::try_from(id).ok().and_then(|id| ours.get(id)) {
            Some(piece) => ensure!(
                piece == token,
                "{name} has another vocabulary than GPT-2's: id {id} is {token:?} there, not {piece:?}; {ONLY}"
            ),
            None => drop(self.added.insert(id, token.to_owned())),
        }
        Ok(())
    }
}

fn check_merges<'a>(merges: impl Iterator<Item = &'a str>, name: &str) -> Result<()> {
    let ours = tokenizer_files::printable_merges();
    let mut count = 0;
    for merge in merges {
        ensure!(
            ours.get(count).is_some_and(|ours| ours == merge),
            "{name} merges {merge:?} at place {}, which GPT-2's tokenizer does not; {ONLY}",
            count + 1
        );
        count += 1;
    }
    ensure!(count == ours.len(), "{name} has {count} merges, not GPT-2's {}; {ONLY}", ours.len());
    Ok(())
}

/// A token, which stands by itself or as an object with its `content`.
fn text_of(token: &Value) -> Option<&str> {
    token.as_str().or_else(|| token["content"].as_str())
}
