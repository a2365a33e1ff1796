//! Byte pairs: trained on a few words, and as GPT-2 learned them. A space is shown as `·`.

use anyhow::{Result, ensure};
use embedding::bpe::BytePairEncoder;
use embedding::learn::learn_merges;
use embedding::support::texts::chapter_text;

fn main() -> Result<()> {
    let text = chapter_text(1)?;
    println!("text {}", text.file);

    let training = "the river ran round the mill, and the miller ran round the other river";
    println!("training on: {training}");
    for (merge, id) in learn_merges(training, 12).iter().zip(256..) {
        println!(
            "{id} {} + {} seen {} times",
            visible(&merge.left),
            visible(&merge.right),
            merge.times
        );
    }
    let trained = BytePairEncoder::train(training, 12);
    println!("vocabulary size {}", trained.vocab_size());
    show_encoding(&trained, "the other miller")?;

    println!("with the pieces of GPT-2");
    let gpt2 = BytePairEncoder::gpt2();
    println!("vocabulary size {}", gpt2.vocab_size());
    for sample in
        ["unbelievability", "Once upon a time", "don't stop  now", "naïve 😀", "<|endoftext|>"]
    {
        show_encoding(gpt2, sample)?;
    }

    let ids = gpt2.encode(&text.content);
    let official = tiktoken_rs::r50k_base_singleton().encode_ordinary(&text.content);
    ensure!(
        ids.iter().copied().eq(official.into_iter().map(i64::from)),
        "tiktoken-rs encodes the text otherwise"
    );
    println!("the whole text: {} ids, equal to tiktoken-rs", ids.len());
    println!("sum of these ids: {}", ids.iter().sum::<i64>());
    ensure!(gpt2.decode(&ids)? == text.content, "the text does not come back");
    println!("decoded again: equal to the text");
    Ok(())
}

fn show_encoding(encoder: &BytePairEncoder, text: &str) -> Result<()> {
    println!("{}", visible(text.as_bytes()));
    for id in encoder.encode(text) {
        println!("  {id} {}", visible(encoder.piece(id)?));
    }
    Ok(())
}

/// A piece as text, or as hexadecimal bytes where it ends in the middle of a character.
fn visible(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.replace(' ', "·"),
        Err(_) => format!("{bytes:02x?}"),
    }
}
