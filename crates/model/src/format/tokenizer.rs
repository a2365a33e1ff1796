//! The tokenizer that a model was trained with: GPT-2's, or a byte-level one of its own in the same files.

use super::{
    tokenizer_files::{printable_merges, printable_pieces},
    tokenizer_kind::{ONLY, check_class, check_other_files, read},
    vocabulary::Vocabulary,
};
use anyhow::{Context, Result, ensure};
use embedding::bpe::{BytePairEncoder, END_MARK};
use std::{borrow::Cow, collections::BTreeMap, path::Path, sync::LazyLock};

/// A vocabulary of one's own may be padded by so many rows, as GPT-2's often is to a multiple of 64 or 128.
const PADDING: i64 = 1024;

/// How a model's ids become text.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    /// The tokens that are read and written.
    pub encoder: Cow<'static, BytePairEncoder>,
    /// Tokens that were added behind GPT-2's, by id.
    pub added: BTreeMap<i64, String>,
    /// The token that ends a text, where it is not one of the encoder's.
    pub own_end: Option<String>,
    /// Whether a space is put before each text.
    pub prefix_space: bool,
    /// Whether the token that begins a text is.
    pub begins_texts: bool,
}

/// Reads what is beside the weights about the tokenizer of a model with `vocab_size` entries; nothing means GPT-2's.
///
/// # Errors
/// If it is of another kind than GPT-2's, a file cannot be read or makes no sense, or it does not fit the model.
pub fn of(folder: &Path, vocab_size: i64) -> Result<Tokenizer> {
    let config = read(folder, "tokenizer_config.json")?;
    check_class(folder, config.as_ref())?;
    let found = Vocabulary::gather(folder, config.as_ref())?;
    if found.file.is_none() {
        check_other_files(folder)?;
    }
    let tokenizer = match found.file {
        Some(file) if !is_gpt2(&found) => {
            Tokenizer::own(&found).with_context(|| format!("its tokenizer in {file}"))?
        }
        _ => Tokenizer::gpt2(found)?,
    };
    tokenizer.check_size(vocab_size)?;
    Ok(tokenizer)
}

/// Whether all of GPT-2's tokens are there, each with its id; the end of the text may be missing.
fn is_gpt2(found: &Vocabulary) -> bool {
    let theirs = found.tokens.range(0..GPT2_TOKENS.len() as i64);
    theirs.clone().count() + 1 >= GPT2_TOKENS.len()
        && theirs.into_iter().all(|(&id, token)| *token == GPT2_TOKENS[id as usize])
}

/// GPT-2's tokens by id, in printable characters.
static GPT2_TOKENS: LazyLock<Vec<String>> =
    LazyLock::new(|| printable_pieces(BytePairEncoder::gpt2()).expect("each id has bytes"));

/// GPT-2's merges in their order, apart from the tokens, as reading them off those takes longer.
static GPT2_MERGES: LazyLock<Vec<String>> =
    LazyLock::new(|| printable_merges(BytePairEncoder::gpt2()));

impl Default for Tokenizer {
    /// GPT-2's.
    fn default() -> Self {
        Self {
            encoder: Cow::Borrowed(BytePairEncoder::gpt2()),
            added: BTreeMap::new(),
            own_end: None,
            prefix_space: false,
            begins_texts: false,
        }
    }
}

impl Tokenizer {
    /// GPT-2's, with what the files add to it.
    fn gpt2(found: Vocabulary) -> Result<Self> {
        if let Some(merges) = &found.merges {
            check_merges(merges)?;
        }
        let mut added = found.tokens;
        added.retain(|&id, _| !(0..GPT2_TOKENS.len() as i64).contains(&id));
        let own_end = found.end.filter(|end| end != END_MARK);
        let Vocabulary { prefix_space, begins_texts, .. } = found;
        Ok(Self { added, own_end, prefix_space, begins_texts, ..Self::default() })
    }

    fn own(found: &Vocabulary) -> Result<Self> {
        let encoder = found.encoder()?;
        let own_end = found.end.clone().filter(|_| encoder.end_of_text.is_none());
        let (encoder, added) = (Cow::Owned(encoder), BTreeMap::new());
        let &Vocabulary { prefix_space, begins_texts, .. } = found;
        Ok(Self { encoder, added, own_end, prefix_space, begins_texts })
    }

    fn check_size(&self, vocab_size: i64) -> Result<()> {
        let entries = self.encoder.vocab_size() as i64;
        let whose = if self.is_gpt2() { "GPT-2's" } else { "its own" };
        ensure!(
            vocab_size >= entries,
            "vocab_size is {vocab_size}, but {whose} tokenizer has {entries} entries: the model was made for another one, and with \
             this one each id would mean another word"
        );
        ensure!(
            self.is_gpt2() || vocab_size < entries + PADDING,
            "vocab_size is {vocab_size}, but its own tokenizer has only {entries} entries: the model was made for another one"
        );
        Ok(())
    }

    /// Whether it is GPT-2's.
    pub fn is_gpt2(&self) -> bool {
        matches!(self.encoder, Cow::Borrowed(_))
    }

    /// The id that ends a text: that of the folder's own `eos_token`, the encoder's where it says nothing.
    pub fn end_of_text(&self) -> Option<i64> {
        let own = self.own_end.as_ref();
        own.and_then(|end| self.added.iter().find(|(_, token)| *token == end))
            .map_or(self.encoder.end_of_text, |(&id, _)| Some(id))
    }

    /// How the end of a text is written, where there is one.
    pub fn end_mark(&self) -> Option<String> {
        let piece =
            |id| self.encoder.piece(id).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        self.own_end.clone().or_else(|| piece(self.encoder.end_of_text?).ok())
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
                "its texts end with {end}, which its tokenizer cannot write; what it writes ends at --max-new-tokens or a --stop text"
            ));
        }
        if self.begins_texts {
            remarks.push(
                "its tokenizer puts a token before each text (add_bos_token), which this program does not"
                    .to_owned(),
            );
        }
        if self.prefix_space {
            remarks.push(
                "its tokenizer puts a space before each text, which this program does not"
                    .to_owned(),
            );
        }
        remarks
    }
}

/// Merges beside GPT-2's vocabulary must be GPT-2's.
fn check_merges(merges: &[String]) -> Result<()> {
    for (place, merge) in merges.iter().enumerate() {
        ensure!(
            GPT2_MERGES.get(place) == Some(merge),
            "its files merge {merge:?} at place {}, which GPT-2's tokenizer does not; {ONLY}",
            place + 1
        );
    }
    let (theirs, ours) = (merges.len(), GPT2_MERGES.len());
    ensure!(theirs == ours, "its files have {theirs} merges, not GPT-2's {ours}; {ONLY}");
    Ok(())
}
