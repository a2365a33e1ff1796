//! What the loss says to eight logits: their probabilities, less 1 at the target (chapter 4.2).

mod toy;

use embedding::support::show;
use tch::{Kind, Tensor};
use toy::WORDS;
use train::loss::cross_entropy;

const TARGET: i64 = 1;

fn main() {
    tch::set_num_threads(1);
    let logits = toy::logits(); // [V]
    let (loss, gradient) = loss_and_gradient(&logits);
    let probabilities = logits.softmax(-1, Kind::Float); // [V]
    let one_hot = Tensor::from(TARGET).one_hot(WORDS.len() as i64); // [V]
    println!("words {}", WORDS.join(" "));
    println!("the right word is {TARGET} {}", WORDS[TARGET as usize]);
    println!("probabilities\n{}", show::tensor(&probabilities));
    println!("probabilities, less 1 at the target\n{}", show::tensor(&(probabilities - one_hot)));
    println!("gradient of the loss by autograd\n{}", show::tensor(&gradient));

    let moved = logits - gradient; // [V]
    let (loss_after, _) = loss_and_gradient(&moved);
    println!("logits less their gradient\n{}", show::tensor(&moved));
    println!("loss {loss:.4}, then {loss_after:.4}");
}

/// The loss of eight logits at one position, and its slope for each of them.
///
/// # Shapes
/// - `logits`: `[V]`
/// - returns a number and `[V]`
fn loss_and_gradient(logits: &Tensor) -> (f64, Tensor) {
    let logits = logits.copy().set_requires_grad(true); // [V]
    let loss = cross_entropy(&logits.unsqueeze(0), &Tensor::from_slice(&[TARGET]));
    loss.backward();
    (loss.double_value(&[]), logits.grad())
}
