//! A folder that the field's tools take without a change (chapter 5.6).
//!
//! The weights and `config.json` are in the public format anyway ([`model::format`]); this adds the tokenizer, the settings of
//! generation, the form of a conversation, and what Ollama needs.

use anyhow::{Result, ensure};
use model::{
    config::{Gelu, Gpt2Config},
    format::{
        self, CONFIG, safetensors,
        tokenizer::{self, Tokenizer},
        tokenizer_files,
    },
    gpt2::Gpt2,
};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// Checks that nothing of anybody's would be overwritten.
///
/// # Errors
/// If the folder holds anything, or is no folder.
pub fn ensure_unused(folder: &Path) -> Result<()> {
    ensure!(
        !folder.exists() || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()),
        "{} holds something already; choose another --out, or say --force to write into it",
        folder.display()
    );
    Ok(())
}

/// Writes the model and everything beside it into a folder.
///
/// # Errors
/// If the disk refuses.
pub fn export(folder: &Path, model: &Gpt2) -> Result<()> {
    format::save(folder, model)?;
    write_companions(folder, &model.config, true)
}

/// The same for a model that came from another folder: its own tokenizer files and chat template are kept, and what its
/// configuration says of the end of a text and of dropout. For one that `answers` no instruction there is no form of asking.
///
/// # Errors
/// If a file cannot be read or written.
pub fn export_from(source: &Path, folder: &Path, model: &Gpt2, answers: bool) -> Result<()> {
    let rates = format::dropout_rates(&source.join(CONFIG))?;
    fs::create_dir_all(folder)?;
    tokenizer_files::keep(source, folder)?;
    let template = source.join(TEMPLATE_FILE);
    if template.is_file() {
        fs::copy(template, folder.join(TEMPLATE_FILE))?;
    }
    format::save(folder, model)?;
    write_companions(folder, &model.config, answers)?;
    let path = folder.join(CONFIG);
    let mut ours: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
    for (key, rate) in ["resid_pdrop", "embd_pdrop", "attn_pdrop"].into_iter().zip(rates) {
        ours[key] = rate.into();
    }
    write(&path, &(serde_json::to_string_pretty(&ours)? + "\n"))
}

/// Writes what stands beside the weights: tokenizer, generation settings, the recipe for Ollama and, for a model that `answers`
/// instructions, the conversation template. What the folder has of a tokenizer and of a template already, from the model that it
/// was made of, stays.
///
/// # Errors
/// If the disk refuses.
pub fn write_companions(folder: &Path, config: &Gpt2Config, answers: bool) -> Result<()> {
    tokenizer_files::write(folder, config.context)?;
    let tokenizer = tokenizer::of(folder, config.vocab_size)?;
    if answers && !folder.join(TEMPLATE_FILE).exists() {
        write(&folder.join(TEMPLATE_FILE), CHAT_TEMPLATE)?;
    }
    write(
        &folder.join("Modelfile"),
        &format!(
            "{MODELFILE}PARAMETER num_ctx {}\n{}",
            config.context,
            if answers { ASKING } else { "" }
        ),
    )?;
    let generation = serde_json::to_string_pretty(&generation_config(&tokenizer))? + "\n";
    write(&folder.join("generation_config.json"), &generation)
}

fn write(path: &Path, content: &str) -> Result<()> {
    safetensors::replace(path, |temporary| Ok(fs::write(temporary, content)?))
}

/// What other programs will do differently with a model of this kind: a sentence each.
///
/// # Source
/// `GPT2Model.set_gguf_parameters` in llama.cpp's `convert_hf_to_gguf.py`, which writes `4 * n_embd` whatever `n_inner` says, and
/// `build_gpt2` there, whose GELU is the form with tanh.
pub fn differences(config: &Gpt2Config) -> Vec<String> {
    let mut differences = Vec::new();
    if config.hidden != 4 * config.channels {
        differences.push(format!(
            "llama.cpp and Ollama cannot read it: they take the feed-forward network to be {} wide, 4 times n_embd, but n_inner is {}",
            4 * config.channels,
            config.hidden
        ));
    }
    if config.gelu == Gelu::Exact {
        differences.push(
            "llama.cpp and Ollama compute GELU by its tanh form, the model was made with the exact one: their logits differ slightly"
                .to_owned(),
        );
    }
    differences
}

fn generation_config(tokenizer: &Tokenizer) -> Value {
    let padding = tokenizer.encoder.end_of_text;
    json!({
        "_from_model_config": true,
        "bos_token_id": padding,
        "eos_token_id": tokenizer.end_of_text(),
        "pad_token_id": padding,
    })
}

const TEMPLATE_FILE: &str = "chat_template.jinja";

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
const MODELFILE: &str = r#"# Make model.gguf from this folder with llama.cpp's convert_hf_to_gguf.py, then: ollama create my-gpt2 -f Modelfile
FROM ./model.gguf
PARAMETER stop "<|endoftext|>"
"#;

/// What the recipe adds for a model that answers instructions: their form, where an answer ends, and that its best one is wanted.
const ASKING: &str = r####"TEMPLATE """Below is an instruction that describes a task. Write a response that appropriately completes the request.

### Instruction:
{{ .Prompt }}

### Response:
"""
PARAMETER stop "### Instruction:"
PARAMETER temperature 0
"####;
