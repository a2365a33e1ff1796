use super::*;
use crate::{
    config::{Gelu, Gpt2Config},
    fast::cpu::{
        quantize::{BLOCK, Quantized},
        simd::{narrowed, widths},
    },
    fast::twin::of_waves,
    format,
    generate::{greedy, most_probable},
};
use half::bf16;

const SIZES: Gpt2Config = Gpt2Config {
    vocab_size: 101,
    context: 40,
    channels: 72,
    heads: 3,
    layers: 2,
    hidden: 150,
    dropout: 0.0,
    qkv_bias: true,
    tied: false,
    gelu: Gelu::Tanh,
    norm_epsilon: 1e-5,
};

fn drawn(config: Gpt2Config) -> Gpt2 {
    tch::set_num_threads(1);
    of_waves(config).expect("possible sizes")
}

/// The same model, looked at in its file.
fn mapped() -> Gpt2 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    format::save(folder.path(), &drawn(SIZES)).expect("room on the disk");
    format::map(folder.path()).expect("what was saved")
}

fn text(length: i64) -> Vec<i64> {
    (0..length).map(|i| (i * 37 + 5) % 101).collect()
}

/// The largest difference at any position between a decoder that reads one token at a time and the plain model, as a part of the
/// largest score where that is above 1.
fn largest_difference(model: &Gpt2, dtype: Dtype, threads: usize, width: usize) -> f64 {
    let ids = text(model.config.context);
    let plain = tch::no_grad(|| model.forward(&Tensor::from_slice(&ids).unsqueeze(0), false))
        .squeeze_dim(0); // [T, V]
    let mut decoder = narrowed(width, || Decoder::new(model, dtype, threads)).expect("a decoder");
    let gap = |(position, &id)| {
        (decoder.read(&[id]) - plain.get(position as i64)).abs().max().double_value(&[])
    };
    let gap = ids
        .iter()
        .enumerate()
        .map(gap)
        .fold(0.0, |largest, gap| if gap <= largest { largest } else { gap });
    gap / plain.abs().max().double_value(&[]).max(1.0)
}

#[test]
fn in_32_bits_every_position_is_scored_as_by_the_plain_model() {
    for config in
        [SIZES, Gpt2Config { gelu: Gelu::Exact, tied: true, qkv_bias: false, heads: 1, ..SIZES }]
    {
        let model = drawn(config);
        for width in widths() {
            for threads in [1, 2, 3] {
                let gap = largest_difference(&model, Dtype::F32, threads, width);
                assert!(
                    gap < 1e-5,
                    "registers of {width}, {threads} threads: largest difference {gap:e}"
                );
            }
        }
    }
}

#[test]
fn weights_are_multiplied_as_they_lie_in_a_file() {
    let mapped = mapped();
    let transposed = |(name, parameter): &(String, Tensor)| {
        name.ends_with("up.weight") && !parameter.is_contiguous()
    };
    assert!(mapped.parameters().iter().any(transposed), "the weights were copied");
    for width in widths() {
        for (dtype, bound) in [(Dtype::F32, 1e-5), (Dtype::Bf16, 0.05)] {
            let gap = largest_difference(&mapped, dtype, 2, width);
            assert!(gap < bound, "{dtype} in registers of {width}: largest difference {gap:e}");
        }
    }
}

#[test]
fn a_prompt_read_with_rounded_weights_is_scored_to_one_percent() {
    for model in [drawn(SIZES), mapped()] {
        let weights = Weights::of(&model).expect("layers of a GPT-2");
        let ids = Tensor::from_slice(&text(40));
        let read = |weights: &Weights| {
            tch::no_grad(|| prompt::read(weights, &ids, &KeyValues::new(&SIZES, &[3])))
        };
        let [exact, rounded] = [read(&weights), read(&weights.rounded())];
        let gap = (&rounded - &exact).norm() / exact.norm();
        let gap = gap.double_value(&[]);
        assert!(gap > 1e-5 && gap < 1e-2, "they differ by {gap:e} of their norm");
    }
}

