use super::*;
use crate::{
    adamw::{AdamW, AdamWSettings, clip_factor},
    fast::fused_adamw::fused_step,
    loss::{IGNORED, batch_loss},
    seeds::alone,
    settings::Precision,
};
use model::{
    config::Gelu,
    fast::{
        cpu::simd::{narrowed, widths},
        twin::{self, of_waves},
    },
};

fn model(config: Gpt2Config) -> Gpt2 {
    of_waves(config).expect("a possible model")
}

fn small() -> Gpt2Config {
    Gpt2Config {
        vocab_size: 17,
        context: 8,
        channels: 12,
        layers: 2,
        heads: 3,
        hidden: 48,
        dropout: 0.0,
        ..Gpt2Config::TINY
    }
}

/// Ids without a visible order, others for each seed.
fn ids(shape: [i64; 2], seed: i64) -> Tensor {
    let ids = twin::ids(shape.iter().product(), seed);
    Tensor::from_slice(&ids).remainder(17).view(shape)
}

fn gradients(model: &Gpt2) -> Vec<(String, Tensor)> {
    model
        .parameters()
        .into_iter()
        .map(|(name, parameter)| (name, parameter.grad().copy()))
        .collect()
}

#[track_caller]
fn assert_equal(case: &str, ours: &[(String, Tensor)], autograd: &[(String, Tensor)]) {
    for ((name, ours), (_, expected)) in ours.iter().zip(autograd) {
        let gap = (ours - expected).abs().max().double_value(&[]);
        let size = expected.abs().max().double_value(&[]);
        assert!(
            size > 0.0 && gap <= 1e-6 * (1.0 + size),
            "{case}, {name}: largest difference {gap:e} at a size of {size:e}"
        );
    }
}

#[test]
fn every_gradient_is_that_of_autograd() {
    let _alone = alone();
    let long = Gpt2Config { context: 300, ..small() };
    let ignored = |targets: &Tensor| targets.masked_fill(&targets.ge(6), IGNORED);
    for (case, config, shape, targets_of) in [
        ("tied", small(), [3, 8], &Tensor::shallow_clone as &dyn Fn(&Tensor) -> Tensor),
        ("untied", Gpt2Config { tied: false, ..small() }, [3, 8], &Tensor::shallow_clone),
        (
            "the exact GELU",
            Gpt2Config { gelu: Gelu::Exact, ..small() },
            [3, 8],
            &Tensor::shallow_clone,
        ),
        ("no bias", Gpt2Config { qkv_bias: false, ..small() }, [3, 8], &Tensor::shallow_clone),
        ("less than the context", small(), [2, 5], &Tensor::shallow_clone),
        ("targets that do not count", small(), [3, 8], &ignored),
        ("texts that begin alike", small(), [3, 8], &Tensor::shallow_clone),
        (
            "one block, one target",
            Gpt2Config { layers: 1, tied: false, ..small() },
            [2, 8],
            &|targets: &Tensor| {
                let one = targets.full_like(IGNORED);
                one.narrow(1, 5, 1).narrow(0, 1, 1).copy_(&targets.narrow(1, 5, 1).narrow(0, 1, 1));
                one
            },
        ),
        ("several chunks of logits", long, [2, 300], &Tensor::shallow_clone),
        ("dropout", Gpt2Config { dropout: 0.3, ..small() }, [3, 8], &Tensor::shallow_clone),
        ("dropout, a long text", Gpt2Config { dropout: 0.1, ..long }, [2, 290], &ignored),
        (
            "dropout, texts that begin alike",
            Gpt2Config { dropout: 0.1, tied: false, ..small() },
            [3, 8],
            &ignored,
        ),
    ] {
        let model = model(config);
        let (inputs, targets) = (ids(shape, 1), targets_of(&ids(shape, 2)));
        if case.ends_with("texts that begin alike") {
            let first = inputs.narrow(0, 0, 1);
            inputs.narrow(1, 0, 5).copy_(&first.narrow(1, 0, 5));
        }
        tch::manual_seed(5);
        let expected_loss = batch_loss(&model, &inputs, &targets, true);
        expected_loss.backward();
        let expected = gradients(&model);
        for width in widths() {
            let case = format!("{case}, registers of {width}");
            let mut gradient = Gradient::of(&model, Precision::F32).expect("a plain model");
            tch::manual_seed(5);
            let loss = narrowed(width, || gradient.add(&inputs, &targets, 1.0, true));
            let gap = (loss / expected_loss.double_value(&[]) - 1.0).abs();
            assert!(gap < 1e-6, "{case}: losses differ by a factor of {gap:e}");
            assert_equal(&case, &gradients(&model), &expected);
        }
    }
}

#[test]
fn several_batches_of_a_step_add_up_and_the_next_step_begins_anew() {
    let _alone = alone();
    for dropout in [0.2, 0.0] {
        let model = model(Gpt2Config { dropout, ..small() });
        let batches = [(0.75, 1), (0.25, 3)].map(|(weight, seed)| {
            let targets = ids([3, 8], seed + 1);
            (ids([3, 8], seed), targets.masked_fill(&targets.ge(9), IGNORED), weight)
        });
        tch::manual_seed(5);
        for (inputs, targets, weight) in &batches {
            (batch_loss(&model, inputs, targets, true) * *weight).backward();
        }
        let expected = gradients(&model);
        let mut gradient = Gradient::of(&model, Precision::F32).expect("a plain model");
        for step in ["first step", "second step"] {
            tch::manual_seed(5);
            for (number, (inputs, targets, weight)) in batches.iter().enumerate() {
                gradient.add(inputs, targets, *weight, number == 0);
            }
            assert_equal(&format!("{step}, dropout {dropout}"), &gradients(&model), &expected);
        }
    }
}

