//! The tokenizer as the field's tools read it (chapter 5.6): a model is of no use to them without the files that say what its numbers
//! mean.

use super::safetensors;
use anyhow::{Context, Result};
use embedding::bpe::{BytePairEncoder, END_MARK};
use serde_json::{Map, Value, json};
use std::{fmt::Write, fs, path::Path, sync::LazyLock};

/// Files that tell other programs how text becomes ids.
pub const FILES: [&str; 8] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "encoder.json",
    "vocab.bpe",
    "added_tokens.json",
    "special_tokens_map.json",
];

/// Copies the tokenizer files of a model into the folder of one that was made from it. They are equal to GPT-2's ([`tokenizer::of`])
/// but may name added tokens.
///
/// # Errors
/// If a file cannot be read or written.
///
/// [`tokenizer::of`]: super::tokenizer::of
pub fn keep(from: &Path, folder: &Path) -> Result<()> {
    for name in FILES {
        let source = from.join(name);
        if source.is_file() && source.canonicalize().ok() != folder.join(name).canonicalize().ok() {
            safetensors::replace(&folder.join(name), |temporary| {
                fs::copy(&source, temporary)
                    .with_context(|| format!("cannot copy {}", source.display()))?;
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Writes GPT-2's tokenizer into the folder of a model that sees `context` tokens, as far as the folder brings none of its own.
///
/// # Errors
/// If the disk refuses.
pub fn write(folder: &Path, context: i64) -> Result<()> {
    let encoder = BytePairEncoder::gpt2();
    let lacks = |names: &[&str]| !names.iter().any(|name| folder.join(name).exists());
    let (no_vocabulary, no_settings) = (
        lacks(&["tokenizer.json", "vocab.json", "encoder.json"]),
        lacks(&[
            "tokenizer.json",
            "tokenizer_config.json",
            "added_tokens.json",
            "special_tokens_map.json",
        ]),
    );
    let mut files = Vec::new();
    if no_vocabulary {
        files.push(("vocab.json", vocab_json(encoder)?));
        files.push(("merges.txt", merges_txt(encoder)?));
    }
    if no_settings {
        files.push(("tokenizer_config.json", pretty(&tokenizer_config(context))?));
        files.push(("special_tokens_map.json", pretty(&special_tokens())?));
    }
    for (name, content) in files {
        safetensors::replace(&folder.join(name), |temporary| Ok(fs::write(temporary, content)?))?;
    }
    Ok(())
}

/// Writes a tokenizer of one's own into the folder of a model that sees `context` tokens.
///
/// # Errors
/// If the disk refuses.
pub fn write_own(folder: &Path, encoder: &BytePairEncoder, context: i64) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, content) in [
        ("vocab.json", vocab_json(encoder)?),
        ("merges.txt", merges_txt(encoder)?),
        ("tokenizer.json", pretty(&tokenizer_json(encoder)?)?),
        ("tokenizer_config.json", pretty(&tokenizer_config(context))?),
        ("special_tokens_map.json", pretty(&special_tokens())?),
    ] {
        safetensors::replace(&folder.join(name), |temporary| Ok(fs::write(temporary, content)?))?;
    }
    Ok(())
}

fn pretty(json: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(json)? + "\n")
}

/// Every token by its id, in printable characters.
pub(super) fn printable_pieces(encoder: &BytePairEncoder) -> Result<Vec<String>> {
    let token = |id| match encoder.piece(id) {
        Ok(_) if Some(id) == encoder.end_of_text => Ok(END_MARK.to_owned()),
        piece => Ok(to_printable(piece?)),
    };
    (0..encoder.vocab_size() as i64).map(token).collect()
}

/// The merges in their order, in printable characters.
pub(super) fn printable_merges(encoder: &BytePairEncoder) -> Vec<String> {
    let joined =
        |(left, right): (&[u8], &[u8])| format!("{} {}", to_printable(left), to_printable(right));
    encoder.merges().into_iter().map(joined).collect()
}

/// The file of the library `tokenizers`, which holds everything.
fn tokenizer_json(encoder: &BytePairEncoder) -> Result<Value> {
    let vocabulary: Map<String, Value> = printable_pieces(encoder)?
        .into_iter()
        .zip(0..)
        .map(|(token, id)| (token, id.into()))
        .collect();
    let byte_level = |prefix_space, trim| json!({ "type": "ByteLevel", "add_prefix_space": prefix_space, "trim_offsets": trim, "use_regex": true });
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [{
            "id": encoder.end_of_text, "content": END_MARK, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        }],
        "normalizer": null,
        "pre_tokenizer": byte_level(false, true),
        "post_processor": byte_level(true, false),
        "decoder": byte_level(true, true),
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false,
            "vocab": vocabulary, "merges": printable_merges(encoder),
        },
    }))
}

