//! How well the model does on what it does not learn from (chapter 4.3).

use crate::{examples::Examples, loss::mean_loss};
use anyhow::Result;
use model::gpt2::Gpt2;

/// The mean loss of some examples, with dropout off: of all if `batches` is 0, else of so many batches, spread evenly over the
/// examples, and the same at each measurement.
///
/// # Errors
/// If the examples hold no target.
pub fn evaluate(
    model: &Gpt2,
    examples: &dyn Examples,
    batch_size: usize,
    batches: usize,
) -> Result<f64> {
    let len = examples.len();
    let measured = if batches == 0 { len } else { len.min(batches.saturating_mul(batch_size)) };
    let items: Vec<usize> = (0..measured).map(|index| index * len / measured).collect();
    let device = model.store.device();
    let batches = items.chunks(batch_size).map(|items| {
        let (inputs, targets) = examples.batch(items);
        (inputs.to_device(device), targets.to_device(device))
    });
    mean_loss(model, batches)
}
