//! Losses, gradients and optimizer steps that other programs have computed.

#[path = "../../embedding/tests/public_data/mod.rs"]
mod public_data;

use model::{
    fast::path::CodePath,
    format::{self, safetensors::WeightFile},
    gpt2::Gpt2,
};
use public_data::public_data;
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};
use tch::{Device, Tensor, nn};
use train::{
    adamw::{AdamW, AdamWSettings},
    evaluate::sliding_loss,
    fast::{fused_adamw::fused_step, stepper},
    settings::TrainSettings,
    step::Batch,
};

type Step = fn(&mut AdamW, f64);

#[test]
fn five_adamw_steps_give_the_weights_of_pytorch_but_for_their_last_digits() {
    let path =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/reference/adamw.safetensors"));
    let mut file = WeightFile::open(path).expect("a committed file");
    let ways: [(&str, Step); 2] =
        [("plain", AdamW::step), ("fused", |optimizer, rate| fused_step(optimizer, rate, 1.0))];
    for (way, take_step) in ways {
        let store = nn::VarStore::new(Device::Cpu);
        let parameters = (0..3).map(|i| {
            let before = file.tensor(&format!("before.{i}")).expect("weights");
            (i.to_string(), store.root().add(&i.to_string(), before, true))
        });
        let mut optimizer = AdamW::new(parameters.collect(), AdamWSettings::default());
        for step in 0..5 {
            optimizer.zero_grad();
            for (i, parameter) in &optimizer.parameters {
                let gradient = file.tensor(&format!("gradient.{step}.{i}")).expect("gradients");
                (parameter * gradient).sum(tch::Kind::Float).backward();
            }
            take_step(&mut optimizer, 4e-4);
            for (i, parameter) in &optimizer.parameters {
                let after = file.tensor(&format!("after.{step}.{i}")).expect("weights");
                // Not bit for bit: the vector library behind `sqrt` rounds differently from processor to processor.
                let close = parameter.allclose(&after, 5e-7, 1e-9, false);
                assert!(close, "{way}: step {step}, parameter {i}");
            }
        }
    }
}

fn ids(value: &Value) -> Tensor {
    let rows: Vec<Vec<i64>> = serde_json::from_value(value.clone()).expect("rows of ids");
    Tensor::from_slice2(&rows)
}

/// Stacks what query, key and value have, as the public file does.
fn gradients_by_public_name(model: &Gpt2) -> BTreeMap<String, Tensor> {
    let gradients: BTreeMap<String, Tensor> =
        model.parameters().into_iter().map(|(name, parameter)| (name, parameter.grad())).collect();
    let mut parts: BTreeMap<String, Vec<Tensor>> = BTreeMap::new();
    for origin in format::origins(&model.config) {
        let gradient = &gradients[&origin.ours];
        let public = if origin.transposed { gradient.tr() } else { gradient.shallow_clone() };
        parts.entry(origin.public).or_default().push(public);
    }
    parts.into_iter().map(|(name, parts)| (name, Tensor::cat(&parts, -1))).collect()
}

#[test]
fn gradients_and_ten_clipped_steps_equal_those_of_transformers() {
    let Some(folder) = public_data("models/slm-char") else { return };
    let text =
        std::fs::read_to_string(folder.join("expected_train.json")).expect("a readable file");
    let expected: Value = serde_json::from_str(&text).expect("JSON");
    let batches = [Batch::new(ids(&expected["x"]), ids(&expected["y"]))];
    let settings = TrainSettings::default();
    for path in [CodePath::Lesson, CodePath::Fast] {
        let model = format::load(&folder, Device::Cpu).expect("a whole model");
        let (_, mut take_step, _) = stepper(&model, &settings, Some(path)).expect("a way to step");
        let mut optimizer = AdamW::new(model.parameters(), AdamWSettings::default());
        // A step of no length, so that only the gradients are found, and not clipped.
        let still = take_step(&model, &mut optimizer, &batches, 0.0, f64::INFINITY);
        still.expect("a finite gradient");
        check_gradients(&model, &folder, path);
        let mut optimizer = AdamW::new(model.parameters(), AdamWSettings::default());
        for (step, row) in expected["steps"].as_array().expect("steps").iter().enumerate() {
            let (loss, norm) = (row[0].as_f64().expect("a loss"), row[1].as_f64().expect("a norm"));
            let ours = take_step(&model, &mut optimizer, &batches, 1e-3, 1.0).expect("a step");
            let case = format!("{path}, step {step}");
            let (our_loss, our_norm) = (ours.loss, ours.gradient_norm);
            assert!((our_loss / loss - 1.0).abs() < 1e-4, "{case}: loss {our_loss}, not {loss}");
            assert!(
                (our_norm / norm - 1.0).abs() < 1e-4,
                "{case}: gradient norm {our_norm}, not {norm}"
            );
        }
    }
}

fn check_gradients(model: &Gpt2, folder: &Path, path: CodePath) {
    let mut file =
        WeightFile::open(&folder.join("expected_grads_step0.safetensors")).expect("a whole file");
    for (name, ours) in gradients_by_public_name(model) {
        let theirs = file.tensor(&format!("transformer.{name}")).expect("a gradient");
        let gap = (&ours - &theirs).norm().double_value(&[]) / theirs.norm().double_value(&[]);
        assert!(gap < 1e-5, "{path}, {name}: relative difference {gap:e}");
    }
}

/// `data/reference/perplexity.py` has transformers slide the same windows.
#[test]
fn the_loss_of_a_long_text_by_sliding_windows_is_that_of_transformers() {
    let reference = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/reference"));
    let cases = std::fs::read_to_string(reference.join("perplexity.json")).expect("committed");
    let cases: Vec<Value> = serde_json::from_str(&cases).expect("JSON");
    assert_eq!(cases.len(), 8);
    for case in cases {
        let folder = reference.join("tiny-models").join(case["model"].as_str().expect("a name"));
        let model = format::load(&folder, Device::Cpu).expect("a model");
        let ids: Vec<i64> = serde_json::from_value(case["ids"].clone()).expect("ids");
        let stride = case["stride"].as_u64().expect("a number") as usize;
        let loss = sliding_loss(&model, &ids, stride, || {}).expect("two ids");
        let gap = (loss - case["loss"].as_f64().expect("a number")).abs();
        assert!(gap < 1e-5, "{} ids, stride {stride}: {gap:e}", ids.len());
    }
}
