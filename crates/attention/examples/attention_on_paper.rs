//! The model on paper, part 2: each word reads the words before it, with two heads (chapter 2).

#[path = "../../embedding/examples/paper/mod.rs"]
mod paper;

use attention::mask::causal_mask;
use attention::multi_head::MultiHeadAttention;
use embedding::embed::InputEmbedding;
use embedding::support::show;
use tch::{Device, Tensor};

fn main() {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();
    let store = paper::store();
    let root = store.root();
    let x = InputEmbedding::new(&root, 6, 5, 4).forward(&paper::ids(), 0); // [1, T, C]
    let layer = MultiHeadAttention::new(&(&root / "blocks" / 0 / "attention"), 4, 2, false, 0.0);
    let (q, k, v) = layer.project(&x); // [1, H, T, D]
    let mut mixed = Vec::new();
    for head in 0..2 {
        println!("head {head}");
        let of_head = |p: &Tensor| p.get(0).get(head); // [T, D]
        mixed.push(one_head(&of_head(&q), &of_head(&k), &of_head(&v)));
    }
    say("both heads side by side", &Tensor::cat(&mixed, -1));
    say("after the output projection", &layer.forward(&x, false).get(0));
}

/// One head, each stage a line.
fn one_head(q: &Tensor, k: &Tensor, v: &Tensor) -> Tensor {
    let scores = q.matmul(&k.tr()) / 2_f64.sqrt(); // [T, T]
    let hidden = causal_mask(5, 5, Device::Cpu); // [T, T]
    let visible = scores.masked_fill(&hidden, f64::NEG_INFINITY);
    let weights = visible.softmax(-1, None);
    let mixed = weights.matmul(v); // [T, D]

    say("queries", q);
    say("keys", k);
    say("values", v);
    say("scores", &scores);
    say("scores that may be read", &visible);
    say("weights", &weights);
    say("mixed values", &mixed);
    mixed
}

fn say(title: &str, values: &Tensor) {
    println!("{title}\n{}", show::tensor(values));
}
