//! What a pass through the model leaves behind, held against the plain pass and against transformers.

use embedding::support::show::assert_agree;
use model::{
    config::Gpt2Config,
    format,
    gpt2::Gpt2,
    trace::{LIKELIEST, MOST_POSITIONS, Trace, trace},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::PathBuf;
use tch::{Device, Kind, Tensor};

/// Made by `data/reference/trace.py`.
const TRANSFORMERS: &str = include_str!("../../../data/reference/trace.json");

/// Each small model with its text and what transformers passes through on it.
fn cases() -> Vec<(Gpt2, Vec<i64>, Value)> {
    tch::set_num_threads(1);
    let mut all: Value = serde_json::from_str(TRANSFORMERS).expect("JSON");
    let cases: Vec<Value> = parse(all["cases"].take());
    assert!(cases.len() >= 7, "{} cases", cases.len());
    let models =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/reference/tiny-models"));
    let case = |case: Value| {
        let folder = models.join(case["model"].as_str().expect("a name"));
        (format::load(&folder, Device::Cpu).expect("a model"), parse(case["ids"].clone()), case)
    };
    cases.into_iter().map(case).collect()
}

fn parse<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("what the script wrote")
}

fn flat<T: tch::kind::Element + DeserializeOwned>(value: &Value, shape: &[i64]) -> Tensor {
    fn leaves<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value.as_array() {
            Some(parts) => parts.iter().for_each(|part| leaves(part, found)),
            None => found.push(value),
        }
    }
    let mut found = Vec::new();
    leaves(value, &mut found);
    let numbers: Vec<T> = found.into_iter().map(|leaf| parse(leaf.clone())).collect();
    Tensor::from_slice(&numbers).view(shape)
}

fn traced(model: &Gpt2, ids: &[i64]) -> Trace {
    trace(model, ids).expect("ids of the vocabulary")
}

#[test]
fn a_trace_passes_through_what_transformers_passes_through() {
    for (model, ids, theirs) in cases() {
        let (name, ours) = (theirs["model"].as_str().expect("a name"), traced(&model, &ids));
        let attention = flat::<f32>(&theirs["attention"], &ours.attention.size());
        assert_agree(&ours.attention, &attention, 1e-5, name);
        let depths = model.config.layers;
        let hidden = flat::<f32>(&theirs["hidden"], &ours.residual.size());
        // The last of theirs has passed the final norm, which the logits show.
        let before_norm = |all: &Tensor| all.narrow(0, 0, depths);
        assert_agree(&before_norm(&ours.residual), &before_norm(&hidden), 1e-5, name);
        let lens = flat::<f32>(&theirs["lens_probabilities"], &ours.lens_probabilities.size());
        assert_agree(&ours.lens_probabilities, &lens, 1e-5, name);
        assert_eq!(
            ours.lens_ids,
            flat::<i64>(&theirs["lens_ids"], &ours.lens_ids.size()),
            "{name}"
        );
    }
}

#[test]
fn a_trace_ends_with_what_the_spelled_out_pass_says_to_the_last_bit_and_nearly_with_what_the_fused_one_says()
 {
    for (model, ids, _) in cases() {
        let (ours, depths) = (traced(&model, &ids), model.config.layers);
        let deepest = |all: &Tensor| all.select(0, depths); // [T, 10]
        let batch = Tensor::from_slice(&ids).unsqueeze(0); // [1, T]
        let said = model.forward(&batch, false).squeeze_dim(0).softmax(-1, Kind::Float); // [T, V]
        let fused = said.gather(-1, &deepest(&ours.lens_ids), false);
        assert_agree(&deepest(&ours.lens_probabilities), &fused, 1e-5, "beside the fused kernel");
        // So rarely is anything dropped that nothing is, but attention is spelled out.
        let config = Gpt2Config { dropout: f64::MIN_POSITIVE, ..model.config };
        let spelled_out = Gpt2::with_parameters(config, model.store).expect("the same sizes");
        let said = spelled_out.forward(&batch, true).softmax(-1, Kind::Float); // [1, T, V]
        let (probabilities, likeliest) = said.topk(LIKELIEST, -1, true, true);
        assert_eq!(deepest(&ours.lens_probabilities), probabilities.squeeze_dim(0));
        assert_eq!(deepest(&ours.lens_ids), likeliest.squeeze_dim(0));
    }
}

#[test]
fn the_weights_of_each_reader_sum_to_1_and_it_reads_nothing_behind_itself() {
    for (model, ids, _) in cases() {
        let weights = traced(&model, &ids).attention; // [L, H, T, T]
        let sums = weights.sum_dim_intlist(-1, false, Kind::Float);
        assert_agree(&sums, &sums.ones_like(), 1e-6, "rows of weights");
        assert_eq!(weights.triu(1), weights.zeros_like());
    }
}

#[test]
fn what_cannot_be_traced_is_refused_with_a_sentence() {
    let model = Gpt2::new(
        Gpt2Config {
            context: 512,
            channels: 8,
            heads: 2,
            layers: 1,
            vocab_size: 5,
            ..Gpt2Config::TINY
        },
        Device::Cpu,
    )
    .expect("a possible model");
    let refusal = |ids: &[i64]| trace(&model, ids).expect_err("a refusal").to_string();
    let most = MOST_POSITIONS as usize;
    assert_eq!(refusal(&vec![0; most + 1]), "257 positions are too many to keep; give 256");
    assert_eq!(refusal(&[0, 5]), "id 5 is outside the vocabulary of 5 entries");
    assert!(refusal(&[]).starts_with("there must be at least one id"));
    let whole = traced(&model, &vec![1; most]);
    assert_eq!(whole.attention.size(), [1, 2, 256, 256]);
    assert_eq!(whole.lens_ids.size(), [2, 256, 5], "no more than the vocabulary has");
}