#[test]
fn fewer_bits_cost_little() {
    let model = drawn(SIZES);
    let logits = tch::no_grad(|| model.forward(&Tensor::from_slice(&text(40)).unsqueeze(0), false));
    let spread = logits.std(true).double_value(&[]);
    for width in widths() {
        for (dtype, bound) in [(Dtype::Bf16, 0.05), (Dtype::Int8, 0.1)] {
            let gap = largest_difference(&model, dtype, 2, width) / spread;
            assert!(gap > 1e-4, "{dtype} in registers of {width} rounds nothing: {gap:e}");
            assert!(
                gap < bound,
                "{dtype} in registers of {width}: largest difference {gap:e} of the logits' deviation"
            );
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (model, mapped) = (drawn(SIZES), mapped());
    let ways =
        [(&model, Dtype::F32), (&model, Dtype::Bf16), (&model, Dtype::Int8), (&mapped, Dtype::F32)];
    for (model, dtype) in ways {
        let [one, two, three] = [1, 2, 3].map(|threads| {
            let mut decoder = Decoder::new(model, dtype, threads).expect("a decoder");
            Tensor::stack(&text(20).iter().map(|&id| decoder.read(&[id])).collect::<Vec<_>>(), 0)
        });
        assert_eq!(one, two, "{dtype}");
        assert_eq!(one, three, "{dtype}");
    }
}

#[test]
fn a_text_may_be_read_in_pieces_of_any_length() {
    let exact = Gpt2Config { gelu: Gelu::Exact, tied: true, qkv_bias: false, heads: 1, ..SIZES };
    for (case, model) in
        [("drawn", drawn(SIZES)), ("other layers", drawn(exact)), ("mapped", mapped())]
    {
        let ids = text(40);
        let plain = tch::no_grad(|| model.forward(&Tensor::from_slice(&ids).unsqueeze(0), false))
            .select(1, -1)
            .squeeze_dim(0);
        let largest = plain.abs().max().double_value(&[]).max(1.0);
        let in_pieces = |width: usize| {
            let mut decoder = Decoder::new(&model, Dtype::F32, 2).expect("a decoder");
            for pieces in [&[40][..], &[39, 1], &[1, 38, 1], &[10, 2, 20, 3, 5], &[3, 4, 33]] {
                decoder.clear();
                let mut rest = &ids[..];
                let mut logits = Tensor::new();
                for &piece in pieces {
                    logits = decoder.read(rest.split_off(..piece).expect("40 in all"));
                }
                let gap = (logits - &plain).abs().max().double_value(&[]) / largest;
                let case = format!("{case}, {pieces:?}, registers of {width}");
                assert!(gap < 1e-5, "{case}: largest difference {gap:e}");
                assert_eq!(decoder.filled(), 40);
            }
        };
        for width in widths() {
            narrowed(width, || in_pieces(width));
        }
    }
}

#[test]
fn the_decoder_writes_what_greedy_writes() {
    let model = drawn(SIZES);
    let mut decoder = Decoder::new(&model, Dtype::F32, 2).expect("a decoder");
    let mut ids = text(8);
    let mut next = most_probable(&decoder.read(&ids));
    for _ in 0..30 {
        ids.push(next);
        next = most_probable(&decoder.read(&[next]));
    }
    assert_eq!(ids, greedy(&model, &text(8), 30));
}

#[test]
fn all_kernels_agree_whatever_the_lengths() {
    let wave =
        |length: usize, step: f32| (0..length).map(|i| (i as f32 * step).sin()).collect::<Vec<_>>();
    for (outputs, inputs) in [(1, 1), (4, 16), (5, 17), (7, 64), (9, 100), (12, 192)] {
        let (x, rows) = (wave(inputs, 0.7), wave(outputs * inputs, 1.3));
        let halves: Vec<bf16> = rows.iter().map(|w| bf16::from_f32(*w)).collect();
        let mut quantized = Quantized::default();
        quantized.set(&x);
        let padded = quantized.values.len();
        let bytes: Vec<u8> = (0..outputs * padded).map(|i| (i * 89 % 251) as u8 + 1).collect();
        let scales = wave(outputs * padded / BLOCK, 0.9);
        let results = Kernels::available().into_iter().map(|kernels| {
            let mut out = vec![vec![0.0; outputs]; 3];
            kernels.dot_f32(&rows, &x, &mut out[0]);
            kernels.dot_bf16(&halves, &x, &mut out[1]);
            kernels.dot_int8(&bytes, &scales, &quantized, &mut out[2]);
            out[2].iter_mut().for_each(|sum| *sum /= 1000.0);
            let mut mixed = vec![7.0; inputs];
            kernels.weighted_sum(&wave(outputs, 0.3), &rows, inputs, &mut mixed);
            out.push(mixed);
            let mut narrow = vec![7.0; inputs.div_ceil(2)];
            kernels.weighted_sum(
                &wave(outputs, 0.3),
                &rows[..outputs * inputs - inputs / 2],
                inputs,
                &mut narrow,
            );
            assert_eq!(
                narrow,
                out[3][..inputs.div_ceil(2)],
                "{kernels:?}, {outputs} x {inputs}: rows with a gap between"
            );
            out.push(narrow);
            (kernels, out.concat())
        });
        let results: Vec<_> = results.collect();
        for (kernels, result) in &results {
            for (i, (ours, plain)) in result.iter().zip(&results[0].1).enumerate() {
                let gap = (ours - plain).abs();
                assert!(
                    gap < 2e-5,
                    "{kernels:?}, {outputs} x {inputs}, number {i}: difference {gap:e}"
                );
            }
        }
    }
}

#[test]
fn a_row_of_8_bits_worked_out_on_paper() {
    // The largest input, 2, becomes 127: the scale is 2 / 127. The weights are 127, -127 and 0, with a scale of 0.5.
    let mut x = Quantized::default();
    x.set(&[2.0, 1.0, -2.0]);
    assert_eq!(x.values[..4], [127, 64, -127, 0]); // 63.5 goes to the even number
    let mut row = vec![128_u8; BLOCK];
    (row[0], row[1]) = (255, 1);
    let mut out = [0.0];
    for kernels in Kernels::available() {
        kernels.dot_int8(&row, &[0.5], &x, &mut out);
        // (127 * 127 - 127 * 64) * 0.5 * 2 / 127 = 63
        assert!((out[0] - 63.0).abs() < 1e-4, "{kernels:?}: {out:?}");
    }
}
