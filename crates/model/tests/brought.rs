//! Models as people bring them: what other programs write and read without a word is read here too, and what is refused is refused
//! in a sentence that one can act on.

use model::{
    config::{Gelu, Gpt2Config},
    format::{self, CONFIG, INDEX, WEIGHTS, config_from_json, folder},
    gpt2::Gpt2,
};
use safetensors::{SafeTensors, tensor::TensorView};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path};
use tch::Device;
use tempfile::TempDir;

const SIZES: Gpt2Config = Gpt2Config {
    vocab_size: 11,
    context: 6,
    channels: 4,
    heads: 2,
    layers: 2,
    hidden: 16,
    dropout: 0.1,
    qkv_bias: true,
    tied: true,
    gelu: Gelu::Tanh,
    norm_epsilon: 1e-5,
};

/// A folder with a model whose weights are drawn.
fn brought() -> (TempDir, Gpt2) {
    tch::manual_seed(1);
    let folder = tempfile::tempdir().expect("a folder");
    let model = Gpt2::new(SIZES, Device::Cpu).expect("possible sizes");
    format::save(folder.path(), &model).expect("room");
    (folder, model)
}

/// Shape and bytes of each tensor of 32-bit floats.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

fn read(path: &Path) -> Tensors {
    let bytes = fs::read(path).expect("weights");
    let file = SafeTensors::deserialize(&bytes).expect("a whole file");
    let own = |tensor: &TensorView| (tensor.shape().to_vec(), tensor.data().to_vec());
    file.iter().map(|(name, tensor)| (name.to_owned(), own(&tensor))).collect()
}

fn write(path: &Path, tensors: &Tensors) {
    let views = tensors.iter().map(|(name, (shape, bytes))| {
        let view = TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (name, view.expect("a whole tensor"))
    });
    fs::write(path, safetensors::serialize(views, None).expect("a file")).expect("room");
}

/// Rewrites the weights of a folder.
fn change(folder: &Path, change: impl FnOnce(&mut Tensors)) {
    let path = folder.join(WEIGHTS);
    let mut tensors = read(&path);
    change(&mut tensors);
    write(&path, &tensors);
}

/// Rewrites the configuration of a folder.
fn configure(folder: &Path, changes: &Value) {
    let path = folder.join(CONFIG);
    let mut json: Value =
        serde_json::from_str(&fs::read_to_string(&path).expect("a file")).expect("JSON");
    for (key, value) in changes.as_object().expect("an object") {
        json[key] = value.clone();
    }
    fs::write(path, json.to_string()).expect("room");
}

/// Whether two models have the same parameters, value for value.
fn same(one: &Gpt2, other: &Gpt2) -> bool {
    let (ours, theirs) = (one.parameters(), other.parameters());
    ours.len() == theirs.len()
        && ours.iter().zip(&theirs).all(|(a, b)| a.0 == b.0 && a.1.equal(&b.1))
}

/// Loads the folder, by reading and by mapping, and checks that it is what `expected` is.
#[track_caller]
fn loads_as(folder: &Path, expected: &Gpt2) -> Gpt2 {
    let loaded = format::load(folder, Device::Cpu).expect("a model");
    let mapped = format::map(folder).expect("a model");
    assert!(same(&loaded, expected) && same(&mapped, expected));
    loaded
}

#[track_caller]
fn refused(folder: &Path) -> String {
    let said = format!("{:#}", format::load(folder, Device::Cpu).err().expect("a refusal"));
    assert!(!said.contains('\n') && said.len() < 900, "not one sentence: {said}");
    said
}

#[test]
fn n_ctx_is_ignored_beside_n_positions_and_told() {
    let (folder, model) = brought();
    configure(folder.path(), &json!({"n_ctx": 3}));
    let loaded = loads_as(folder.path(), &model);
    let remarks = format::remarks(folder.path(), &loaded.config).expect("a readable folder");
    assert_eq!(remarks, ["n_ctx 3 in config.json is ignored; n_positions 6 counts"]);
    let old = json!({"vocab_size": 11, "n_ctx": 6, "n_embd": 4, "n_head": 2, "n_layer": 2});
    assert_eq!(config_from_json(&old).expect("of the first years").context, 6);
}

