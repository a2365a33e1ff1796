//! Models that others have trained or drawn, whose outputs other programs have computed.

#[path = "../../embedding/tests/public_data/mod.rs"]
mod public_data;

use attention::{
    attend::{attend, attention_weights},
    linear::Linear,
    mask::causal_mask,
    multi_head::MultiHeadAttention,
};
use embedding::embed::InputEmbedding;
use embedding::support::show::assert_agree;
use model::{
    block::Block,
    config::{Gelu, Gpt2Config},
    feed_forward::FeedForward,
    format,
    format::safetensors::WeightFile,
    generate::{CachedModel, Generator, greedy, most_probable},
    gpt2::Gpt2,
    norm::LayerNorm,
};
use public_data::public_data;
use serde_json::Value;
use std::{
    iter,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tch::{Device, Kind, Tensor, nn::VarStore};

fn load(folder: &Path) -> Gpt2 {
    // These models are so small that a second thread costs more than it gives.
    tch::set_num_threads(1);
    let model = format::load(folder, Device::Cpu).expect("a whole model");
    let mapped = format::map(folder).expect("the same model");
    for ((name, read), (_, seen)) in model.parameters().iter().zip(&mapped.parameters()) {
        assert_eq!(read, seen, "{name}");
    }
    model
}

/// Tests run side by side but libtorch has one random generator: whoever draws holds it alone.
fn generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("a readable file")).expect("JSON")
}

fn ids(value: &Value) -> Vec<i64> {
    value.as_array().expect("a list").iter().map(|id| id.as_i64().expect("an id")).collect()
}

fn largest_difference(ours: &Tensor, theirs: &Tensor) -> f64 {
    assert_eq!(ours.size(), theirs.size());
    (ours.to_kind(Kind::Double) - theirs).abs().max().double_value(&[])
}

#[test]
fn trained_models_give_the_logits_of_transformers() {
    for name in ["gpt-nano-sort", "slm-char"] {
        let Some(folder) = public_data(&format!("models/{name}")) else { continue };
        let model = load(&folder);
        for case in json(&folder.join("expected.json"))["cases"].as_array().expect("cases") {
            let rows: Vec<Vec<f64>> =
                serde_json::from_value(case["logits"].clone()).expect("logits");
            let expected = Tensor::from_slice2(&rows);
            let logits = model
                .forward(&Tensor::from_slice(&ids(&case["input_ids"])).unsqueeze(0), false)
                .squeeze_dim(0);
            let gap = largest_difference(&logits, &expected);
            assert!(gap < 1e-4, "{name}: largest difference {gap:e}");
        }
    }
}

#[test]
fn trained_models_write_what_they_write_in_transformers() {
    for (name, prompt, text) in
        [("gpt-nano-sort", "prompt", "continuation"), ("slm-char", "prompt_ids", "greedy_ids")]
    {
        let Some(folder) = public_data(&format!("models/{name}")) else { continue };
        let model = load(&folder);
        for case in json(&folder.join("expected.json"))["greedy"].as_array().expect("cases") {
            let (prompt, text) = (ids(&case[prompt]), ids(&case[text]));
            assert_eq!(
                greedy(&model, &prompt, text.len())[prompt.len()..],
                text,
                "{name} after {prompt:?}"
            );
            let mut reader = CachedModel::new(&model);
            let writer = Generator::new(&mut reader, &prompt, most_probable)
                .expect("a prompt within the vocabulary");
            assert_eq!(
                writer.take(text.len()).collect::<Vec<_>>(),
                text,
                "{name} with a cache after {prompt:?}"
            );
        }
    }
}

#[test]
fn the_sorting_model_sorts_all_729_lists() {
    let Some(folder) = public_data("models/gpt-nano-sort") else { return };
    let model = load(&folder);
    let lists: Vec<[i64; 6]> =
        (0..729).map(|number| [243, 81, 27, 9, 3, 1].map(|unit| number / unit % 3)).collect();
    let mut text = Tensor::from_slice2(&lists); // [B, T]
    for _ in 0..6 {
        let scores = model.forward(&text, false).select(1, -1); // [B, V]
        text = Tensor::cat(&[text, scores.argmax(-1, true)], 1);
    }
    for (row, mut list) in lists.into_iter().enumerate() {
        list.sort_unstable();
        let answer = Vec::<i64>::try_from(text.get(row as i64).narrow(0, 6, 6)).expect("six ids");
        assert_eq!(answer, list);
    }
}

