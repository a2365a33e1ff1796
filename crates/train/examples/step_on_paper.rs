//! The model on paper, part 4: the loss, its gradient for the output head, and one step of gradient descent (chapter 4).

#[path = "../../model/examples/paper_model/mod.rs"]
mod paper_model;

use anyhow::Result;
use embedding::support::show;
use embedding::words::Vocabulary;
use paper_model::paper;
use tch::{Kind, Tensor};
use train::loss::cross_entropy;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let model = paper_model::model()?;
    let words = Vocabulary::new(paper::TEXT);
    let targets = Tensor::from_slice(&paper::TARGETS); // [T]
    let names =
        |ids: &[i64]| words.decode(ids).map(|text| text.replace('.', " .").trim().to_owned());
    println!("targets: {}", names(&paper::TARGETS)?);

    let h = model.hidden(&paper::ids(), None, false).get(0).detach(); // [T, C]
    let head = &model.store.variables()["head.weight"]; // [V, C]
    let logits = h.matmul(&head.tr()); // [T, V]
    let p = logits.softmax(-1, None);
    say(&format!("probabilities of {}", names(&[0, 1, 2, 3, 4, 5])?), &p);
    let losses = -p.gather(1, &targets.unsqueeze(1), false).squeeze_dim(1).log(); // [T]
    say("loss at each position", &losses);
    let loss = cross_entropy(&logits, &targets);
    println!("mean loss {:.4}", loss.double_value(&[]));

    let (surprise, gradient) = by_hand(&p, &targets, &h);
    say("p - 1 at the target, p elsewhere", &surprise);
    say("gradient of the head", &gradient);
    let after = head - 0.5 * &gradient;
    say("the head after one step of rate 0.5", &after);
    let logits = h.matmul(&after.tr());
    say("probabilities after the step", &logits.softmax(-1, None));
    let later = cross_entropy(&logits, &targets).double_value(&[]);
    println!("mean loss after the step {later:.4}");

    loss.backward();
    let gap = (head.grad() - gradient).abs().max().double_value(&[]);
    println!("gradient by hand equals autograd within 1e-6: {}", gap <= 1e-6);
    Ok(())
}

/// The gradient of the loss for the logits, but for the division by `T`, and the gradient for the head.
///
/// # Shapes
/// - `p`: `[T, V]`, `targets`: `[T]`, `h`: `[T, C]`
/// - returns `[T, V]` and `[V, C]`
fn by_hand(p: &Tensor, targets: &Tensor, h: &Tensor) -> (Tensor, Tensor) {
    let surprise = p - targets.one_hot(6).to_kind(Kind::Float);
    let gradient = surprise.tr().matmul(h) / 5.0; // [V, C]
    (surprise, gradient)
}

fn say(title: &str, values: &Tensor) {
    println!("{title}\n{}", show::tensor(values));
}
