//! A folder that the field's tools take without a change (chapter 5.6).
//!
//! The weights and `config.json` are in the public format anyway ([`model::format`]); this adds the tokenizer, the settings of
//! generation, the form of a conversation, and what Ollama needs.

use anyhow::{Result, ensure};
use model::{
    config::{Gelu, Gpt2Config},
    format::{
        self, CONFIG,
        gguf::{self, NumberType},
        safetensors,
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

/// The same for a model that came from the folder `source`: its own tokenizer files and chat template, which are in `beside`, are kept,
/// and what its configuration says of the end of a text and of dropout. For one that `answers` no instruction there is no form of
/// asking.
///
/// # Errors
/// If a file cannot be read or written.
pub fn export_from(
    [source, beside]: [&Path; 2],
    folder: &Path,
    model: &Gpt2,
    answers: bool,
) -> Result<()> {
    let rates = format::dropout_rates(&source.join(CONFIG))?;
    fs::create_dir_all(folder)?;
    tokenizer_files::keep(beside, folder)?;
    let template = beside.join(TEMPLATE_FILE);
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

/// Writes what belongs beside the weights: tokenizer, generation settings, the recipe for Ollama and, for a model that `answers`
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
    write(&folder.join("Modelfile"), &modelfile(config, &tokenizer, answers))?;
    let generation = serde_json::to_string_pretty(&generation_config(&tokenizer))? + "\n";
    write(&folder.join("generation_config.json"), &generation)
}

fn write(path: &Path, content: &str) -> Result<()> {
    safetensors::replace(path, |temporary| Ok(fs::write(temporary, content)?))
}

/// Adds to a folder that was written the one file of it that llama.cpp reads, and Ollama by the `Modelfile`.
///
/// # Errors
/// As [`gguf::write`].
pub fn write_gguf(folder: &Path, model: &Gpt2, number_type: NumberType) -> Result<()> {
    let tokenizer = tokenizer::of(folder, model.config.vocab_size)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    gguf::write(&folder.join(GGUF), model, &tokenizer, number_type, &name)
}

/// What other programs will do differently with a model of this kind.
///
/// # Source
/// `build_gpt2` of llama.cpp, whose GELU is the form with tanh.
pub fn difference(config: &Gpt2Config) -> Option<&'static str> {
    (config.gelu == Gelu::Exact).then_some(
        "llama.cpp and Ollama compute GELU by its tanh form, the model was made with the exact one: their logits differ slightly",
    )
}

/// What `ollama create NAME -f Modelfile` reads: the file with the model, its context, where its texts end and, for a model that
/// `answers` instructions, their form.
fn modelfile(config: &Gpt2Config, tokenizer: &Tokenizer, answers: bool) -> String {
    let stop = |end| format!("PARAMETER stop \"{end}\"\n");
    let stop = tokenizer.end_mark().map_or_else(String::new, stop);
    let asking = if answers { ASKING } else { "" };
    format!("{HOW}FROM ./{GGUF}\nPARAMETER num_ctx {}\n{stop}{asking}", config.context)
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

/// Name of the file that llama.cpp reads.
pub const GGUF: &str = "model.gguf";
const TEMPLATE_FILE: &str = "chat_template.jinja";

/// The Alpaca form of a conversation's last question, for `apply_chat_template` of transformers.
pub(crate) const CHAT_TEMPLATE: &str = "\
Below is an instruction that describes a task. Write a response that appropriately completes the request.\
{% for message in messages %}\
{% if message['role'] == 'user' %}{{ '\\n\\n### Instruction:\\n' + message['content'] }}\
{% elif message['role'] == 'assistant' %}{{ '\\n\\n### Response:\\n' + message['content'] }}\
{% endif %}\
{% endfor %}\
{% if add_generation_prompt %}{{ '\\n\\n### Response:\\n' }}{% endif %}";

const HOW: &str = "# `finetune export --gguf f16` writes model.gguf beside this file; then: ollama create my-gpt2 -f Modelfile\n";

/// What the recipe adds for a model that answers instructions: their form, where an answer ends, and that its best one is wanted.
const ASKING: &str = r####"TEMPLATE """Below is an instruction that describes a task. Write a response that appropriately completes the request.

### Instruction:
{{ .Prompt }}

### Response:
"""
PARAMETER stop "### Instruction:"
PARAMETER temperature 0
"####;