#[test]
fn what_a_gpt2_leaves_out_has_the_default_of_transformers() {
    for declared in [json!({"model_type": "gpt2"}), json!({"architectures": ["GPT2LMHeadModel"]})] {
        assert_eq!(config_from_json(&declared).expect("GPT-2 small"), Gpt2Config::SMALL);
    }
    let said = |json: &Value| config_from_json(json).expect_err("a refusal").to_string();
    assert_eq!(said(&json!({"n_layer": 2})), "n_embd is missing");
    assert_eq!(
        said(&json!({"architectures": ["LlamaForCausalLM"]})),
        "architectures names LlamaForCausalLM, no GPT-2"
    );
}

#[test]
fn the_general_names_of_sizes_count_and_contradictions_are_refused() {
    let json = json!({
        "model_type": "gpt2", "hidden_size": 4, "num_attention_heads": 2, "num_hidden_layers": 2,
        "max_position_embeddings": 6, "vocab_size": 11,
    });
    assert_eq!(config_from_json(&json).expect("a configuration"), SIZES);
    let said =
        config_from_json(&json!({"model_type": "gpt2", "n_head": 2, "num_attention_heads": 4}));
    assert_eq!(
        said.expect_err("a refusal").to_string(),
        "n_head is 2, but num_attention_heads, which means the same, is 4"
    );
}

#[test]
fn three_dropout_rates_are_read_and_kept_apart() {
    let (folder, model) = brought();
    configure(folder.path(), &json!({"resid_pdrop": 0.0, "attn_pdrop": 0.2}));
    let loaded = loads_as(folder.path(), &model);
    assert_eq!(loaded.config.dropout.to_bits(), 0_f64.to_bits());
    let rates = format::dropout_rates(&folder.path().join(CONFIG)).expect("three rates");
    assert_eq!(rates.map(f64::to_bits), [0.0_f64, 0.1, 0.2].map(f64::to_bits));
}

#[test]
fn each_name_of_a_gelu_means_its_formula() {
    for (name, expected) in [
        ("gelu_new", Gelu::Tanh),
        ("gelu_pytorch_tanh", Gelu::Tanh),
        ("gelu_fast", Gelu::Tanh),
        ("gelu", Gelu::Exact),
        ("gelu_python", Gelu::Exact),
    ] {
        let json = json!({"model_type": "gpt2", "activation_function": name});
        assert_eq!(config_from_json(&json).expect("a configuration").gelu, expected, "{name}");
    }
}

#[test]
fn a_configuration_with_a_byte_order_mark_or_pythons_nan_is_read() {
    let (folder, model) = brought();
    let path = folder.path().join(CONFIG);
    let text = fs::read_to_string(&path).expect("a file");
    fs::write(&path, format!("\u{feff}{}", text.replacen('{', "{\"loss\": NaN,", 1)))
        .expect("room");
    loads_as(folder.path(), &model);
    fs::write(&path, text.replace("1e-5", "NaN").replace("0.00001", "NaN")).expect("room");
    assert!(refused(folder.path()).contains("layer_norm_epsilon is \"NaN\", not a number"));
}

#[test]
fn padding_rows_do_not_move_the_end_of_the_text() {
    for (vocab_size, end) in [(50257, json!(50256)), (50304, json!(50256)), (50, Value::Null)] {
        let folder = tempfile::tempdir().expect("a folder");
        let model = Gpt2::new(Gpt2Config { vocab_size, ..SIZES }, Device::Cpu).expect("sizes");
        format::save(folder.path(), &model).expect("room");
        let json = fs::read_to_string(folder.path().join(CONFIG)).expect("written");
        let json: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((&json["eos_token_id"], &json["bos_token_id"]), (&end, &end), "{vocab_size}");
    }
}

