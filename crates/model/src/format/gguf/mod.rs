//! A model as the one file that llama.cpp reads, and Ollama with it (chapter 5.6): sizes, tokenizer and weights.
//!
//! llama.cpp keeps a linear layer as we do, `[outputs, inputs]`, so that nothing is transposed; query, key and value are one matrix.

mod file;
mod number_type;

pub use number_type::NumberType;

use super::{
    tokenizer::Tokenizer,
    tokenizer_files::{printable_merges, to_printable},
};
use crate::{config::Gpt2Config, gpt2::Gpt2};
use anyhow::{Context, Result, ensure};
use file::{Entry, Metadata};
use std::{collections::BTreeMap, path::Path};
use tch::{Device, Kind, Tensor};

/// What kind of token an entry of the vocabulary is: the numbers of `llama_token_type`.
const NORMAL: i32 = 1;
const CONTROL: i32 = 3;
const UNUSED: i32 = 5;

/// Writes the file, whole or not at all, under the `name` that other programs show.
///
/// Tables of positions, norms and biases stay in 32 bits whatever the type, as they do when llama.cpp's own converter writes.
///
/// # Errors
/// If the type cannot hold the weights, if no token ends a text, or the disk refuses.
///
/// # Source
/// `gguf-py` of llama.cpp: `MODEL_TENSORS` of the architecture `gpt2` and `Keys` in `constants.py`; `GPT2Model` and `prepare_tensors` in
/// its `convert_hf_to_gguf.py`.
///
/// # Differs
/// That converter writes `4 C` as the width of the feed-forward network, whatever it is; here stands what it is.
pub fn write(
    path: &Path,
    model: &Gpt2,
    tokenizer: &Tokenizer,
    number_type: NumberType,
    name: &str,
) -> Result<()> {
    number_type.check(&model.config)?;
    let mut metadata = Metadata::default();
    metadata.text("general.architecture", "gpt2");
    metadata.text("general.name", name);
    metadata.u32("general.file_type", number_type.file_type());
    metadata.u32("general.quantization_version", 2);
    describe_sizes(&mut metadata, &model.config);
    describe_tokenizer(&mut metadata, tokenizer, model.config.vocab_size)?;
    let _guard = tch::no_grad_guard();
    file::write(path, &metadata, &entries(model, number_type))
}

fn describe_sizes(metadata: &mut Metadata, config: &Gpt2Config) {
    for (key, size) in [
        ("context_length", config.context),
        ("embedding_length", config.channels),
        ("feed_forward_length", config.hidden),
        ("block_count", config.layers),
        ("attention.head_count", config.heads),
    ] {
        metadata.u32(&format!("gpt2.{key}"), size as u32);
    }
    metadata.f32("gpt2.attention.layer_norm_epsilon", config.norm_epsilon as f32);
}

/// The vocabulary in printable characters, as `vocab.json` has it, and what its entries are. Rows behind the last token, by which a model
/// may be padded, become tokens that stand for nothing.
fn describe_tokenizer(metadata: &mut Metadata, tokenizer: &Tokenizer, rows: i64) -> Result<()> {
    let end = tokenizer.end_of_text().context(
        "its tokenizer has no token that ends a text; llama.cpp knows no such vocabulary, and would end texts at another token",
    )?;
    let encoder = &tokenizer.encoder;
    let (mut tokens, mut kinds) = (Vec::new(), Vec::new());
    for id in 0..rows {
        let added = tokenizer.added.get(&id).cloned();
        let (token, kind) = match encoder.piece(id) {
            // No characters produce it, so it stands for itself.
            Ok(piece) if encoder.id(piece) != Some(id) => {
                (String::from_utf8_lossy(piece).into_owned(), CONTROL)
            }
            Ok(piece) => (to_printable(piece), NORMAL),
            Err(_) => {
                added.map_or_else(|| (format!("[PAD{id}]"), UNUSED), |token| (token, CONTROL))
            }
        };
        tokens.push(token);
        kinds.push(kind);
    }
    metadata.text("tokenizer.ggml.model", "gpt2");
    metadata.text("tokenizer.ggml.pre", "gpt-2");
    metadata.texts("tokenizer.ggml.tokens", &tokens);
    metadata.integers("tokenizer.ggml.token_type", &kinds);
    metadata.texts("tokenizer.ggml.merges", &printable_merges(encoder));
    for role in ["bos", "eos", "unknown", "padding"] {
        metadata.u32(&format!("tokenizer.ggml.{role}_token_id"), end as u32);
    }
    metadata.bool("tokenizer.ggml.add_bos_token", tokenizer.begins_texts);
    metadata.bool("tokenizer.ggml.add_space_prefix", tokenizer.prefix_space);
    Ok(())
}

/// All tensors by llama.cpp's names, in the order of construction.
fn entries(model: &Gpt2, number_type: NumberType) -> Vec<Entry> {
    let (c, layers) = (model.config.channels, model.config.layers);
    let mut places = BTreeMap::new();
    let mut entries: Vec<Entry> = Vec::new();
    let mut add = |name: String, part: Tensor| {
        let stays = part.dim() == 1 || name.starts_with("position");
        let number_type = if stays { NumberType::F32 } else { number_type };
        let place = *places.entry(name.clone()).or_insert(entries.len());
        match entries.get_mut(place) {
            Some(entry) => entry.parts.push(part),
            None => entries.push(Entry { name, parts: vec![part], number_type }),
        }
    };
    for (ours, parameter) in model.parameters() {
        add(public_name(&ours), parameter);
    }
    if !model.config.qkv_bias {
        for layer in 0..layers {
            let zeros = Tensor::zeros([3 * c], (Kind::Float, Device::Cpu));
            add(format!("blk.{layer}.attn_qkv.bias"), zeros); // llama.cpp wants one
        }
    }
    entries
}

/// llama.cpp's name of one of our parameters; query, key and value share one.
fn public_name(ours: &str) -> String {
    let parts = [
        ("attention.query", "attn_qkv"),
        ("attention.key", "attn_qkv"),
        ("attention.value", "attn_qkv"),
        ("attention.output", "attn_output"),
        ("feed_forward.up", "ffn_up"),
        ("feed_forward.down", "ffn_down"),
        ("norm1", "attn_norm"),
        ("norm2", "ffn_norm"),
        ("blocks.", "blk."),
        ("token.", "token_embd."),
        ("position.", "position_embd."),
        ("head.", "output."),
    ];
    let name =
        parts.iter().fold(ours.to_owned(), |name, (ours, theirs)| name.replace(ours, theirs));
    name.strip_prefix("norm.").map_or(name.clone(), |rest| format!("output_norm.{rest}"))
}

impl NumberType {
    /// Checks that rows can be cut into whole blocks.
    fn check(self, config: &Gpt2Config) -> Result<()> {
        for (name, width) in [("channels", config.channels), ("hidden", config.hidden)] {
            let block = self.block() as i64;
            ensure!(
                width % block == 0,
                "{self} cuts rows into blocks of {block}, but {name} is {width}, which is no multiple of it; take f16"
            );
        }
        Ok(())
    }
}
