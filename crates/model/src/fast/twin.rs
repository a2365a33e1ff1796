//! A small twin of a model, on which the fast path is held against the lesson.

use crate::{
    config::Gpt2Config,
    format::{add, origins},
    gpt2::Gpt2,
};
use anyhow::{Result, ensure};
use tch::{Device, Kind, Tensor, nn::VarStore};

/// The most by which a result may differ, as a part of its norm.
pub const TOLERANCE: f64 = 1e-4;

/// Entries of a twin's vocabulary.
const VOCABULARY: i64 = 128;

/// The sizes of the twin: context, flags and dropout of the model, but two blocks, two heads of 16 channels and a short vocabulary.
pub fn sizes(config: &Gpt2Config) -> Gpt2Config {
    let channels = 2 * 16;
    let hidden = (channels * config.hidden / config.channels).max(1);
    Gpt2Config { vocab_size: VOCABULARY, channels, heads: 2, layers: 2, hidden, ..*config }
}

/// The twin of a model.
///
/// # Errors
/// As [`of_waves`].
pub fn model(config: &Gpt2Config) -> Result<Gpt2> {
    of_waves(sizes(config))
}

/// A model of these sizes in which every parameter matters, norms and biases too. No number is taken from libtorch's generator.
///
/// # Errors
/// If the sizes are impossible.
pub fn of_waves(sizes: Gpt2Config) -> Result<Gpt2> {
    let store = VarStore::new(Device::Cpu);
    for (number, origin) in origins(&sizes).into_iter().enumerate() {
        let center = if path_is_norm(&origin.ours) { 1.0 } else { 0.0 };
        let _ = add(&store, &origin.ours, wave(&origin.shape, number) * 0.3 + center);
    }
    Gpt2::with_parameters(sizes, store)
}

fn path_is_norm(name: &str) -> bool {
    name.contains("norm") && name.ends_with("weight")
}

/// Numbers between -1 and 1 without a visible order, others for each `number`.
pub fn wave(shape: &[i64], number: usize) -> Tensor {
    let len = shape.iter().product::<i64>();
    let steps = Tensor::arange(len, (Kind::Double, Device::Cpu)) + number as f64 * 0.37;
    (steps * 12.9898).sin().to_kind(Kind::Float).view(shape)
}

/// So many ids of the twin's vocabulary, without a visible order.
pub fn ids(len: i64, seed: i64) -> Vec<i64> {
    (0..len).map(|i| (i * i * 7 + i * 13 + seed * 29) % VOCABULARY).collect()
}

/// Checks that a result of the fast path is the lesson's.
///
/// # Errors
/// If they differ by more than `tolerance` of the lesson's norm, which counts as `least` at least; the message names the result.
pub fn compare(
    name: &str,
    fast: &Tensor,
    lesson: &Tensor,
    tolerance: f64,
    least: f64,
) -> Result<f64> {
    let norm = |tensor: &Tensor| tensor.to_kind(Kind::Double).norm().double_value(&[]);
    ensure!(
        fast.size() == lesson.size(),
        "the fast path gives {name} another shape than the lesson"
    );
    let gap = norm(&(fast - lesson)) / norm(lesson).max(least);
    ensure!(
        gap <= tolerance,
        "the fast path differs from the lesson: {name} by {gap:.1e} of its norm (at most {tolerance:.0e})"
    );
    Ok(gap)
}