#[test]
fn a_stored_head_is_dropped_only_where_it_is_the_embedding() {
    let (folder, model) = brought();
    let embedding = read(&folder.path().join(WEIGHTS))["transformer.wte.weight"].clone();
    change(folder.path(), |tensors| {
        tensors.insert("lm_head.weight".to_owned(), embedding.clone());
    });
    assert!(loads_as(folder.path(), &model).config.tied);

    change(folder.path(), |tensors| {
        tensors.get_mut("lm_head.weight").expect("there").1[3] ^= 1;
    });
    let loaded = format::load(folder.path(), Device::Cpu).expect("a model");
    let mapped = format::map(folder.path()).expect("a model");
    assert!(!loaded.config.tied && !mapped.config.tied);
    assert!(same(&loaded, &mapped) && !same(&loaded, &model));
    let remarks = format::remarks(folder.path(), &loaded.config).expect("a readable folder");
    assert!(remarks[0].ends_with("another head is stored; the stored one is used"), "{remarks:?}");
    let saved = tempfile::tempdir().expect("a folder");
    format::save(saved.path(), &loaded).expect("room");
    loads_as(saved.path(), &loaded); // the head is not lost on the way out
}

#[test]
fn an_embedding_that_is_stored_as_the_head_alone_is_read() {
    let (folder, model) = brought();
    change(folder.path(), |tensors| {
        let embedding = tensors.remove("transformer.wte.weight").expect("there");
        tensors.insert("lm_head.weight".to_owned(), embedding);
    });
    assert!(loads_as(folder.path(), &model).config.tied);
}

#[test]
fn what_wraps_a_model_does_not_change_it() {
    let (folder, model) = brought();
    let bare: Tensors = read(&folder.path().join(WEIGHTS))
        .into_iter()
        .map(|(name, tensor)| (name.replace("transformer.", ""), tensor))
        .collect();
    for prefix in
        ["", "_orig_mod.transformer.", "module.transformer.", "model.", "module._orig_mod."]
    {
        let wrapped = bare.iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor.clone()));
        write(&folder.path().join(WEIGHTS), &wrapped.collect());
        loads_as(folder.path(), &model);
    }
}

#[test]
fn the_state_of_a_nanogpt_is_refused_by_its_pattern_in_a_readable_sentence() {
    let (folder, _) = brought();
    let path = folder.path().join(WEIGHTS);
    let transposed = |(shape, bytes): &(Vec<usize>, Vec<u8>)| {
        let [rows, columns] = shape[..] else { return (shape.clone(), bytes.clone()) };
        let value = |at: usize| bytes[4 * at..4 * at + 4].to_vec();
        let order =
            (0..columns).flat_map(|column| (0..rows).map(move |row| row * columns + column));
        (vec![columns, rows], order.flat_map(value).collect())
    };
    let state: Tensors = read(&path)
        .iter()
        .filter(|(name, _)| !name.ends_with("bias"))
        .map(|(name, tensor)| {
            let matrix = name.contains(".h.");
            (format!("_orig_mod.{name}"), if matrix { transposed(tensor) } else { tensor.clone() })
        })
        .collect();
    write(&path, &state);
    let said = refused(folder.path());
    for part in [
        "names begin with `_orig_mod.`",
        "6 matrices are transposed (nn.Linear of PyTorch",
        "13 biases are missing",
        "That is how nanoGPT stores its model",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(!said.contains("ln_1"), "tensors that a pattern explains are not listed: {said}");
}

#[test]
fn of_many_tensors_that_do_not_fit_the_first_are_named_and_the_others_counted() {
    let (folder, _) = brought();
    configure(folder.path(), &json!({"n_layer": 40}));
    let said = refused(folder.path());
    assert!(said.contains("456 tensors are missing: h.10.attn.c_attn.bias, "), "{said}");
    assert!(said.ends_with(" and 450 more"), "{said}");
    change(folder.path(), |tensors| {
        *tensors = BTreeMap::from([("layers.0.weight".to_owned(), (vec![1], vec![0; 4]))]);
    });
    let said = refused(folder.path());
    assert!(
        said.starts_with("none of the 1 tensors in ") && said.ends_with("layers.0.weight"),
        "{said}"
    );
}

#[test]
fn heads_of_other_tasks_are_left_out_and_told() {
    let (folder, model) = brought();
    change(folder.path(), |tensors| {
        tensors.insert("v_head.summary.weight".to_owned(), (vec![1, 4], vec![0; 16]));
    });
    let loaded = loads_as(folder.path(), &model);
    let remarks = format::remarks(folder.path(), &loaded.config).expect("a readable folder");
    assert_eq!(remarks, ["heads of another task are not read: v_head.summary.weight"]);
}

/// Cuts the weights of a folder into two files with an index.
fn shard(folder: &Path) {
    let tensors = read(&folder.join(WEIGHTS));
    let (mut shards, mut map) = ([Tensors::new(), Tensors::new()], json!({}));
    for (number, (name, tensor)) in tensors.into_iter().enumerate() {
        map[&name] = shard_name(number % 2).into();
        shards[number % 2].insert(name, tensor);
    }
    for (number, shard) in shards.iter().enumerate() {
        write(&folder.join(shard_name(number)), shard);
    }
    let index = json!({"metadata": {"total_size": 1}, "weight_map": map});
    fs::write(folder.join(INDEX), index.to_string()).expect("room");
    fs::remove_file(folder.join(WEIGHTS)).expect("there");
}

fn shard_name(number: usize) -> String {
    format!("model-0000{}-of-00002.safetensors", number + 1)
}

#[test]
fn a_model_in_several_files_is_read_by_its_index() {
    let (folder, model) = brought();
    shard(folder.path());
    assert!(folder::is_model(folder.path()));
    loads_as(folder.path(), &model);
}

#[test]
fn an_index_that_lies_is_refused() {
    let (folder, _) = brought();
    shard(folder.path());
    let index = folder.path().join(INDEX);
    let text = fs::read_to_string(&index).expect("there");
    for (from, to, expected) in [
        (shard_name(1), "model-00009.safetensors".to_owned(), "names model-00009.safetensors"),
        (shard_name(1), "../x.safetensors".to_owned(), "names no file beside it"),
        ("ln_f.bias".to_owned(), "ln_f.other".to_owned(), "says that transformer.ln_f.other is in"),
        ("weight_map".to_owned(), "weights".to_owned(), "has no weight_map"),
    ] {
        fs::write(&index, text.replace(&from, &to)).expect("room");
        let said = refused(folder.path());
        assert!(said.contains(expected), "`{expected}` is not in: {said}");
    }
    fs::write(&index, text).expect("room");
    fs::remove_file(folder.path().join(shard_name(0))).expect("there");
    let said = refused(folder.path());
    assert!(said.contains("index.json names model-00001-of-00002.safetensors"), "{said}");
}

#[test]
fn a_folder_in_the_place_of_the_weights_is_no_file_to_be_renamed() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in [WEIGHTS, CONFIG] {
        fs::create_dir(folder.path().join(name)).expect("room");
    }
    let said = format::folder::check(folder.path()).expect_err("no model").to_string();
    assert!(
        said.contains("holds no model: model.safetensors and config.json must be there"),
        "{said}"
    );
}

