//! A model that was made with another tokenizer is refused by name, and what was added to GPT-2's is told.

use embedding::bpe::BytePairEncoder;
use model::format::{
    CONFIG, tokenizer,
    tokenizer_files::{self, merges_txt, vocab_json},
};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tempfile::TempDir;

fn folder(files: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("room");
    }
    folder
}

fn vocabulary() -> Value {
    let text = vocab_json(BytePairEncoder::gpt2()).expect("GPT-2's");
    serde_json::from_str(&text).expect("JSON")
}

fn merges() -> String {
    merges_txt(BytePairEncoder::gpt2()).expect("GPT-2's")
}

/// The file of the library `tokenizers`.
fn tokenizer_json() -> Value {
    let merges: Vec<String> = merges().lines().skip(1).map(str::to_owned).collect();
    json!({
        "added_tokens": [{"id": 50256, "content": "<|endoftext|>", "special": true}],
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
        "model": {"type": "BPE", "vocab": vocabulary(), "merges": merges},
    })
}

#[track_caller]
fn refused(files: &[(&str, String)], vocab_size: i64, expected: &str) {
    let folder = folder(files);
    let refusal = tokenizer::of(folder.path(), vocab_size).expect_err("a refusal");
    let said = format!("{refusal:#}");
    assert!(said.contains(expected), "`{expected}` is not in: {said}");
}

fn accepted(folder: &Path) -> tokenizer::Tokenizer {
    tokenizer::of(folder, 50304).expect("GPT-2's tokenizer")
}

fn is_gpt2s_alone(tokenizer: &tokenizer::Tokenizer) -> bool {
    tokenizer.is_gpt2() && tokenizer.remarks().is_empty()
}

#[test]
fn gpt2s_own_files_are_accepted_in_each_of_their_forms() {
    let ours = tempfile::tempdir().expect("a folder");
    tokenizer_files::write(ours.path(), 64).expect("room");
    assert!(is_gpt2s_alone(&accepted(ours.path())));
    let pairs: Vec<Vec<String>> =
        merges().lines().skip(1).map(|line| line.split(' ').map(str::to_owned).collect()).collect();
    let mut new = tokenizer_json();
    new["model"]["merges"] = json!(pairs);
    let crlf = merges().replace('\n', "\r\n");
    for files in [
        vec![],
        vec![("tokenizer.json", tokenizer_json().to_string())],
        vec![("tokenizer.json", new.to_string())],
        vec![("encoder.json", vocabulary().to_string()), ("vocab.bpe", merges())],
        vec![("vocab.json", vocabulary().to_string()), ("merges.txt", crlf)],
        vec![("tokenizer_config.json", "\u{feff}{\"tokenizer_class\": null}".to_owned())],
        vec![("tokenizer_config.json", "{\"tokenizer_class\": \"GPT2TokenizerFast\"}".to_owned())],
    ] {
        assert!(is_gpt2s_alone(&accepted(folder(&files).path())));
    }
}

#[test]
fn another_class_of_tokenizer_is_refused_by_its_name() {
    for class in ["BertTokenizer", "T5Tokenizer", "CodeGenTokenizer", "GPTNeoXTokenizerFast"] {
        let text = json!({"tokenizer_class": class}).to_string();
        for file in [CONFIG, "tokenizer_config.json"] {
            let expected = format!("{file} names the tokenizer {class}");
            refused(&[(file, text.clone())], 50257, &expected);
        }
    }
    // What the tokenizer's own settings say counts more than the model's.
    let folder = folder(&[
        (CONFIG, json!({"tokenizer_class": "BertTokenizer"}).to_string()),
        ("tokenizer_config.json", json!({"tokenizer_class": "GPT2Tokenizer"}).to_string()),
    ]);
    accepted(folder.path());
}

#[test]
fn one_other_word_with_gpt2s_merges_is_refused_at_the_first_that_does_not_fit() {
    let mut other = vocabulary();
    let entries = other.as_object_mut().expect("an object");
    entries.remove("Ġcat").expect("id 3797");
    entries.insert("Ġgato".to_owned(), 3797.into());
    let expected = "is \"Ġc at\", but by the ids of the tokens it must be \"Ġg ato\"";
    refused(&[("vocab.json", other.to_string()), ("merges.txt", merges())], 50257, expected);
    let mut json = tokenizer_json();
    json["model"]["vocab"] = other;
    refused(&[("tokenizer.json", json.to_string())], 50257, expected);
}

#[test]
fn other_merges_or_another_way_to_split_are_refused() {
    let reordered = merges().replacen("Ġ t\nĠ a\n", "Ġ a\nĠ t\n", 1);
    let vocab = ("vocab.json", vocabulary().to_string());
    refused(&[vocab.clone(), ("merges.txt", reordered)], 50257, "merge \"Ġ a\" at place 1");
    let cut: String = merges().lines().take(100).collect::<Vec<_>>().join("\n");
    refused(&[vocab, ("merges.txt", cut)], 50257, "99 merges, not GPT-2's 50000");
    for (key, value, expected) in [
        (
            "normalizer",
            json!({"type": "Lowercase"}),
            "changes a text before it splits it (Lowercase)",
        ),
        (
            "pre_tokenizer",
            json!({"type": "Sequence"}),
            "splits a text otherwise than GPT-2 (Sequence)",
        ),
        ("model", json!({"type": "WordPiece"}), "describes a tokenizer of the kind WordPiece"),
    ] {
        let mut json = tokenizer_json();
        json[key] = value;
        refused(&[("tokenizer.json", json.to_string())], 50257, expected);
    }
}

