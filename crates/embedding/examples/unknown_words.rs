//! A sentence with words that the vocabulary lacks: an error, or `<unk>`.

use anyhow::{Result, bail};
use embedding::support::texts::chapter_text;
use embedding::words::Vocabulary;

fn main() -> Result<()> {
    let text = chapter_text(1)?;
    println!("text {}", text.file);
    let sentence = if text.file == "data/story.txt" {
        "Once there was a very small donkey who lived by a wide brown lake, and he was very happy."
    } else {
        "Once upon a time there were four little Rabbits, and they were all very happy."
    };
    println!("sentence: {sentence}");

    let vocabulary = Vocabulary::new(&text.content);
    println!("without <unk>: {} entries", vocabulary.words().len());
    match vocabulary.encode(sentence) {
        Ok(ids) => bail!("an unknown word was encoded: {ids:?}"),
        Err(error) => println!("error: {error}"),
    }

    let vocabulary = Vocabulary::with_unknown(&text.content);
    println!("with <unk>: {} entries", vocabulary.words().len());
    let ids = vocabulary.encode(sentence)?;
    println!("ids: {}", ids.iter().map(i64::to_string).collect::<Vec<_>>().join(" "));
    println!("decoded: {}", vocabulary.decode(&ids)?);
    Ok(())
}
