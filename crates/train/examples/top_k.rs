//! Drawing among the three most probable words only (chapter 4.5).

mod toy;

use embedding::support::show;
use toy::{WORDS, draw_counts};
use train::sampling::{Sampling, keep_top_k};

fn main() {
    tch::set_num_threads(1);
    let logits = toy::logits(); // [V]
    println!("words {}", WORDS.join(" "));
    println!("logits\n{}", show::tensor(&logits));

    let (highest, places) = logits.topk(3, -1, true, true);
    println!("the three highest\n{}", show::tensor(&highest));
    println!("their places\n{}", show::tensor(&places));
    println!("logits kept\n{}", show::tensor(&keep_top_k(&logits, 3)));
    let top_3 = Sampling { temperature: 1.0, top_k: Some(3), top_p: None };
    println!("probabilities\n{}", show::tensor(&top_3.probabilities(&logits)));

    println!("100 draws, one at a time");
    for (word, count) in WORDS.iter().zip(draw_counts(top_3, &logits)) {
        println!("{word} {count}");
    }

    println!("the fewest words that reach a probability of 0.90 together");
    let top_p = Sampling { temperature: 1.0, top_k: None, top_p: Some(0.9) };
    println!("{}", show::tensor(&top_p.probabilities(&logits)));
}