/// Each layer is given the published input, so that nothing but the layer's own code stands between two published values.
#[test]
fn every_layer_of_the_first_block_gives_its_published_output() {
    let Some(folder) = public_data("models/gpt-nano-sort") else { return };
    let model = load(&folder);
    let Gpt2Config { channels, heads, hidden, norm_epsilon, gelu, .. } = model.config;
    let partials =
        Tensor::read_safetensors(folder.join("partials.safetensors")).expect("a whole file");
    let theirs =
        |name: &str| &partials.iter().find(|(known, _)| known == name).expect("a known name").1;
    let check = |name: &str, ours: &Tensor| {
        let gap = largest_difference(ours, theirs(name));
        assert!(gap < 1e-5, "{name}: largest difference {gap:e}");
    };
    let root = model.store.root();
    let first = &root / "blocks" / 0;
    let norm = |path: &str, x: &str| {
        LayerNorm::new(&(&first / path), channels, norm_epsilon).forward(theirs(x))
    };

    let ids = theirs("idx").to_kind(Kind::Int64); // [B, T]
    let embed = InputEmbedding::new(&root, model.config.vocab_size, model.config.context, channels);
    check("tok_emb", &embed.token.forward(&ids));
    check("pos_emb", &embed.position.weight.unsqueeze(0));
    check("x", &embed.forward(&ids, 0)); // [B, T, C]

    let attention = MultiHeadAttention::new(&(&first / "attention"), channels, heads, true, 0.0);
    check("ln1", &norm("norm1", "x"));
    let (q, k, v) = attention.project(theirs("ln1")); // [B, H, T, D]
    check("q", &q);
    check("k", &k);
    check("v", &v);
    let future = causal_mask(11, 11, Device::Cpu); // [T, T]
    check("attSm", &attention_weights(theirs("q"), theirs("k"), Some(&future)));
    let mixed = attend(theirs("q"), theirs("k"), theirs("v"), 0.0, false); // [B, H, T, D]
    check("y", &mixed.transpose(1, 2).reshape([ids.size()[0], ids.size()[1], channels]));
    check("yProj", &attention.mix(theirs("q"), theirs("k"), theirs("v"), false));
    check("yProj", &attention.forward(theirs("ln1"), false));

    check("ln2", &norm("norm2", "attnResid"));
    let path = &first / "feed_forward";
    check("fc", &Linear::new(&(&path / "up"), channels, hidden, true).forward(theirs("ln2"))); // [B, T, F]
    check("gelu", &gelu.forward(theirs("fc")));
    check("mlp", &FeedForward::new(&path, channels, hidden, gelu).forward(theirs("ln2"))); // [B, T, C]

    let blocks: Vec<String> =
        (0..model.config.layers).map(|layer| format!("block{layer}")).collect();
    for (layer, (before, after)) in
        iter::once("x").chain(blocks.iter().map(|name| &name[..])).zip(&blocks).enumerate()
    {
        let block = Block::new(&(&root / "blocks" / layer as i64), &model.config);
        check(after, &block.forward(theirs(before), None, false));
    }
    check("ln_f", &model.hidden(&ids, None, false));
    check("lm_head", &model.forward(&ids, false));
}

#[test]
fn the_partial_124m_file_is_refused_and_names_what_it_lacks() {
    let Some(folder) = public_data("models/gpt2-124M-partial") else { return };
    let copy = tempfile::tempdir().expect("a temporary folder");
    std::fs::copy(folder.join("partial.safetensors"), copy.path().join(format::WEIGHTS))
        .expect("room on the disk");
    let config = format::config_to_json(&Gpt2Config::SMALL, Some(50256)).to_string();
    std::fs::write(copy.path().join(format::CONFIG), config).expect("room on the disk");

    let complaint =
        format!("{:#}", format::load(copy.path(), Device::Cpu).err().expect("a refusal"));
    assert!(complaint.contains("45 tensors are missing: "), "{complaint}");
    // The first six by name, and how many more: a list of all would be no sentence.
    for name in ["h.0.mlp.c_fc.weight", "h.1.attn.c_attn.weight", "and 39 more"] {
        assert!(complaint.contains(name), "{name} is not named in: {complaint}");
    }
    assert!(!complaint.contains("h.0.attn.c_attn.weight"), "{complaint}");
}

