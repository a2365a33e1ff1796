//! `config.json`: the sizes of a model, in the words of transformers.

use super::json;
use crate::config::{Gelu, Gpt2Config};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::path::Path;

/// Of a longer file, which describes no model, the rest is not read.
const LONGEST: u64 = 1 << 20;
/// The three dropout rates of transformers: within a block before it is added to the stream, of the embeddings, of the attention.
const DROPOUT: [&str; 3] = ["resid_pdrop", "embd_pdrop", "attn_pdrop"];

/// Reads `config.json` and checks that it describes a GPT-2 we can build.
///
/// # Errors
/// Names the first key that is missing, absurd, or asks for something that this model does not do.
pub fn load_config(path: &Path) -> Result<Gpt2Config> {
    config_from_json(&read(path)?)
        .with_context(|| format!("{} describes no model that can be built here", path.display()))
}

/// `config.json` as it is.
pub(super) fn read(path: &Path) -> Result<Value> {
    json::read(path, LONGEST)
}

/// Reads the configuration of the Hugging Face format as transformers does: what is absent has the default of `GPT2Config`, the
/// general names of sizes (`hidden_size`) count like GPT-2's own (`n_embd`), and `n_ctx`, which nothing reads any more, is ignored
/// beside `n_positions`.
///
/// # Errors
/// As [`load_config`].
///
/// # Source
/// `GPT2Config` in `configuration_gpt2.py` of transformers, its `attribute_map` too; names of activations in `activations.py`.
///
/// # Differs
/// A file that names neither the model type nor a GPT-2 among its architectures must give all sizes. Where the three dropout
/// rates differ, ours is `resid_pdrop`; [`dropout_rates`] has them all.
pub fn config_from_json(json: &Value) -> Result<Gpt2Config> {
    ensure!(json.is_object(), "it is not a JSON object");
    let keys = Keys { json, declared: declares_gpt2(json)? };
    for (key, expected) in [
        ("scale_attn_weights", true),
        ("scale_attn_by_inverse_layer_idx", false),
        ("add_cross_attention", false),
    ] {
        ensure!(
            keys.flag(key, expected)? == expected,
            "{key} is {}, which this model does not do",
            !expected
        );
    }
    let channels = keys.size("n_embd", "hidden_size", 768)?;
    let context = match (keys.get("n_positions"), keys.get("max_position_embeddings")) {
        (None, None) if keys.get("n_ctx").is_some() => keys.size("n_ctx", "n_ctx", 1024)?, // of the first years
        _ => keys.size("n_positions", "max_position_embeddings", 1024)?,
    };
    let config = Gpt2Config {
        vocab_size: keys.size("vocab_size", "vocab_size", 50257)?,
        context,
        channels,
        heads: keys.size("n_head", "num_attention_heads", 12)?,
        layers: keys.size("n_layer", "num_hidden_layers", 12)?,
        hidden: keys.integer("n_inner")?.unwrap_or(channels.saturating_mul(4)),
        dropout: rates(&keys)?[0],
        qkv_bias: keys.flag("qkv_bias", true)?,
        tied: keys.flag("tie_word_embeddings", true)?,
        gelu: gelu(&keys)?,
        norm_epsilon: keys.number("layer_norm_epsilon", 1e-5)?,
    };
    config.check()?;
    Ok(config)
}

/// The rates `resid_pdrop`, `embd_pdrop` and `attn_pdrop` of a `config.json`. Our model has one rate, so that training has to say
/// which it takes where they differ; reading needs none.
///
/// # Errors
/// If the file cannot be read or holds a rate that is none.
pub fn dropout_rates(path: &Path) -> Result<[f64; 3]> {
    rates(&Keys { json: &read(path)?, declared: true })
}

fn rates(keys: &Keys) -> Result<[f64; 3]> {
    let mut rates = [0.0; 3];
    for (key, rate) in DROPOUT.into_iter().zip(&mut rates) {
        *rate = keys.number(key, 0.1)?;
        ensure!(
            (0.0..1.0).contains(rate),
            "{key} is {rate}; it must be at least 0 and less than 1"
        );
    }
    Ok(rates)
}

fn gelu(keys: &Keys) -> Result<Gelu> {
    match keys.get("activation_function").map_or(Some("gelu_new"), Value::as_str) {
        Some("gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" | "gelu_accurate") => Ok(Gelu::Tanh),
        Some("gelu" | "gelu_python") => Ok(Gelu::Exact),
        Some(other) => {
            bail!("activation_function is {other:?}; this model knows gelu_new and gelu")
        }
        None => bail!("activation_function is not a name; this model knows gelu_new and gelu"),
    }
}

/// Whether the file says that it describes a GPT-2.
fn declares_gpt2(json: &Value) -> Result<bool> {
    let kind = json.get("model_type").filter(|kind| !kind.is_null());
    if let Some(kind) = kind {
        ensure!(kind == "gpt2", "model_type is {kind}, not \"gpt2\"");
    }
    let architectures = json.get("architectures").and_then(Value::as_array);
    let names: Vec<&str> = architectures.into_iter().flatten().filter_map(Value::as_str).collect();
    let named = names.iter().any(|name| name.starts_with("GPT2"));
    ensure!(
        kind.is_some() || named || names.is_empty(),
        "architectures names {}, no GPT-2",
        names.join(", ")
    );
    Ok(kind.is_some() || named)
}

/// The keys of a configuration; one that is null counts as absent, as in Python's.
struct Keys<'a> {
    json: &'a Value,
    declared: bool,
}

impl<'a> Keys<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.json.get(key).filter(|value| !value.is_null())
    }

    fn integer(&self, key: &str) -> Result<Option<i64>> {
        let number = |value: &Value| {
            value.as_i64().with_context(|| format!("{key} is {value}, not a whole number"))
        };
        self.get(key).map(number).transpose()
    }

    /// A size under GPT-2's own name for it or the general one.
    fn size(&self, key: &str, general: &str, default: i64) -> Result<i64> {
        match (self.integer(key)?, self.integer(general)?) {
            (Some(own), Some(other)) if own != other => {
                bail!("{key} is {own}, but {general}, which means the same, is {other}")
            }
            (Some(size), _) | (None, Some(size)) => Ok(size),
            (None, None) => {
                ensure!(self.declared && self.json.get(key).is_none(), "{key} is missing");
                Ok(default)
            }
        }
    }

    fn number(&self, key: &str, default: f64) -> Result<f64> {
        self.get(key).map_or(Ok(default), |value| {
            value.as_f64().with_context(|| format!("{key} is {value}, not a number"))
        })
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool> {
        self.get(key).map_or(Ok(default), |value| {
            value.as_bool().with_context(|| format!("{key} is {value}, not true or false"))
        })
    }
}

/// The configuration in the Hugging Face format, of a model whose texts end with the id `end_of_text`.
pub fn config_to_json(config: &Gpt2Config, end_of_text: Option<i64>) -> Value {
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
