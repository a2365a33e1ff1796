//! `config.json`: the sizes of a model, in the words of transformers.

use crate::config::{Gelu, Gpt2Config};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::{fs::File, io::Read, path::Path};

/// Of a longer file, which describes no model, the rest is not read.
const LONGEST: u64 = 1 << 20;

/// Reads `config.json` and checks that it describes a GPT-2 we can build.
///
/// # Errors
/// Names the first key that is missing, absurd, or asks for something that this model does not do.
pub fn load_config(path: &Path) -> Result<Gpt2Config> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    read.with_context(|| format!("cannot read {}", path.display()))?;
    let json: Value = serde_json::from_str(&text)
        .with_context(|| format!("{} is not JSON; fetch it again", path.display()))?;
    config_from_json(&json)
        .with_context(|| format!("{} describes no model that can be built here", path.display()))
}

/// Reads the configuration of the Hugging Face format.
///
/// # Errors
/// As [`load_config`].
///
/// # Source
/// `GPT2Config` in `configuration_gpt2.py` of transformers.
pub fn config_from_json(json: &Value) -> Result<Gpt2Config> {
    ensure!(json.is_object(), "it is not a JSON object");
    // A key that is null counts as absent, as in Python's configuration.
    let get = |key: &str| json.get(key).filter(|value| !value.is_null());
    let integer = |key: &str| match get(key) {
        Some(value) => value
            .as_i64()
            .map(Some)
            .with_context(|| format!("{key} is {value}, not a whole number")),
        None => Ok(None),
    };
    let needed = |key: &str| integer(key)?.with_context(|| format!("{key} is missing"));
    let number = |key: &str, default: f64| match get(key) {
        Some(value) => value.as_f64().with_context(|| format!("{key} is {value}, not a number")),
        None => Ok(default),
    };
    let flag = |key: &str, default: bool| match get(key) {
        Some(value) => {
            value.as_bool().with_context(|| format!("{key} is {value}, not true or false"))
        }
        None => Ok(default),
    };

    if let Some(kind) = get("model_type") {
        ensure!(kind == "gpt2", "model_type is {kind}, not \"gpt2\"");
    }
    for (key, expected) in [
        ("scale_attn_weights", true),
        ("scale_attn_by_inverse_layer_idx", false),
        ("add_cross_attention", false),
    ] {
        ensure!(
            flag(key, expected)? == expected,
            "{key} is {}, which this model does not do",
            !expected
        );
    }
    let gelu = match get("activation_function").map_or(Some("gelu_new"), Value::as_str) {
        Some("gelu_new" | "gelu_pytorch_tanh") => Gelu::Tanh,
        Some("gelu") => Gelu::Exact,
        other => bail!("activation_function is {other:?}; this model knows gelu_new and gelu"),
    };
    let context = match (integer("n_positions")?, integer("n_ctx")?) {
        (Some(positions), Some(ctx)) => {
            ensure!(
                positions == ctx,
                "n_positions is {positions}, but n_ctx is {ctx}; they must be equal"
            );
            positions
        }
        (Some(context), None) | (None, Some(context)) => context,
        (None, None) => bail!("n_positions is missing"),
    };
    let rates =
        [number("resid_pdrop", 0.1)?, number("embd_pdrop", 0.1)?, number("attn_pdrop", 0.1)?];
    let dropout = rates[0];
    ensure!(
        rates.iter().all(|rate| rate.to_bits() == dropout.to_bits()),
        "resid_pdrop, embd_pdrop and attn_pdrop are {rates:?}; this model has one dropout rate, so make them equal"
    );
    let channels = needed("n_embd")?;
    let config = Gpt2Config {
        vocab_size: needed("vocab_size")?,
        context,
        channels,
        heads: needed("n_head")?,
        layers: needed("n_layer")?,
        hidden: integer("n_inner")?.unwrap_or(channels.saturating_mul(4)),
        dropout,
        qkv_bias: flag("qkv_bias", true)?,
        tied: flag("tie_word_embeddings", true)?,
        gelu,
        norm_epsilon: number("layer_norm_epsilon", 1e-5)?,
    };
    config.check()?;
    Ok(config)
}

/// Writes the configuration in the Hugging Face format.
pub fn config_to_json(config: &Gpt2Config) -> Value {
    let end_of_text = config.vocab_size - 1;
    json!({
        "activation_function": match config.gelu { Gelu::Tanh => "gelu_new", Gelu::Exact => "gelu" },
        "architectures": ["GPT2LMHeadModel"],
        "attn_pdrop": config.dropout,
        "bos_token_id": end_of_text,
        "embd_pdrop": config.dropout,
        "eos_token_id": end_of_text,
        "initializer_range": 0.02,
        "layer_norm_epsilon": config.norm_epsilon,
        "model_type": "gpt2",
        "n_ctx": config.context,
        "n_embd": config.channels,
        "n_head": config.heads,
        "n_inner": if config.hidden == 4 * config.channels { Value::Null } else { config.hidden.into() },
        "n_layer": config.layers,
        "n_positions": config.context,
        "qkv_bias": config.qkv_bias,
        "resid_pdrop": config.dropout,
        "tie_word_embeddings": config.tied,
        "torch_dtype": "float32",
        "vocab_size": config.vocab_size,
    })
}
