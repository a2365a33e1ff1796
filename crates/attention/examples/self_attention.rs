//! Self-attention whose three projections can be trained (chapter 2.2), without a mask yet; then one set by hand, which
//! draws `chapters/figures/sentence.svg`.

mod figure;

use anyhow::Result;
use attention::{attend::attention_weights, linear::Linear};
use embedding::{embed::Embedding, support::show};
use figure::{Svg, in_words};
use tch::{Device, Kind, Tensor, nn::VarStore};

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let store = VarStore::new(Device::Cpu);
    let root = store.root();

    tch::manual_seed(123);
    let x = Embedding::new(&(&root / "x"), 5, 4).weight; // [T, C]
    tch::manual_seed(123);
    let [w_q, w_k, w_v] =
        ["query", "key", "value"].map(|name| Linear::new(&(&root / name), 4, 4, false));
    println!("weight of W_Q, between -0.5 and 0.5\n{}", show::tensor(&w_q.weight));

    let (q, k, v) = (w_q.forward(&x), w_k.forward(&x), w_v.forward(&x)); // [T, D]
    let weights = attention_weights(&q, &k, None); // [T, T]
    println!("weights\n{}", show::tensor(&weights));
    println!("output\n{}", show::tensor(&weights.matmul(&v)));

    set_by_hand()
}

/// A sentence whose four channels mean: is an animal, is a pronoun, is a property, is none of these.
fn set_by_hand() -> Result<()> {
    const WORDS: [&str; 7] = ["the", "rabbit", "slept", "because", "it", "was", "tired"];
    const KINDS: [i64; 7] = [3, 0, 3, 3, 1, 3, 2];
    println!("a sentence: {}", WORDS.join(" "));
    let x = Tensor::eye(4, (Kind::Float, Device::Cpu)).index_select(0, &Tensor::from_slice(&KINDS)); // [T, C]
    println!("X: animal, pronoun, property, other\n{}", show::tensor(&x));

    // A pronoun or a property asks for an animal, by 8 in the first channel; every word is found by what it is.
    let asks = Tensor::from_slice2(&[[0_f32, 8.0, 8.0, 0.0], [0.0; 4], [0.0; 4], [0.0; 4]]); // [D, C]
    let as_it_is = || Linear { weight: Tensor::eye(4, (Kind::Float, Device::Cpu)), bias: None };
    let (w_q, w_k, w_v) = (Linear { weight: asks, bias: None }, as_it_is(), as_it_is());

    let (q, k, v) = (w_q.forward(&x), w_k.forward(&x), w_v.forward(&x)); // [T, D]
    let weights = attention_weights(&q, &k, None); // [T, T]
    println!("weights\n{}", show::tensor(&weights));
    println!("output of the word it\n{}", show::tensor(&weights.matmul(&v).get(4)));

    let mut svg = Svg::new(
        (480.0, 310.0),
        "Attention weights of a sentence: the pronoun and the property read the rabbit",
        &format!(
            "A row and a column for each of the words: {}. The rows of it and of tired are {}. All other rows are the same \
             number seven times, {:.2}.",
            WORDS.join(" "),
            in_words(&weights.get(4)),
            weights.double_value(&[0, 0]),
        ),
    );
    svg.text((269.0, 20.0), "middle", "what each word (row) takes from each word (column)");
    svg.heat_map((80.0, 60.0), &weights, None, &WORDS);
    svg.write("sentence")
}