#[test]
fn a_vocabulary_of_another_kind_or_a_smaller_one_is_refused() {
    for file in ["vocab.txt", "spiece.model", "meta.pkl"] {
        refused(&[(file, String::new())], 50257, &format!("the model comes with {file}"));
    }
    refused(&[], 65, "vocab_size is 65, but GPT-2's tokenizer has 50257 entries");
}

#[test]
fn added_tokens_another_end_and_what_is_put_before_each_text_are_told() {
    let added = json!({"<pad>": 50257, "<|user|>": 50258}).to_string();
    let config = json!({
        "tokenizer_class": "GPT2Tokenizer",
        "add_prefix_space": true,
        "add_bos_token": true,
        "eos_token": {"content": "<|im_end|>"},
        "added_tokens_decoder": {"50256": {"content": "<|endoftext|>"}, "50259": {"content": "<|im_end|>"}},
    });
    let folder =
        folder(&[("added_tokens.json", added), ("tokenizer_config.json", config.to_string())]);
    let tokenizer = accepted(folder.path());
    assert_eq!(tokenizer.end_of_text(), Some(50259));
    assert_eq!(tokenizer::Tokenizer::default().end_of_text(), Some(50256));
    let map = r#"{"eos_token": "<|im_end|>"}"#.to_owned();
    let only_map = accepted(self::folder(&[("special_tokens_map.json", map)]).path());
    assert_eq!(only_map.own_end.as_deref(), Some("<|im_end|>"));
    let said = tokenizer.remarks().join("\n");
    for part in [
        "3 tokens were added to its tokenizer (<pad>, <|user|>, <|im_end|>)",
        "end with <|im_end|>",
        "a space",
        "add_bos_token",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
}

#[test]
fn a_models_own_tokenizer_files_are_kept() {
    let (from, to) = (folder(&[("tokenizer.json", "their own".to_owned())]), folder(&[]));
    for _ in 0..2 {
        tokenizer_files::keep(from.path(), to.path()).expect("room");
        tokenizer_files::write(to.path(), 64).expect("room");
        tokenizer_files::keep(to.path(), to.path()).expect("a folder onto itself");
    }
    assert_eq!(fs::read_to_string(to.path().join("tokenizer.json")).expect("kept"), "their own");
    assert_eq!(fs::read_dir(to.path()).expect("a folder").count(), 1, "nothing was put beside it");
}

/// An encoder of the bytes and 40 merges, with an end of text.
fn own() -> BytePairEncoder {
    BytePairEncoder::train(embedding::support::texts::STORY, 40).with_end_of_text()
}

#[test]
fn a_tokenizer_of_ones_own_comes_back_from_each_of_its_files() {
    let written = folder(&[]);
    tokenizer_files::write_own(written.path(), &own(), 64).expect("room");
    let text = "Once there was a boat.\n\t\u{e9}\u{1f468}<|endoftext|>";
    for gone in [vec![], vec!["tokenizer.json"], vec!["vocab.json", "merges.txt"]] {
        for name in gone {
            fs::remove_file(written.path().join(name)).expect("it was there");
        }
        let read = tokenizer::of(written.path(), 297).expect("our own");
        assert!(!read.is_gpt2());
        assert_eq!(read.end_of_text(), Some(296));
        assert_eq!(read.encoder.encode(text), own().encode(text));
        tokenizer_files::write_own(written.path(), &own(), 64).expect("room");
    }
    let said = format!("{:#}", tokenizer::of(written.path(), 296).expect_err("too few"));
    assert!(said.starts_with("vocab_size is 296, but its own tokenizer has 297 entries"), "{said}");
    let said = format!("{:#}", tokenizer::of(written.path(), 50257).expect_err("too many"));
    assert!(said.contains("but its own tokenizer has only 297 entries"), "{said}");
}

#[test]
fn a_vocabulary_with_a_fault_is_refused_by_the_fault() {
    let vocabulary: Value = serde_json::from_str(&vocab_json(&own()).expect("text")).expect("JSON");
    let merges = merges_txt(&own()).expect("text");
    let faulty = |change: &dyn Fn(&mut serde_json::Map<String, Value>), expected: &str| {
        let mut changed = vocabulary.clone();
        change(changed.as_object_mut().expect("an object"));
        let files = [("vocab.json", changed.to_string()), ("merges.txt", merges.clone())];
        refused(&files, 297, expected);
    };
    faulty(&|tokens| drop(tokens.remove("e")), "no token has the id 101");
    faulty(&|tokens| drop(tokens.insert("f".to_owned(), 101.into())), "gives the id 101 to");
    faulty(&|tokens| tokens["e"] = 500.into(), "no token has the id 101");
    faulty(&|tokens| tokens["e"] = "x".into(), "vocab.json gives e no id");
    faulty(
        &|tokens| {
            tokens.remove("e");
            tokens.insert("日".to_owned(), 101.into());
        },
        "'日', which stands for no byte",
    );
    faulty(
        &|tokens| {
            tokens.remove("e");
            tokens.insert("zzz".to_owned(), 101.into());
        },
        "no token is the byte 101 alone",
    );
    faulty(
        &|tokens| {
            tokens.insert("zz".to_owned(), 297.into());
        },
        "merge 41 is \"missing\"",
    );
    let vocab = || ("vocab.json", vocabulary.to_string());
    refused(&[vocab()], 297, "the merges are missing");
    let swapped: Vec<&str> = merges.lines().collect();
    let swapped =
        [&swapped[..1], &swapped[2..3], &swapped[1..2], &swapped[3..]].concat().join("\n");
    refused(&[vocab(), ("merges.txt", swapped)], 297, "merge 1 is");
    let short = merges.lines().take(20).collect::<Vec<_>>().join("\n");
    refused(&[vocab(), ("merges.txt", short)], 297, "merge 20 is \"missing\"");
}
