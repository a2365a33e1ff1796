//! Models that others have trained or drawn, whose outputs other programs have computed.

#[path = "../../embedding/tests/public_data/mod.rs"]
mod public_data;

use attention::{
    attend::attention_weights, linear::Linear, mask::causal_mask, multi_head::MultiHeadAttention,
};
use embedding::embed::InputEmbedding;
use model::{
    block::Block,
    config::{Gelu, Gpt2Config},
    format,
    format::safetensors::WeightFile,
    generate::{CachedModel, Generator, greedy, most_probable},
    gpt2::Gpt2,
    norm::LayerNorm,
};
use public_data::public_data;
use serde_json::Value;
use std::{
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

#[test]
fn every_step_of_the_first_block_has_its_published_values() {
    let Some(folder) = public_data("models/gpt-nano-sort") else { return };
    let model = load(&folder);
    let config = model.config;
    let partials =
        Tensor::read_safetensors(folder.join("partials.safetensors")).expect("a whole file");
    let check = |name: &str, ours: &Tensor| {
        let theirs =
            &partials.iter().find(|(known, _)| known == name).expect("a published value").1;
        let gap =
            (ours - theirs).masked_fill(&ours.eq_tensor(theirs), 0.0).abs().max().double_value(&[]);
        assert_eq!(ours.size(), theirs.size(), "{name}");
        assert!(gap < 1e-5, "{name}: largest difference {gap:e}");
    };
    let root = model.store.root();
    let first = &root / "blocks" / 0;
    let norm = |path: &str| LayerNorm::new(&(&first / path), config.channels, config.norm_epsilon);

    let ids = Tensor::from_slice2(&[
        [0_i64, 0, 2, 1, 0, 1, 0, 0, 0, 0, 0],
        [0, 1, 2, 2, 2, 0, 0, 0, 0, 0, 0],
        [1, 0, 2, 1, 2, 2, 0, 0, 0, 0, 0],
    ]);
    check("idx", &ids.to_kind(Kind::Float));
    let embed = InputEmbedding::new(&root, config.vocab_size, config.context, config.channels);
    check("tok_emb", &embed.token.forward(&ids));
    check("pos_emb", &embed.position.weight.unsqueeze(0));
    let x = embed.forward(&ids, 0); // [B, T, C]
    check("x", &x);

    let attention =
        MultiHeadAttention::new(&(&first / "attention"), config.channels, config.heads, true, 0.0);
    let ln1 = norm("norm1").forward(&x); // [B, T, C]
    check("ln1", &ln1);
    let (q, k, v) = attention.project(&ln1); // [B, H, T, D]
    let joined = |heads: &Tensor| heads.transpose(1, 2).reshape(ln1.size()); // [B, T, C]
    check("qkv", &Tensor::cat(&[joined(&q), joined(&k), joined(&v)], -1));
    check("q", &q);
    check("k", &k);
    check("v", &v);
    let hidden = causal_mask(11, 11, Device::Cpu); // [T, T]
    check("att", &(q.matmul(&k.transpose(-2, -1)) / 4.0).masked_fill(&hidden, f64::NEG_INFINITY));
    let weights = attention_weights(&q, &k, Some(&hidden)); // [B, H, T, T]
    check("attSm", &weights);
    let mixed = weights.matmul(&v); // [B, H, T, D]
    check("y", &joined(&mixed));
    check("yProj", &attention.mix(&q, &k, &v, false));
    check("yProj", &attention.forward(&ln1, false));
    let x = x + attention.forward(&ln1, false);
    check("attnResid", &x);

    let ln2 = norm("norm2").forward(&x); // [B, T, C]
    check("ln2", &ln2);
    let widened = Linear::new(&(&first / "feed_forward" / "up"), 48, 192, true).forward(&ln2); // [B, T, F]
    check("fc", &widened);
    let bent = Gelu::Tanh.forward(&widened); // [B, T, F]
    check("gelu", &bent);
    let narrowed = Linear::new(&(&first / "feed_forward" / "down"), 192, 48, true).forward(&bent); // [B, T, C]
    check("mlp", &narrowed);
    check("mlpResid", &(x + narrowed));

    let mut x = embed.forward(&ids, 0); // [B, T, C]
    for layer in 0..config.layers {
        x = Block::new(&(&root / "blocks" / layer), &config).forward(&x, None, false);
        check(&format!("block{layer}"), &x);
    }
    check("ln_f", &model.hidden(&ids, None, false));
    check("lm_head", &model.forward(&ids, false));
    check("probs", &model.forward(&ids, false).softmax(-1, None));
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
        let columns = public.size()[public.dim() - 1] / 3;
        let part = origin.third.map_or_else(
            || public.shallow_clone(),
            |third| public.narrow(-1, third * columns, columns),
        );
        let ours = if origin.transposed { part.tr() } else { part };
        let (path, leaf) = origin.ours.rsplit_once('.').expect("a layer and its parameter");
        let path = path.split('.').fold(store.root(), |path, part| path / part);
        let _ = path.add(leaf, ours.contiguous(), false);
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

#[test]
fn random_models_give_the_logits_of_transformers_with_and_without_dropout_and_its_text() {
    for name in TINY {
        let model = load(&tiny(name));
        let expected = json(&tiny(name).join("expected.json"));
        for (row, logits) in expected["logits"].as_array().expect("rows").iter().enumerate() {
            let logits: Vec<Vec<f64>> = serde_json::from_value(logits.clone()).expect("numbers");
            let ids = Tensor::from_slice(&ids(&expected["ids"][row])).unsqueeze(0); // [1, T]
            let ours = model.forward(&ids, false).squeeze_dim(0); // [T, V]
            let gap = largest_difference(&ours, &Tensor::from_slice2(&logits));
            assert!(gap < 1e-5, "{name}: largest difference {gap:e}");
        }
        let all: Vec<Vec<i64>> = serde_json::from_value(expected["ids"].clone()).expect("ids");
        let rows: Vec<Vec<Vec<f64>>> =
            serde_json::from_value(expected["train_logits_after_seed_5"].clone()).expect("numbers");
        let _alone = generator();
        tch::manual_seed(5);
        let ours = model.forward(&Tensor::from_slice2(&all), true); // [B, T, V]
        for (row, logits) in rows.iter().enumerate() {
            let gap = largest_difference(&ours.get(row as i64), &Tensor::from_slice2(logits));
            assert!(gap < 1e-5, "{name} with dropout: largest difference {gap:e}");
        }
        let text = ids(&expected["greedy"]);
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
