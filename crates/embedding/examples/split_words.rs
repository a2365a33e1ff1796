//! Cuts a text into words and punctuation marks.

use anyhow::Result;
use embedding::support::texts::chapter_text;
use embedding::words::split_words;

fn main() -> Result<()> {
    let text = chapter_text(1)?;
    println!("text {}", text.file);

    let sentence =
        "\"Wait,\" said the goose -- who was never in a hurry -- \"is it Mrs. Plum's boat?\"";
    println!("sentence: {sentence}");
    println!("words: {}", split_words(sentence).join(" "));

    let words = split_words(&text.content);
    println!("characters of the text: {}", text.content.chars().count());
    println!("words and marks of the text: {}", words.len());
    println!("first 10: {}", words[..10].join(" "));
    Ok(())
}
