//! The model on paper, part 3: norms, the feed-forward network, the residual stream, and a logit for each word (chapter 3).

mod paper_model;

use anyhow::Result;
use attention::linear::Linear;
use attention::multi_head::MultiHeadAttention;
use embedding::embed::InputEmbedding;
use embedding::support::show;
use embedding::words::Vocabulary;
use model::{feed_forward::gelu_tanh, gpt2::Gpt2, norm::normalize};
use paper_model::paper;
use tch::Tensor;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();
    let model = paper_model::model()?;
    let x = InputEmbedding::new(&model.store.root(), 6, 5, 4).forward(&paper::ids(), 0); // [1, T, C]
    by_hand(&model, &x);

    let words = Vocabulary::new(paper::TEXT);
    let names = words.decode(&[0, 1, 2, 3, 4, 5])?;
    say("after the final norm", &model.hidden(&paper::ids(), None, false));
    let logits = model.forward(&paper::ids(), false); // [1, T, V]
    say(&format!("logits for {}", names.trim()), &logits);
    let best = Vec::<i64>::try_from(logits.get(0).argmax(-1, false))?; // [T]
    let best: Result<Vec<String>> = best.iter().map(|&id| words.decode(&[id])).collect();
    println!("largest logit of each row: {}", best?.join(" "));
    Ok(())
}

/// The block, stage by stage.
fn by_hand(model: &Gpt2, x: &Tensor) {
    let block = model.store.root() / "blocks" / 0;
    let attention = MultiHeadAttention::new(&(&block / "attention"), 4, 2, false, 0.0);
    let up = Linear::new(&(&block / "feed_forward" / "up"), 4, 8, true);
    let down = Linear::new(&(&block / "feed_forward" / "down"), 8, 4, true);

    let first = normalize(x, 1e-5);
    let x = x + attention.forward(&first, false);
    let second = normalize(&x, 1e-5);
    let widened = up.forward(&second); // [1, T, F]
    let bent = gelu_tanh(&widened);
    let narrowed = down.forward(&bent); // [1, T, C]

    say("x after the first norm", &first);
    say("x plus what attention has read", &x);
    let (mean, deviation) = (x.mean_dim(-1, true, None), x.std_dim(-1, false, true));
    say("mean and standard deviation of each row", &Tensor::cat(&[mean, deviation], -1));
    say("after the second norm", &second);
    say("up to 8 channels", &widened);
    say("after GELU", &bent);
    say("down to 4 channels", &narrowed);
    say("x plus what the feed-forward network says", &(&x + &narrowed));
}

fn say(title: &str, values: &Tensor) {
    println!("{title}\n{}", show::tensor(&values.get(0)));
}
