//! The proof that the fast step is the lesson's.

use super::FastStep;
use crate::{
    adamw::{AdamW, AdamWSettings},
    settings::TrainSettings,
    step::{Batch, Measured, train_step},
};
use anyhow::Result;
use model::{
    config::Gpt2Config,
    fast::{
        proof::once,
        twin::{self, TOLERANCE, compare},
    },
    gpt2::Gpt2,
};
use tch::Tensor;

/// The learning rate of a proof.
const RATE: f64 = 1e-3;
/// Added to the root of the mean square: so large that a gradient of nothing but rounding moves no weight.
const EPSILON: f64 = 1e-4;
/// What libtorch's generator begins with in each step of a proof; a run seeds it anew before whatever it draws.
const SEED: i64 = 7;

/// Proves that two steps of a small twin of the model change every parameter as the lesson's two steps do: on two sequences of the
/// whole context, the second step with a gradient that is clipped.
///
/// # Errors
/// Names what differs first.
pub fn training(config: &Gpt2Config, settings: &TrainSettings) -> Result<()> {
    let AdamWSettings { beta1, beta2, weight_decay, .. } = settings.optimizer;
    let what = format!("training with AdamW({beta1}, {beta2}, {weight_decay})");
    once(&what, config, || {
        let optimizer = AdamWSettings { epsilon: EPSILON, ..settings.optimizer };
        let (ours, lesson) = (Twin::new(config, optimizer)?, Twin::new(config, optimizer)?);
        let gap = take_two_steps(ours, lesson)?;
        Ok(format!("fast against the lesson: {gap:.1e}"))
    })
}

struct Twin {
    model: Gpt2,
    optimizer: AdamW,
}

impl Twin {
    fn new(config: &Gpt2Config, settings: AdamWSettings) -> Result<Self> {
        let model = twin::model(config)?;
        let optimizer = AdamW::new(model.parameters(), settings);
        Ok(Self { model, optimizer })
    }
}

fn take_two_steps(mut ours: Twin, mut lesson: Twin) -> Result<f64> {
    let mut fast = FastStep::new(&ours.model)?;
    let mut largest = 0.0_f64;
    for (number, clip) in [f64::INFINITY, 0.01].into_iter().enumerate() {
        let batches = batches(ours.model.config.context, number as i64);
        tch::manual_seed(SEED); // for dropout, of which each draws its own
        let measured = fast.take(&mut ours.optimizer, &batches, RATE, clip)?;
        tch::manual_seed(SEED);
        let expected = train_step(&lesson.model, &mut lesson.optimizer, &batches, RATE, clip)?;
        largest = largest.max(compare_measured(measured, expected)?);
        if clip.is_infinite() {
            largest = largest.max(compare_gradients(&ours.model, &lesson.model)?);
        }
        largest = largest.max(compare_parameters(&ours.model, &lesson.model)?);
    }
    Ok(largest)
}

/// A sequence of the whole context in each of two batches.
fn batches(context: i64, seed: i64) -> Vec<Batch> {
    let sequence = |seed| {
        let ids = Tensor::from_slice(&twin::ids(context + 1, seed)).unsqueeze(0);
        Batch::new(ids.narrow(1, 0, context), ids.narrow(1, 1, context))
    };
    vec![sequence(2 * seed), sequence(2 * seed + 1)]
}

fn compare_measured(ours: Measured, lesson: Measured) -> Result<f64> {
    let number = |value: f64| Tensor::from(value);
    let loss = compare("the loss", &number(ours.loss), &number(lesson.loss), TOLERANCE, 0.0)?;
    let (norm, expected) = (number(ours.gradient_norm), number(lesson.gradient_norm));
    Ok(loss.max(compare("the gradient's norm", &norm, &expected, TOLERANCE, 0.0)?))
}

/// Some gradients, such as that of the keys' bias, are zero but for rounding: a norm counts as a hundredth of the largest at least.
fn compare_gradients(ours: &Gpt2, lesson: &Gpt2) -> Result<f64> {
    let lesson = lesson.parameters();
    let norms = lesson.iter().map(|(_, parameter)| parameter.grad().norm().double_value(&[]));
    let least = norms.fold(0.0, f64::max) / 100.0;
    let mut largest = 0.0_f64;
    for ((name, ours), (_, expected)) in ours.parameters().iter().zip(&lesson) {
        let name = format!("the gradient of {name}");
        largest = largest.max(compare(&name, &ours.grad(), &expected.grad(), TOLERANCE, least)?);
    }
    Ok(largest)
}

fn compare_parameters(ours: &Gpt2, lesson: &Gpt2) -> Result<f64> {
    let mut largest = 0.0_f64;
    for ((name, ours), (_, expected)) in ours.parameters().iter().zip(&lesson.parameters()) {
        largest =
            largest.max(compare(&format!("the updated {name}"), ours, expected, TOLERANCE, 0.0)?);
    }
    Ok(largest)
}
