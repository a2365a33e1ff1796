//! A folder that the field's tools take without a change (chapter 5.6).
//!
//! The weights and `config.json` are in the public format anyway ([`model::format`]); this adds the tokenizer, the settings of
//! generation, the form of a conversation, and what Ollama needs.

use anyhow::Result;
use embedding::bpe::END_OF_TEXT;
use model::format::tokenizer_files;
use model::{format, format::safetensors, gpt2::Gpt2};
use serde_json::{Value, json};
use std::path::Path;

/// Writes the model and everything beside it into a folder.
///
/// # Errors
/// If the disk refuses.
pub fn export(folder: &Path, model: &Gpt2) -> Result<()> {
    format::save(folder, model)?;
    write_companions(folder, model.config.context)
}

/// Writes what stands beside the weights: tokenizer, generation settings, conversation template, and the recipe for Ollama.
///
/// # Errors
/// If the disk refuses.
pub fn write_companions(folder: &Path, context: i64) -> Result<()> {
    tokenizer_files::write(folder, context)?;
    for (name, content) in [
        ("chat_template.jinja", CHAT_TEMPLATE.to_owned()),
        ("Modelfile", MODELFILE.to_owned()),
        ("generation_config.json", serde_json::to_string_pretty(&generation_config())? + "\n"),
    ] {
        safetensors::replace(&folder.join(name), |temporary| {
            Ok(std::fs::write(temporary, content)?)
        })?;
    }
    Ok(())
}

fn generation_config() -> Value {
    json!({
        "_from_model_config": true,
        "bos_token_id": END_OF_TEXT,
        "eos_token_id": END_OF_TEXT,
        "pad_token_id": END_OF_TEXT,
    })
}

/// The Alpaca form of a conversation's last question, for `apply_chat_template` of transformers.
const CHAT_TEMPLATE: &str = "\
Below is an instruction that describes a task. Write a response that appropriately completes the request.\
{% for message in messages %}\
{% if message['role'] == 'user' %}{{ '\\n\\n### Instruction:\\n' + message['content'] }}\
{% elif message['role'] == 'assistant' %}{{ '\\n\\n### Response:\\n' + message['content'] }}\
{% endif %}\
{% endfor %}\
{% if add_generation_prompt %}{{ '\\n\\n### Response:\\n' }}{% endif %}";

/// What `ollama create NAME -f Modelfile` reads, once the folder has been converted to `model.gguf`.
const MODELFILE: &str = r####"# Make model.gguf from this folder with llama.cpp's convert_hf_to_gguf.py, then: ollama create my-gpt2 -f Modelfile
FROM ./model.gguf
TEMPLATE """Below is an instruction that describes a task. Write a response that appropriately completes the request.

### Instruction:
{{ .Prompt }}

### Response:
"""
PARAMETER stop "<|endoftext|>"
PARAMETER stop "### Instruction:"
PARAMETER temperature 0
"####;
