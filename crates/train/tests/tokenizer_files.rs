//! The tokenizer's files are the public ones, byte for byte.

use embedding::bpe::BytePairEncoder;

use model::format::tokenizer_files::{merges_txt, vocab_json};
use sha1::{Digest, Sha1};

/// The name that git gives to a file of this content.
fn git_blob(content: &str) -> String {
    let mut hasher = Sha1::new();
    hasher.update(format!("blob {}\0", content.len()));
    hasher.update(content);
    xtask::download::hex(&hasher.finalize())
}

#[test]
fn the_vocabulary_is_the_public_file() {
    let vocab = vocab_json(BytePairEncoder::gpt2()).expect("GPT-2's vocabulary");
    assert_eq!(git_blob(&vocab), "1f1d9aaca301414e7f6c9396df506798ff4eb9a6");
}

#[test]
fn the_merges_are_the_public_file() {
    let merges = merges_txt(BytePairEncoder::gpt2()).expect("GPT-2's merges");
    assert_eq!(git_blob(&merges), "226b0752cac7789c48f0cb3ec53eda48b7be36cc");
}
