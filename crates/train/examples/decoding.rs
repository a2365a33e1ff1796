//! The next word: always the most probable, or drawn by chance (chapter 4.5).

mod toy;

use embedding::support::show;
use model::generate::most_probable;
use toy::{WORDS, draw_counts};
use train::sampling::Sampling;

fn main() {
    tch::set_num_threads(1);
    let logits = toy::logits(); // [V]
    println!("words {}", WORDS.join(" "));
    println!("logits\n{}", show::tensor(&logits));
    println!("probabilities\n{}", show::tensor(&logits.softmax(-1, None)));

    let greedy = most_probable(&logits);
    println!("the most probable is {greedy} {}", WORDS[greedy as usize]);

    println!("100 draws, one at a time");
    let by_chance = Sampling { temperature: 1.0, top_k: None, top_p: None };
    for (word, count) in WORDS.iter().zip(draw_counts(by_chance, &logits)) {
        println!("{word} {count}");
    }
}
