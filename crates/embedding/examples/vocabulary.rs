//! Numbers the words of a text, and writes a sentence with these numbers.

use anyhow::Result;
use embedding::support::texts::chapter_text;
use embedding::words::Vocabulary;

fn main() -> Result<()> {
    let text = chapter_text(1)?;
    println!("text {}", text.file);

    let vocabulary = Vocabulary::new(&text.content);
    println!("entries {}", vocabulary.words().len());
    for (id, word) in vocabulary.words().iter().enumerate().take(20) {
        println!("{id} {word}");
    }

    let sentence = if text.file == "data/story.txt" {
        "Once there was a very small donkey who lived by a wide brown river"
    } else {
        "Once upon a time there were four little Rabbits"
    };
    let ids = vocabulary.encode(sentence)?;
    println!("sentence: {sentence}");
    println!("ids: {}", ids.iter().map(i64::to_string).collect::<Vec<_>>().join(" "));
    println!("decoded: {}", vocabulary.decode(&ids)?);
    Ok(())
}
