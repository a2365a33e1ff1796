//! Real trained models, whose outputs other programs have computed.

use model::public_weights;
use serde_json::Value;
use std::path::PathBuf;
use tch::{Device, Kind, Tensor};

/// The folder of public test data, or a skip with one line; with `GPT2_REQUIRE_DATA=1` a skip is a failure.
fn data(path: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("GPT2_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from)
        .join(path);
    if folder.exists() {
        return Some(folder);
    }
    assert!(std::env::var_os("GPT2_REQUIRE_DATA").is_none(), "{} is missing", folder.display());
    eprintln!("skipped: {} is missing", folder.display());
    None
}

fn json(path: PathBuf) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("a readable file")).expect("JSON")
}

fn ids(value: &Value) -> Vec<i64> {
    value.as_array().expect("a list").iter().map(|id| id.as_i64().expect("an id")).collect()
}

fn largest_difference(ours: &Tensor, theirs: &Tensor) -> f64 {
    (ours.to_kind(Kind::Double) - theirs).abs().max().double_value(&[])
}

#[test]
fn trained_models_give_the_logits_of_transformers() {
    for name in ["gpt-nano-sort", "slm-char"] {
        let Some(folder) = data(&format!("models/{name}")) else { return };
        let model = public_weights::load(&folder, Device::Cpu).expect("a whole model");
        for case in json(folder.join("expected.json"))["cases"].as_array().expect("cases") {
            let rows: Vec<Vec<f64>> = serde_json::from_value(case["logits"].clone()).expect("logits");
            let expected = Tensor::from_slice2(&rows);
            let logits =
                model.forward(&Tensor::from_slice(&ids(&case["input_ids"])).unsqueeze(0), false).squeeze_dim(0);
            let gap = largest_difference(&logits, &expected);
            assert!(gap < 1e-4, "{name}: largest difference {gap:e}");
        }
    }
}
