//! Byte pairs: trained on a few words, and as GPT-2 learned them; draws `chapters/figures/byte-pairs.svg`. A space is shown as
//! `·`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::{Result, ensure};
use embedding::bpe::BytePairEncoder;
use embedding::learn::learn_merges;
use embedding::support::texts::chapter_text;
use figure::{BLUE, ORANGE, PALE, Svg};

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
    draw("abc abc abc ab ab", &["abc", " abc", " ab"])
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

/// What becomes of each word of a text with every merge, the piece that is new in another color.
fn draw(text: &str, words: &[&str]) -> Result<()> {
    const SIDE: f64 = 46.0;
    let title = "Three merges: a b becomes ab, then the space joins it, then c joins that";
    let mut svg = Svg::new((640.0, 216.0), title, &steps_in_words(text, words)?);
    for step in 0..4 {
        let encoder = BytePairEncoder::train(text, step);
        let y = 14.0 + 50.0 * step as f64;
        let label = if step == 0 { "bytes".to_owned() } else { format!("merge {step}") };
        svg.text((70.0, y + 22.0), "end", &label);
        let mut left = 86.0;
        for &word in words {
            for id in encoder.encode(word) {
                let piece = encoder.piece(id)?;
                let width = SIDE * piece.len() as f64 - 4.0;
                let color = match id {
                    0..256 => PALE,
                    id if id == 255 + step as i64 => ORANGE,
                    _ => BLUE,
                };
                svg.field((left, y), (width, 34.0), color, &visible(piece));
                left += SIDE * piece.len() as f64;
            }
            left += 30.0;
        }
    }
    svg.write("byte-pairs")
}

/// The pieces of each word after so many merges: `after 1 merges ab c, · ab c, · ab`.
fn steps_in_words(text: &str, words: &[&str]) -> Result<String> {
    let mut steps = Vec::new();
    for step in 0..4 {
        let encoder = BytePairEncoder::train(text, step);
        let mut rows = Vec::new();
        for &word in words {
            let ids = encoder.encode(word);
            let pieces = ids.iter().map(|&id| Ok(visible(encoder.piece(id)?)));
            rows.push(pieces.collect::<Result<Vec<_>>>()?.join(" "));
        }
        steps.push(format!("after {step} merges {}", rows.join(", ")));
    }
    let words = visible(words.join(",").as_bytes());
    Ok(format!("A row of pieces for the words {words}: {}.", steps.join("; ")))
}
