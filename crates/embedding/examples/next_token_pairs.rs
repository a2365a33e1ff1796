//! What a language model learns from a text: after these tokens comes that one. A space is shown as `·`.

use anyhow::Result;
use embedding::bpe::BytePairEncoder;
use embedding::support::texts::chapter_text;

fn main() -> Result<()> {
    let text = chapter_text(1)?;
    println!("text {}", text.file);

    let encoder = BytePairEncoder::gpt2();
    let ids = encoder.encode(&text.content);
    println!("tokens {}", ids.len());
    println!("first 15 ids: {}", join(&ids[..15]));
    let pieces = ids[..15].iter().map(|&id| visible(encoder, &[id])).collect::<Result<Vec<_>>>()?;
    println!("as pieces: {}", pieces.join(" "));

    println!("context -> next token");
    for length in 1..=5 {
        println!("{} -> {}", join(&ids[..length]), ids[length]);
    }
    for length in 1..=5 {
        println!(
            "{} -> {}",
            visible(encoder, &ids[..length])?,
            visible(encoder, &ids[length..=length])?
        );
    }
    Ok(())
}

fn join(ids: &[i64]) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
}

fn visible(encoder: &BytePairEncoder, ids: &[i64]) -> Result<String> {
    Ok(encoder.decode(ids)?.replace(' ', "·").replace('\n', "↵"))
}
