//! The vocabulary that the files of a folder describe together: checked entry by entry, since an id that means something other than it
//! did in training is never noticed later.

use super::{
    tokenizer_files::{byte_of, to_printable},
    tokenizer_kind::{ONLY, read, there},
};
use anyhow::{Context, Result, bail, ensure};
use embedding::bpe::{BytePairEncoder, END_MARK};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const LIBRARY: &str = "tokenizer.json";

/// What the files say.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    /// Every token by its id.
    pub tokens: BTreeMap<i64, String>,
    /// Tokens that stand for themselves and that no characters produce.
    pub special: BTreeSet<String>,
    /// The token that ends a text, where the files name it.
    pub end: Option<String>,
    /// The merges in their order, each as its two parts with a space between them.
    pub merges: Option<Vec<String>>,
    /// The first file that holds a vocabulary; none where the files only add to GPT-2's.
    pub file: Option<&'static str>,
    /// Whether a space is put before each text.
    pub prefix_space: bool,
    /// Whether the token that begins a text is.
    pub begins_texts: bool,
}

impl Vocabulary {
    /// Gathers what the files of a folder say, whose settings are `config`.
    ///
    /// # Errors
    /// If a file cannot be read, describes another kind of tokenizer, or contradicts another one.
    pub fn gather(folder: &Path, config: Option<&Value>) -> Result<Self> {
        let mut found = Self::default();
        let special = read(folder, "special_tokens_map.json")?;
        for json in [config, special.as_ref()].into_iter().flatten() {
            found.end = found.end.or_else(|| text_of(&json["eos_token"]).map(str::to_owned));
            for role in ["eos_token", "bos_token", "unk_token", "pad_token"] {
                found.special.extend(text_of(&json[role]).map(str::to_owned));
            }
        }
        found.special.insert(END_MARK.to_owned());
        for name in ["vocab.json", "encoder.json"] {
            if let Some(vocabulary) = read(folder, name)? {
                found.add_all(&vocabulary, name)?;
                found.file.get_or_insert(name);
            }
        }
        found.take_merges(folder)?;
        if let Some(json) = read(folder, LIBRARY)? {
            found.take_library_file(&json)?;
        }
        if let Some(added) = read(folder, "added_tokens.json")? {
            for (token, id) in added.as_object().into_iter().flatten() {
                found.add_special(id.as_i64(), token, "added_tokens.json")?;
            }
        }
        if let Some(config) = config {
            for (id, token) in config["added_tokens_decoder"].as_object().into_iter().flatten() {
                if let Some(token) = text_of(token) {
                    found.add_special(id.parse().ok(), token, "tokenizer_config.json")?;
                }
            }
            found.prefix_space |= config["add_prefix_space"] == true;
            found.begins_texts |= config["add_bos_token"] == true;
        }
        Ok(found)
    }

    fn take_merges(&mut self, folder: &Path) -> Result<()> {
        for name in ["merges.txt", "vocab.bpe"] {
            if let Some(path) = there(folder, name) {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let lines = text.lines().filter(|line| !line.starts_with("#version"));
                let merges = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
                self.set_merges(merges, name)?;
            }
        }
        Ok(())
    }

    /// The file of the library `tokenizers`, which holds everything.
    fn take_library_file(&mut self, json: &Value) -> Result<()> {
        let model = &json["model"];
        let kind = model["type"].as_str().unwrap_or("BPE"); // absent in files of the first years
        ensure!(kind == "BPE", "{LIBRARY} describes a tokenizer of the kind {kind}; {ONLY}");
        if let Some(normalizer) = json["normalizer"]["type"].as_str() {
            bail!("{LIBRARY} changes a text before it splits it ({normalizer}); {ONLY}");
        }
        let split = &json["pre_tokenizer"];
        ensure!(
            split.is_null() || (split["type"] == "ByteLevel" && split["use_regex"] != false),
            "{LIBRARY} splits a text otherwise than GPT-2 ({}); {ONLY}",
            split["type"].as_str().unwrap_or("unknown")
        );
        self.prefix_space |= split["add_prefix_space"] == true;
        self.begins_texts |= json["post_processor"]["type"] == "TemplateProcessing";
        for token in json["added_tokens"].as_array().into_iter().flatten() {
            if let Some(text) = text_of(token) {
                self.add_special(token["id"].as_i64(), text, LIBRARY)?;
            }
        }
        self.add_all(&model["vocab"], LIBRARY)?;
        let merges = model["merges"].as_array().into_iter().flatten();
        let joined = |merge: &Value| match merge.as_array() {
            Some(pair) => pair.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            None => merge.as_str().unwrap_or_default().to_owned(),
        };
        self.set_merges(merges.map(joined).collect(), LIBRARY)?;
        self.file.get_or_insert(LIBRARY);
        Ok(())
    }