#[test]
fn a_folder_without_a_model_is_told_by_what_it_holds() {
    for (file, expected) in [
        (
            "pytorch_model.bin",
            "AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(FOLDER)",
        ),
        ("pytorch_model.bin.index.json", "save_pretrained(FOLDER)"),
        ("adapter_model.safetensors", "a LoRA adapter without its model"),
        ("tf_model.h5", "from_tf"),
        ("model.ckpt.index", "OpenAI's own checkpoint"),
        ("gpt2.Q8_0.gguf", "a file for llama.cpp"),
        ("ckpt.pt", "such as nanoGPT's"),
        ("gpt2-fp16.safetensors", "call it model.safetensors"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(CONFIG), "{}").expect("room");
        fs::write(folder.path().join(file), "").expect("room");
        let said = folder::check(folder.path()).expect_err("a refusal").to_string();
        assert!(said.contains(&format!("holds no model.safetensors, but {file}: ")), "{said}");
        assert!(said.contains(expected), "`{expected}` is not in: {said}");
    }
    let (model, _) = brought();
    fs::remove_file(model.path().join(CONFIG)).expect("there");
    let said = folder::check(model.path()).expect_err("a refusal").to_string();
    assert!(said.contains("holds weights, but no config.json"), "{said}");
    let outer = tempfile::tempdir().expect("a folder");
    let inner = outer.path().join("checkpoint-500");
    format::save(&inner, &Gpt2::new(SIZES, Device::Cpu).expect("sizes")).expect("room");
    let said = folder::check(outer.path()).expect_err("a refusal").to_string();
    assert!(
        said.ends_with("holds no model, but its folder checkpoint-500 does; name that one"),
        "{said}"
    );
}