#[test]
fn batches_of_all_sizes_share_the_memory() {
    let config = Gpt2Config { tied: false, ..small() };
    let (by_hand, by_autograd) = (model(config), model(config));
    let mut gradient = Gradient::of(&by_hand, Precision::F32).expect("a plain model");
    let optimizer = AdamW::new(by_autograd.parameters(), AdamWSettings::default());
    for shape in [[1, 3], [40, 8], [2, 5], [41, 8], [1, 1]] {
        let (inputs, targets) = (ids(shape, 1), ids(shape, 2));
        optimizer.zero_grad();
        batch_loss(&by_autograd, &inputs, &targets, true).backward();
        gradient.add(&inputs, &targets, 1.0, true);
        let case = format!("{shape:?}");
        for ((name, ours), (_, expected)) in
            gradients(&by_hand).iter().zip(&gradients(&by_autograd))
        {
            let gap = (ours - expected).abs().max().double_value(&[]);
            assert!(gap < 1e-6, "{case}, {name}: largest difference {gap:e}");
        }
    }
}

#[test]
fn other_numbers_than_float32_are_left_to_autograd() {
    let mut double = model(small());
    double.store.double();
    assert!(Gradient::of(&double, Precision::F32).is_err());
}

#[test]
fn ten_steps_lead_where_autograd_leads() {
    let config = small();
    let by_hand = model(config);
    let by_autograd = model(config);
    let (inputs, targets) = (ids([3, 8], 1), ids([3, 8], 2));
    let [mut ours, mut theirs] = [&by_hand, &by_autograd]
        .map(|model| AdamW::new(model.parameters(), AdamWSettings::default()));
    let mut gradient = Gradient::of(&by_hand, Precision::F32).expect("a plain model");
    for step in 0..10 {
        let loss = gradient.add(&inputs, &targets, 1.0, true);
        theirs.zero_grad();
        let expected = batch_loss(&by_autograd, &inputs, &targets, true);
        expected.backward();
        let expected = expected.double_value(&[]);
        assert!((loss / expected - 1.0).abs() < 1e-5, "step {step}: {loss}, not {expected}");
        for optimizer in [&mut ours, &mut theirs] {
            let clip = clip_factor(optimizer.gradient_norm(), 1.0);
            fused_step(optimizer, 1e-3, clip);
        }
    }
}

#[test]
fn in_bf16_every_gradient_is_that_of_float32_to_one_percent() {
    let _alone = alone();
    let config = Gpt2Config { channels: 64, heads: 2, hidden: 256, dropout: 0.1, ..small() };
    for config in
        [config, Gpt2Config { tied: false, ..config }, Gpt2Config { dropout: 0.0, ..config }]
    {
        let model = model(config);
        tch::manual_seed(1);
        model.initialize_as_gpt2(); // larger weights magnify a rounding
        let (inputs, targets) = (ids([6, 8], 1), ids([6, 8], 2));
        let targets = targets.masked_fill(&targets.ge(12), IGNORED);
        let [(loss, exact), (rounded_loss, rounded)] =
            [Precision::F32, Precision::Bf16].map(|precision| {
                tch::manual_seed(5);
                let mut gradient = Gradient::of(&model, precision).expect("a plain model");
                (gradient.add(&inputs, &targets, 1.0, true), gradients(&model))
            });
        assert!((rounded_loss / loss - 1.0).abs() < 1e-2, "{rounded_loss}, not {loss}");
        let norm = |x: &Tensor| x.norm().double_value(&[]);
        let least = exact.iter().map(|(_, x)| norm(x)).fold(0.0, f64::max) / 100.0;
        let gaps = rounded.iter().zip(&exact).map(|((name, ours), (_, exact))| {
            (name, norm(&(ours - exact)) / norm(exact).max(least))
        });
        for (name, gap) in gaps {
            assert!(gap < 1e-2, "{name} differs by {gap:e} of its norm");
        }
        assert_ne!(rounded[5].1, exact[5].1, "nothing was rounded");
    }
}

#[test]
fn in_bf16_a_step_reads_the_weights_of_the_step_before() {
    let model = model(small());
    let (inputs, targets) = (ids([3, 8], 1), ids([3, 8], 2));
    let mut gradient = Gradient::of(&model, Precision::Bf16).expect("a plain model");
    let before = gradient.add(&inputs, &targets, 1.0, true);
    let mut up = model.store.variables()["blocks.0.feed_forward.up.weight"].shallow_clone();
    let _ = tch::no_grad(|| up.fill_(0.1));
    let mut anew = Gradient::of(&model, Precision::Bf16).expect("a plain model");
    let expected = anew.add(&inputs, &targets, 1.0, true);
    assert_ne!(before.to_bits(), expected.to_bits(), "the edit did nothing");
    let after = gradient.add(&inputs, &targets, 1.0, true);
    assert_eq!(after.to_bits(), expected.to_bits());
}