/// `vocab.json`, for GPT-2 byte for byte: each piece in printable characters with its id.
///
/// # Errors
/// If the vocabulary has a piece that no characters stand for, which GPT-2's has not.
pub fn vocab_json(encoder: &BytePairEncoder) -> Result<String> {
    let mut json = String::from("{");
    for (id, token) in printable_pieces(encoder)?.iter().enumerate() {
        let separator = if id == 0 { "" } else { ", " };
        write!(json, "{separator}{}: {id}", ascii_json(token)?)?;
    }
    Ok(json + "}")
}

/// `merges.txt`, for GPT-2 byte for byte: the two parts of each merge in printable characters.
///
/// # Errors
/// Never for GPT-2's vocabulary.
pub fn merges_txt(encoder: &BytePairEncoder) -> Result<String> {
    let mut text = String::from("#version: 0.2\n");
    for merge in printable_merges(encoder) {
        writeln!(text, "{merge}")?;
    }
    Ok(text)
}

/// A character for each byte: itself where it is printable and no whitespace, else the next unused one from U+0100 on.
///
/// # Source
/// `bytes_to_unicode` in `encoder.py` of OpenAI's GPT-2 repository.
static PRINTABLE: LazyLock<[char; 256]> = LazyLock::new(|| {
    let mut unused = (0x100_u32..).filter_map(char::from_u32);
    std::array::from_fn(|byte| match byte as u8 {
        byte @ (b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF) => char::from(byte),
        _ => unused.next().expect("Unicode has more than 256 characters from U+0100 on"),
    })
});

pub(super) fn to_printable(piece: &[u8]) -> String {
    piece.iter().map(|&byte| PRINTABLE[usize::from(byte)]).collect()
}

/// The byte that a printable character stands for.
pub(super) fn byte_of(character: char) -> Option<u8> {
    PRINTABLE.iter().position(|&printable| printable == character).map(|byte| byte as u8)
}

/// A JSON string in ASCII, as Python's `json.dumps` writes it.
fn ascii_json(text: &str) -> Result<String> {
    let json = serde_json::to_string(text).context("a text is always JSON")?;
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                write!(ascii, "\\u{unit:04x}")?;
            }
        }
    }
    Ok(ascii)
}

fn tokenizer_config(context: i64) -> Value {
    json!({
        "add_prefix_space": false,
        "bos_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>",
        "model_max_length": context,
        "pad_token": "<|endoftext|>",
        "tokenizer_class": "GPT2Tokenizer",
        "unk_token": "<|endoftext|>",
    })
}

fn special_tokens() -> Value {
    json!({ "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_without_a_visible_form_get_characters_from_u0100_on() {
        assert_eq!(to_printable(b" \na\0"), "ĠĊaĀ");
        for byte in 0..=u8::MAX {
            let printable = to_printable(&[byte]);
            assert_eq!(printable.chars().next().and_then(byte_of), Some(byte), "{printable}");
        }
        assert_eq!(byte_of('日'), None);
    }

    #[test]
    fn characters_beyond_ascii_are_written_as_python_writes_them() {
        assert_eq!(ascii_json("Ġ\"\u{1F600}").expect("a text"), r#""\u0120\"\ud83d\ude00""#);
    }
}
