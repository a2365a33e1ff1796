//! The proof that the fast step is the lesson's.

use super::FastStep;
use crate::{
    adamw::{AdamW, AdamWSettings},
    loss::IGNORED,
    settings::{Precision, TrainSettings},
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
/// What libtorch's generator begins with in each step of a proof; a run seeds it anew before whatever it draws.
const SEED: i64 = 7;

/// How far results may be apart.
#[derive(Clone, Copy)]
struct Bounds {
    /// As a part of a tensor's norm.
    tolerance: f64,
    /// What the norm of a gradient counts as at least, as a part of the largest: some, such as that of the keys' bias, are zero but
    /// for rounding.
    least: f64,
    /// Added to the root of the mean square: so large that a gradient of nothing but rounding moves no weight.
    epsilon: f64,
    /// What the twin's weights are multiplied by.
    size: f64,
}

const EXACT: Bounds = Bounds { tolerance: TOLERANCE, least: 0.01, epsilon: 1e-4, size: 1.0 };
/// For bfloat16, with weights about as large as those that GPT-2 begins with, for which gradients differ by half a percent. The whole
/// ones, larger than a trained model's, give softmax scores that magnify a rounding tenfold.
const ROUNDED: Bounds = Bounds { tolerance: 1e-2, least: 0.1, epsilon: 1e-2, size: 0.05 };

/// Proves that two steps of a small twin of the model change every parameter as the lesson's two steps do: on two sequences of the
/// whole context or more of a short one, the second step with a gradient that is clipped. Steps in bfloat16 are held against those in float32.
///
/// # Errors
/// Names what differs first.
pub fn training(config: &Gpt2Config, settings: &TrainSettings) -> Result<()> {
    let AdamWSettings { beta1, beta2, weight_decay, .. } = settings.optimizer;
    let of_type = match settings.precision {
        Precision::F32 => "",
        Precision::Bf16 => " in bf16",
    };
    let what = format!("training{of_type} with AdamW({beta1}, {beta2}, {weight_decay})");
    once(&what, config, || {
        let twin = |bounds, fast| Twin::new(config, bounds, settings.optimizer, fast);
        let exact = |bounds| twin(bounds, Some(Precision::F32));
        let gap = take_two_steps(exact(EXACT)?, twin(EXACT, None)?, EXACT)?;
        let exact_gap = format!("f32 against the lesson: {gap:.1e}");
        if settings.precision == Precision::F32 {
            return Ok(exact_gap);
        }
        let rounded = twin(ROUNDED, Some(Precision::Bf16))?;
        let gap = take_two_steps(rounded, exact(ROUNDED)?, ROUNDED)?;
        Ok(format!("{exact_gap}; bf16 against f32: {gap:.1e}"))
    })
}

struct Twin {
    model: Gpt2,
    optimizer: AdamW,
    /// Without it, the lesson takes the steps.
    fast: Option<FastStep>,
}

impl Twin {
    fn new(
        config: &Gpt2Config,
        bounds: Bounds,
        settings: AdamWSettings,
        fast: Option<Precision>,
    ) -> Result<Self> {
        let model = twin::model(config)?;
        for (name, mut parameter) in model.parameters() {
            if !name.contains("norm") {
                let _ = tch::no_grad(|| parameter.g_mul_scalar_(bounds.size));
            }
        }
        let settings = AdamWSettings { epsilon: bounds.epsilon, ..settings };
        let optimizer = AdamW::new(model.parameters(), settings);
        let fast = fast.map(|precision| FastStep::new(&model, precision)).transpose()?;
        Ok(Self { model, optimizer, fast })
    }

    fn step(&mut self, batches: &[Batch], clip: f64) -> Result<Measured> {
        let Self { model, optimizer, fast } = self;
        tch::manual_seed(SEED); // for dropout
        match fast {
            Some(fast) => fast.take(optimizer, batches, RATE, clip),
            None => train_step(model, optimizer, batches, RATE, clip),
        }
    }
}

/// The largest difference of two twins over two steps.
fn take_two_steps(mut ours: Twin, mut expected: Twin, bounds: Bounds) -> Result<f64> {
    let mut largest = 0.0_f64;
    for (number, clip) in [f64::INFINITY, 0.01].into_iter().enumerate() {
        let batches = batches(ours.model.config.context, number as i64);
        let measured = [ours.step(&batches, clip)?, expected.step(&batches, clip)?];
        largest = largest.max(compare_measured(measured, bounds.tolerance)?);
        if clip.is_infinite() {
            largest = largest.max(compare_gradients(&ours.model, &expected.model, bounds)?);
        }
        largest = largest.max(compare_parameters(&ours.model, &expected.model, bounds.tolerance)?);
    }
    Ok(largest)
}

/// A sequence of the whole context in each of two batches; of a short context as many as make up 128 tokens, over which roundings
/// even out. In the second batch the last half of each counts alone, as in fine-tuning.
fn batches(context: i64, seed: i64) -> Vec<Batch> {
    let rows = (128 / context).max(1);
    let sequences = |seed, ignored: i64| {
        let ids = twin::ids(rows * (context + 1), seed);
        let ids = Tensor::from_slice(&ids).view([rows, context + 1]);
        let part = |start| ids.narrow(1, start, context).copy();
        let targets = part(1);
        let _ = targets.narrow(1, 0, ignored).fill_(IGNORED);
        Batch::new(part(0), targets)
    };
    vec![sequences(2 * seed, 0), sequences(2 * seed + 1, context / 2)]
}

fn compare_measured(measured: [Measured; 2], tolerance: f64) -> Result<f64> {
    let [loss, expected_loss] = measured.map(|measured| Tensor::from(measured.loss));
    let [norm, expected_norm] = measured.map(|measured| Tensor::from(measured.gradient_norm));
    let loss = compare("the loss", &loss, &expected_loss, tolerance, 0.0)?;
    Ok(loss.max(compare("the gradient's norm", &norm, &expected_norm, tolerance, 0.0)?))
}

fn compare_gradients(ours: &Gpt2, expected: &Gpt2, bounds: Bounds) -> Result<f64> {
    let expected = expected.parameters();
    let norms = expected.iter().map(|(_, parameter)| parameter.grad().norm().double_value(&[]));
    let least = norms.fold(0.0, f64::max) * bounds.least;
    let mut largest = 0.0_f64;
    for ((name, ours), (_, expected)) in ours.parameters().iter().zip(&expected) {
        let name = format!("the gradient of {name}");
        largest =
            largest.max(compare(&name, &ours.grad(), &expected.grad(), bounds.tolerance, least)?);
    }
    Ok(largest)
}

fn compare_parameters(ours: &Gpt2, expected: &Gpt2, tolerance: f64) -> Result<f64> {
    let mut largest = 0.0_f64;
    for ((name, ours), (_, expected)) in ours.parameters().iter().zip(&expected.parameters()) {
        largest =
            largest.max(compare(&format!("the updated {name}"), ours, expected, tolerance, 0.0)?);
    }
    Ok(largest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::config::Gelu;

    #[test]
    fn bf16_is_proven_for_short_and_long_contexts_with_and_without_dropout() {
        let _alone = crate::seeds::alone();
        tch::set_num_threads(1);
        let settings = TrainSettings { precision: Precision::Bf16, ..TrainSettings::default() };
        let tiny = Gpt2Config::TINY;
        let plain = Gpt2Config { qkv_bias: false, tied: false, gelu: Gelu::Exact, ..tiny };
        for (context, dropout) in [(4, 0.0), (8, 0.1), (32, 0.0), (64, 0.1), (256, 0.0)] {
            for config in [tiny, plain] {
                let config = Gpt2Config { context, dropout, ..config };
                if let Err(reason) = training(&config, &settings) {
                    panic!("context {context}, dropout {dropout}: {reason:#}");
                }
            }
        }
    }
}
