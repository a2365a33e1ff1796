//! AdamW in one pass over memory (chapter 4.4).
//!
//! [`AdamW::step`] is a dozen operations, each of which walks through all weights, and a step of the 124M model waits for memory most
//! of the time, for four arrays of half a gigabyte. Here each number is fetched once, goes through the same operations in a register,
//! and is written back once.
//!
//! The moments keep their bits. A weight can differ in its last one, because the vector library behind libtorch's `sqrt` does not
//! always round to the nearest number, and a processor's own root does. Where figures are held against PyTorch's, the plain step runs.
//!
//! `cargo xtask bench train --only train-2x256` measures it.

use crate::adamw::{AdamW, AdamWSettings};
use model::{
    fast::cpu::{
        tensor_slice::{is_f32_slice, with_groups},
        threads::parallel_for,
    },
    multiversion,
};
use tch::Tensor;

/// Weights in a piece: 1 MB in four arrays, so that threads end together.
const PIECE: usize = 1 << 16;

/// The numbers that one step applies to every weight alike, rounded to float32 where libtorch rounds them.
#[derive(Clone, Copy)]
struct Update {
    clip: f32,
    decay: f32,
    mean_weight: f32,
    beta2: f32,
    square_weight: f32,
    root_correction: f32,
    epsilon: f32,
    rate: f32,
}

impl Update {
    fn new(settings: AdamWSettings, step: i32, learning_rate: f64, clip: f64) -> Self {
        let AdamWSettings { beta1, beta2, epsilon, weight_decay } = settings;
        Self {
            clip: clip as f32,
            decay: (1.0 - learning_rate * weight_decay) as f32,
            mean_weight: (1.0 - beta1) as f32,
            beta2: beta2 as f32,
            square_weight: (1.0 - beta2) as f32,
            root_correction: (1.0 - beta2.powi(step)).sqrt() as f32,
            epsilon: epsilon as f32,
            rate: (-learning_rate / (1.0 - beta1.powi(step))) as f32,
        }
    }

    /// [`AdamW::step`] for some of the weights. `lerp_` rounds once for its product and sum, the other operations each for itself.
    #[expect(
        clippy::inline_always,
        reason = "compiled anew within each function for which other instructions are allowed"
    )]
    #[inline(always)]
    fn apply(self, piece: &mut Piece) {
        let weights = piece.parameter.iter_mut().zip(piece.gradient);
        for ((parameter, gradient), (mean, square)) in
            weights.zip(piece.mean.iter_mut().zip(&mut *piece.mean_square))
        {
            let gradient = gradient * self.clip;
            *mean = self.mean_weight.mul_add(gradient - *mean, *mean);
            *square = *square * self.beta2 + gradient * self.square_weight * gradient;
            let root = square.sqrt() / self.root_correction + self.epsilon;
            *parameter = *parameter * self.decay + *mean * self.rate / root;
        }
    }
}

multiversion! {
    fn apply_simd(update: Update, piece: &mut Piece) = Update::apply;
}

/// Does what [`AdamW::step`] does after the gradients were multiplied by `clip`, which they are not.
///
/// Where a tensor is not on the CPU, contiguous and in float32, the plain step is taken.
pub fn fused_step(optimizer: &mut AdamW, learning_rate: f64, clip: f64) {
    let mut tensors: Vec<[Tensor; 4]> = Vec::new();
    for ((_, parameter), (mean, square)) in optimizer.parameters.iter().zip(&optimizer.moments) {
        let gradient = parameter.grad();
        if gradient.defined() {
            let of = Tensor::shallow_clone;
            tensors.push([of(parameter), gradient, of(mean), of(square)]);
        }
    }
    // `lerp_` computes by another formula for weights from a half on.
    if optimizer.settings.beta1 <= 0.5 || !tensors.iter().flatten().all(is_f32_slice) {
        for [_, gradient, ..] in &mut tensors {
            let _ = tch::no_grad(|| gradient.g_mul_scalar_(clip));
        }
        return optimizer.step(learning_rate);
    }
    optimizer.steps += 1;
    let update = Update::new(optimizer.settings, optimizer.steps, learning_rate, clip);
    with_groups(&mut tensors, |tensors| {
        parallel_for(tensors.into_iter().flat_map(pieces).collect(), |mut piece| {
            apply_simd(update, &mut piece);
        });
    });
}

