//! Writing a model for other programs (chapter 5.6).

use super::options::Export;
use crate::export::{self, GGUF};
use anyhow::Result;
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
    let from = [folder.as_path(), weights::tokenizer_folder(&folder)];
    export::export_from(from, &options.out, &model, answers)?;
    println!(
        "wrote       {}: weights, tokenizer, generation settings, {}Modelfile",
        options.out.display(),
        if answers { "chat template, " } else { "" }
    );
    if let Some(number_type) = options.gguf {
        export::write_gguf(&options.out, &model, number_type)?;
        println!("wrote       {}: {number_type}", options.out.join(GGUF).display());
    }
    if let Some(difference) = export::difference(&model.config) {
        say(&format!("note            {difference}"));
    }
    if !answers {
        say(
            "note            without a form for instructions, as the model has only learned to continue texts",
        );
    }
    print_next(options, answers);
    Ok(())
}

/// The commands that use the folder: ours, and how Ollama gets it.
fn print_next(options: &Export, answers: bool) {
    let path = shell::path(&options.out);
    let command = if answers { "chat" } else { "complete" };
    println!("next        {}", shell::command("finetune", [command, "--weights", &path]));
    let recipe = shell::quoted(&shell::path(&options.out.join("Modelfile")));
    match options.gguf {
        Some(_) => println!("Ollama      ollama create my-gpt2 -f {recipe}"),
        None => println!("Ollama      reads one file, {GGUF}, which --gguf f16 adds"),
    }
}
