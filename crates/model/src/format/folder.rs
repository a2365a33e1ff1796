//! Whether a folder holds a model that can be read, and if not, what it holds instead and what to do about it.

use super::{CONFIG, INDEX, WEIGHTS, shards};
use anyhow::{Result, bail};
use std::{fs, path::Path};

/// Whether `config.json` and weights are there; a link to a file that is gone counts as nothing.
pub fn is_model(folder: &Path) -> bool {
    folder.join(CONFIG).is_file()
        && (folder.join(WEIGHTS).is_file()
            || missing_shards(folder).is_some_and(|missing| missing.is_empty()))
}

/// Checks that a folder holds a model.
///
/// # Errors
/// Says what is there instead, and the way from it to a model.
pub fn check(folder: &Path) -> Result<()> {
    if is_model(folder) {
        return Ok(());
    }
    let folder_name = folder.display();
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    if let Some(inside) = names.iter().filter(|name| is_model(&folder.join(name))).max() {
        bail!("{folder_name} holds no model, but its folder {inside} does; name that one");
    }
    if let Some(broken) = names.iter().find(|name| is_broken_link(&folder.join(name))) {
        let config = if folder.join(CONFIG).is_file() { "config.json, but " } else { "" };
        bail!(
            "{folder_name} holds {config}no whole weights: {broken} is a link to a file that is gone; fetch it again"
        );
    }
    if let Some(shard) = missing_shards(folder).unwrap_or_default().first() {
        bail!(
            "{folder_name} holds no whole model: {INDEX} names {shard}, which is not there; fetch it again"
        );
    }
    if folder.join(WEIGHTS).is_file() || folder.join(INDEX).is_file() {
        bail!(
            "{folder_name} holds weights, but no {CONFIG}; put the one of the same model beside them"
        );
    }
    let mut files = names.iter().filter(|name| folder.join(name).is_file());
    let found = files.find_map(|name| Some((name, way_out(name)?)));
    if let Some((name, way_out)) = found {
        bail!("{folder_name} holds no {WEIGHTS}, but {name}: {way_out}");
    }
    bail!(
        "{folder_name} holds no model: {WEIGHTS} and {CONFIG} must be there, as in the folder of a finished run or of a checkpoint"
    );
}

/// The files that the index names and that are not there; nothing where there is no index that can be read.
fn missing_shards(folder: &Path) -> Option<Vec<String>> {
    let shards = shards(folder).ok()?;
    Some(shards.into_iter().filter(|shard| !folder.join(shard).is_file()).collect())
}

fn is_broken_link(path: &Path) -> bool {
    path.is_symlink() && !path.exists()
}

/// How to make of a file that holds weights in another form one that can be read.
fn way_out(name: &str) -> Option<&'static str> {
    const PICKLE: &str = "reading it would run whatever program it holds; in Python, \
        AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(FOLDER) of transformers writes model.safetensors beside it";
    let ends = |ending: &str| name.to_lowercase().ends_with(ending);
    if name.starts_with("adapter_model") {
        Some(
            "a LoRA adapter without its model; in Python, merge_and_unload of peft and save_pretrained make a whole one",
        )
    } else if name.starts_with("pytorch_model") && (ends(".bin") || ends(".bin.index.json")) {
        Some(PICKLE)
    } else if ends(".h5") || ends(".msgpack") {
        Some(
            "weights for TensorFlow or Flax; in Python, AutoModelForCausalLM.from_pretrained of transformers 4 with from_tf or \
             from_flax, then save_pretrained, writes model.safetensors",
        )
    } else if name.starts_with("model.ckpt") {
        Some(
            "OpenAI's own checkpoint; convert_gpt2_original_tf_checkpoint_to_pytorch.py of transformers makes a folder of it, and \
             the published sizes are there by name (gpt2)",
        )
    } else if ends(".gguf") || ends("ggml.bin") {
        Some("a file for llama.cpp; take the folder that it was made from")
    } else if ends(".pt") || ends(".pth") || ends(".ckpt") {
        Some(
            "a PyTorch checkpoint, such as nanoGPT's; save its tensors under GPT-2's names with safetensors, and a config.json",
        )
    } else if ends(".safetensors") {
        Some("if it is the whole model, call it model.safetensors")
    } else {
        None
    }
}