/// A stretch of a parameter with what belongs to it.
struct Piece<'a> {
    parameter: &'a mut [f32],
    gradient: &'a [f32],
    mean: &'a mut [f32],
    mean_square: &'a mut [f32],
}

/// Cuts a parameter, its gradient and its two moments, which are four pieces of memory, into pieces.
fn pieces(
    [parameter, gradient, mean, mean_square]: [&mut [f32]; 4],
) -> impl Iterator<Item = Piece<'_>> {
    parameter
        .chunks_mut(PIECE)
        .zip(gradient.chunks(PIECE))
        .zip(mean.chunks_mut(PIECE).zip(mean_square.chunks_mut(PIECE)))
        .map(|((parameter, gradient), (mean, mean_square))| Piece {
            parameter,
            gradient,
            mean,
            mean_square,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adamw::clip_factor;
    use model::fast::{
        cpu::simd::{narrowed, widths},
        twin::wave,
    };
    use tch::{Device, Kind, nn};

    fn drawn(shape: &[i64], scale: f64) -> Tensor {
        wave(shape, 0) * scale
    }

    /// Two optimizers for the same weights: of a large parameter that fills several pieces, and of a small one.
    fn pair() -> [(nn::VarStore, AdamW); 2] {
        [(), ()].map(|()| {
            let store = nn::VarStore::new(Device::Cpu);
            let parameters =
                [("matrix", vec![331, 401]), ("bias", vec![7])].map(|(name, shape)| {
                    (name.to_owned(), store.root().add(name, drawn(&shape, 0.02), true))
                });
            (store, AdamW::new(Vec::from(parameters), AdamWSettings::default()))
        })
    }

    fn set_gradients(optimizer: &AdamW, step: i32) {
        optimizer.zero_grad();
        for (_, parameter) in &optimizer.parameters {
            let gradient = drawn(&parameter.size(), 3.7 / f64::from(step + 1));
            (parameter * gradient).sum(Kind::Float).backward();
        }
    }

    #[test]
    fn one_pass_keeps_the_moments_of_the_plain_step_and_its_weights_but_for_the_last_bit() {
        let [(_a, mut plain), (_b, mut fast)] = pair();
        for step in 0..10 {
            set_gradients(&plain, step);
            set_gradients(&fast, step);
            let clip = clip_factor(fast.gradient_norm(), 1.0);
            assert!(clip < 0.1, "the gradient is long enough to be clipped");
            plain.clip_gradients(1.0).expect("a finite gradient");
            plain.step(4e-4);
            fused_step(&mut fast, 4e-4, clip);
            for ((name, ours), (_, expected)) in fast.parameters.iter().zip(&plain.parameters) {
                let gap = (ours - expected).abs().max().double_value(&[]);
                assert!(gap < 1e-8, "{name} after step {step}: difference {gap:e}");
            }
            assert_eq!(fast.state(), plain.state(), "moments after step {step}");
        }
    }

    #[test]
    fn each_width_of_registers_gives_the_same_bits() {
        let before = Vec::<f32>::try_from(drawn(&[1000], 0.3)).expect("numbers");
        let gradient = Vec::<f32>::try_from(drawn(&[1000], 2.1)).expect("numbers");
        let update = Update::new(AdamWSettings::default(), 3, 1e-3, 0.7);
        let updated = || {
            let [mut parameter, mut mean] = [(); 2].map(|()| before.clone());
            let mut mean_square: Vec<f32> = before.iter().map(|square| square.abs()).collect();
            apply_simd(
                update,
                &mut Piece {
                    parameter: &mut parameter,
                    gradient: &gradient,
                    mean: &mut mean,
                    mean_square: &mut mean_square,
                },
            );
            [parameter, mean, mean_square]
        };
        for width in widths() {
            assert_eq!(narrowed(width, updated), narrowed(1, updated), "registers of {width}");
        }
        assert_ne!(updated()[0], before);
    }

    #[test]
    fn a_parameter_in_another_order_of_memory_takes_the_plain_step() {
        let [(_a, mut plain), (_b, mut fast)] = pair();
        for optimizer in [&mut plain, &mut fast] {
            let (_, parameter) = &mut optimizer.parameters[0];
            parameter.set_data(&parameter.tr().contiguous().tr());
        }
        set_gradients(&plain, 3);
        set_gradients(&fast, 3);
        plain.step(4e-4);
        fused_step(&mut fast, 4e-4, 1.0);
        assert_eq!(fast.parameters, plain.parameters);
        assert_eq!(fast.steps, 1);
    }
}
