//! The model on paper, part 1: a sentence becomes ids, and each id becomes its row plus the row of its position (chapters 0 and 1).

mod paper;

use anyhow::Result;
use embedding::embed::InputEmbedding;
use embedding::support::show;
use embedding::words::{Vocabulary, split_words};
use std::collections::BTreeSet;
use tch::Tensor;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let words: BTreeSet<&str> = split_words(paper::TEXT).into_iter().collect();
    let ids = numbers(&Vocabulary::new(paper::TEXT))?;
    println!("sentence: {}", paper::SENTENCE);
    println!("vocabulary: {}", words.into_iter().collect::<Vec<_>>().join(" "));
    println!("ids {}", show::tensor(&ids));
    println!("targets {}", show::tensor(&Tensor::from_slice(&paper::TARGETS)));

    let tables = InputEmbedding::new(&paper::store().root(), 6, 5, 4);
    let tokens = tables.token.forward(&ids); // [T, C]
    let positions = tables.position.weight.narrow(0, 0, 5); // [T, C]
    println!("rows of the tokens\n{}", show::tensor(&tokens));
    println!("rows of the positions\n{}", show::tensor(&positions));
    println!("x, their sum\n{}", show::tensor(&vectors(&tables, &ids)));
    Ok(())
}

/// The sentence as numbers, `[T]`.
fn numbers(vocabulary: &Vocabulary) -> Result<Tensor> {
    let ids = vocabulary.encode(paper::SENTENCE)?;
    Ok(Tensor::from_slice(&ids))
}

/// What the first block reads, `[T, C]`.
fn vectors(tables: &InputEmbedding, ids: &Tensor) -> Tensor {
    let batch = ids.unsqueeze(0); // [1, T]
    tables.forward(&batch, 0).get(0) // [T, C]
}