#[test]
fn norms_and_attention_of_the_genuine_124m_weights_give_the_outputs_of_transformers() {
    let Some(folder) = public_data("models/gpt2-124M-partial") else { return };
    let config = Gpt2Config::SMALL;
    let mut file = WeightFile::open(&folder.join("partial.safetensors")).expect("a whole file");
    let store = VarStore::new(Device::Cpu);
    let present: Vec<String> = file.shapes().into_iter().map(|(name, _)| name).collect();
    for origin in format::origins(&config) {
        let name = format!("transformer.{}", origin.public);
        if !present.contains(&name) {
            continue;
        }
        let public = file.tensor(&name).expect("a readable tensor");
        let (path, leaf) = origin.ours.rsplit_once('.').expect("a layer and its parameter");
        let path = path.split('.').fold(store.root(), |path, part| path / part);
        let _ = path.add(leaf, origin.find_in(&public).contiguous(), false);
    }

    let expected =
        Tensor::read_safetensors(folder.join("expected.safetensors")).expect("a whole file");
    let theirs =
        |name: &str| &expected.iter().find(|(known, _)| known == name).expect("a known name").1;
    let root = store.root();
    let norm = |path: &tch::nn::Path| {
        LayerNorm::new(path, config.channels, config.norm_epsilon).forward(theirs("input"))
    };
    let check = |name: &str, ours: &Tensor| {
        let scale = theirs(name).abs().max().double_value(&[]);
        let gap = largest_difference(ours, theirs(name));
        assert!(
            gap < 1e-5 * scale.max(1.0),
            "{name}: largest difference {gap:e} where the largest value is {scale}"
        );
    };
    for layer in [0, 11] {
        let block = &root / "blocks" / layer;
        let normed = norm(&(&block / "norm1"));
        check(&format!("h{layer}.ln_1"), &normed);
        let attention = MultiHeadAttention::new(
            &(&block / "attention"),
            config.channels,
            config.heads,
            config.qkv_bias,
            0.0,
        );
        check(&format!("h{layer}.attn_out"), &attention.forward(&normed, false));
    }
    check("ln_f", &norm(&(&root / "norm")));
}

/// Models of several shapes that transformers drew, wrote and ran: `data/reference/tiny_models.py`.
const TINY: [&str; 7] = [
    "tied",
    "untied-exact-gelu",
    "bare-names-masks",
    "one-wide-head",
    "sixteen-narrow-heads",
    "half",
    "bfloat16",
];

fn tiny(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/reference/tiny-models")).join(name)
}

fn expected(name: &str) -> Value {
    json(&tiny(name).join("expected.json"))
}

fn rows(value: &Value) -> Tensor {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).expect("rows of numbers");
    Tensor::from_slice2(&rows)
}

#[test]
fn random_models_give_the_logits_of_transformers() {
    for name in TINY {
        let (model, expected) = (load(&tiny(name)), expected(name));
        for (row, logits) in expected["logits"].as_array().expect("rows").iter().enumerate() {
            let ids = Tensor::from_slice(&ids(&expected["ids"][row])).unsqueeze(0); // [1, T]
            let ours = model.forward(&ids, false).squeeze_dim(0); // [T, V]
            assert_agree(&ours, &rows(logits), 1e-5, name);
        }
    }
}

#[test]
fn random_models_drop_in_training_what_transformers_drops() {
    for name in TINY {
        let (model, expected) = (load(&tiny(name)), expected(name));
        let all: Vec<Vec<i64>> = serde_json::from_value(expected["ids"].clone()).expect("ids");
        let _alone = generator();
        tch::manual_seed(5);
        let ours = model.forward(&Tensor::from_slice2(&all), true); // [B, T, V]
        let theirs = expected["train_logits_after_seed_5"].as_array().expect("rows");
        for (row, logits) in theirs.iter().enumerate() {
            assert_agree(&ours.get(row as i64), &rows(logits), 1e-5, name);
        }
    }
}

#[test]
fn random_models_write_the_text_of_transformers() {
    for name in TINY {
        let (model, text) = (load(&tiny(name)), ids(&expected(name)["greedy"]));
        assert_eq!(greedy(&model, &text[..3], text.len() - 3), text, "{name}");
    }
}

#[test]
fn the_other_gelu_or_another_epsilon_is_seen_in_the_logits() {
    let expected = json(&tiny("tied").join("expected.json"));
    let ids = Tensor::from_slice(&ids(&expected["ids"][0])).unsqueeze(0); // [1, T]
    let logits: Vec<Vec<f64>> =
        serde_json::from_value(expected["logits"][0].clone()).expect("numbers");
    let right = load(&tiny("tied"));
    let (gelu, norm_epsilon) = (Gelu::Exact, 1e-3);
    for config in [Gpt2Config { gelu, ..right.config }, Gpt2Config { norm_epsilon, ..right.config }]
    {
        let _alone = generator();
        let wrong = Gpt2::new(config, Device::Cpu).expect("possible sizes");
        for ((_, mut ours), (_, theirs)) in wrong.parameters().into_iter().zip(right.parameters()) {
            tch::no_grad(|| ours.copy_(&theirs));
        }
        let gap = largest_difference(
            &wrong.forward(&ids, false).squeeze_dim(0),
            &Tensor::from_slice2(&logits),
        );
        assert!(gap > 1e-5, "{config:?} went unseen: {gap:e}");
    }
}