    fn add_all(&mut self, vocabulary: &Value, name: &str) -> Result<()> {
        let entries =
            vocabulary.as_object().with_context(|| format!("{name} holds no vocabulary"))?;
        for (token, id) in entries {
            let id = id.as_i64().with_context(|| format!("{name} gives {token} no id"))?;
            self.add(id, token, name)?;
        }
        Ok(())
    }

    fn add_special(&mut self, id: Option<i64>, token: &str, name: &str) -> Result<()> {
        self.special.insert(token.to_owned());
        id.map_or(Ok(()), |id| self.add(id, token, name))
    }

    /// Notes that a token has this id.
    fn add(&mut self, id: i64, token: &str, name: &str) -> Result<()> {
        let there = self.tokens.entry(id).or_insert_with(|| token.to_owned());
        ensure!(there == token, "{name} gives the id {id} to {token:?}, but {there:?} has it");
        Ok(())
    }

    fn set_merges(&mut self, merges: Vec<String>, name: &str) -> Result<()> {
        ensure!(
            self.merges.as_ref().is_none_or(|there| *there == merges),
            "{name} has other merges than another file beside it"
        );
        self.merges = Some(merges);
        Ok(())
    }

    /// The encoder that the files describe.
    ///
    /// # Errors
    /// If ids are missing or doubled, a token or a byte is not what a byte-level tokenizer has, or the merges are not in the order of
    /// their ids.
    pub fn encoder(&self) -> Result<BytePairEncoder> {
        let end = self.end.as_deref().unwrap_or(END_MARK);
        let mut pieces = Vec::new();
        let (mut special, mut end_of_text) = (Vec::new(), None);
        for (place, (&id, token)) in self.tokens.iter().enumerate() {
            ensure!(id == place as i64, "no token has the id {place}");
            if self.special.contains(token) {
                special.push(id);
                pieces.push(token.as_bytes().to_vec());
            } else {
                pieces.push(bytes_of(token)?);
            }
            if token == end {
                end_of_text = Some(id);
            }
        }
        check_pieces(&pieces)?;
        let encoder = BytePairEncoder::from_pieces(pieces, &special, end_of_text);
        self.check_merges(&encoder)?;
        Ok(encoder)
    }

    /// The rank of a merge is the id of what it makes: so the encoder sees it, and so training numbers them.
    fn check_merges(&self, encoder: &BytePairEncoder) -> Result<()> {
        let merges = self.merges.as_deref().context("the merges are missing")?;
        let expected = encoder.merges();
        for (place, (left, right)) in expected.iter().enumerate() {
            let ours = format!("{} {}", to_printable(left), to_printable(right));
            let theirs = merges.get(place).map_or("missing", String::as_str);
            ensure!(
                theirs == ours,
                "merge {} is {theirs:?}, but by the ids of the tokens it must be {ours:?}",
                place + 1
            );
        }
        let (theirs, ours) = (merges.len(), expected.len());
        ensure!(theirs == ours, "there are {theirs} merges, but {ours} tokens that are joined");
        Ok(())
    }
}

/// Every byte must have a token of its own, and no token two ids.
fn check_pieces(pieces: &[Vec<u8>]) -> Result<()> {
    let different: BTreeSet<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    ensure!(different.len() == pieces.len(), "a token has two ids");
    for byte in 0..=u8::MAX {
        ensure!(
            different.contains(&[byte][..]),
            "no token is the byte {byte} alone, so that not every text can be encoded"
        );
    }
    Ok(())
}

/// A token, which stands by itself or as an object with its `content`.
fn text_of(token: &Value) -> Option<&str> {
    token.as_str().or_else(|| token["content"].as_str())
}

/// The bytes that the printable characters of a token stand for.
fn bytes_of(token: &str) -> Result<Vec<u8>> {
    let byte = |character| {
        byte_of(character).with_context(|| {
            format!("the token {token:?} holds {character:?}, which stands for no byte")
        })
    };
    token.chars().map(byte).collect()
}
