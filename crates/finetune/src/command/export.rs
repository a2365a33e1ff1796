//! Writing a model for other programs (chapter 5.6).

use super::options::Export;
use crate::export;
use anyhow::Result;
use std::path::Path;
use tch::Device;
use train::{
    run::{
        terminal::say,
        weights::{self, Brought},
    },
    support::shell,
};

/// Writes the folder, and says what other programs will do otherwise with it and what comes next.
pub fn export_model(options: &Export) -> Result<()> {
    if !options.force {
        export::ensure_unused(&options.out)?;
    }
    let Brought { model, folder, .. } = weights::look_at(&options.weights, Device::Cpu)?;
    let answers = !weights::only_continues(&options.weights, &folder);
    export::export_from(&folder, &options.out, &model, answers)?;
    println!(
        "wrote       {}: weights, tokenizer, generation settings, {}Modelfile",
        options.out.display(),
        if answers { "chat template, " } else { "" }
    );
    for difference in export::differences(&model.config) {
        say(&format!("note            {difference}"));
    }
    if !answers {
        say(
            "note            without a form for instructions, as the model has only learned to continue texts",
        );
    }
    print_next(&options.out, answers);
    Ok(())
}

/// The commands that use the folder: ours, and how Ollama gets it.
fn print_next(folder: &Path, answers: bool) {
    let path = shell::path(folder);
    let command = if answers { "chat" } else { "complete" };
    println!("next        {}", shell::command("finetune", [command, "--weights", &path]));
    let gguf = shell::quoted(&shell::path(&folder.join("model.gguf")));
    println!(
        "Ollama      python convert_hf_to_gguf.py {} --outfile {gguf} && ollama create my-gpt2 -f {}",
        shell::quoted(&path),
        shell::quoted(&shell::path(&folder.join("Modelfile")))
    );
}
