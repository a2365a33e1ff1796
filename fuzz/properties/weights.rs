//! No weight file and no configuration, whatever is in them, does more than to be refused in one line.

use model::{
    config::{Gelu, Gpt2Config},
    format::{self, CONFIG, WEIGHTS, safetensors::WeightFile},
};
use std::{fs, path::Path, sync::OnceLock};
use tch::Device;
use tempfile::TempDir;

/// The smallest GPT-2, so that a mutated file of it is still nearly one.
pub const SIZES: Gpt2Config = Gpt2Config {
    vocab_size: 3,
    context: 2,
    channels: 2,
    heads: 1,
    layers: 1,
    hidden: 2,
    dropout: 0.0,
    qkv_bias: true,
    tied: true,
    gelu: Gelu::Tanh,
    norm_epsilon: 1e-5,
};

/// Holds for any bytes: taken as a weight file of any tensors, as the weights of a small model, and as a configuration.
pub fn holds(bytes: &[u8]) {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let config = format::config_to_json(&SIZES, None).to_string();
        fs::write(folder.path().join(CONFIG), config).expect("room on the disk");
        folder
    });
    let path = folder.path().join(WEIGHTS);
    fs::write(&path, bytes).expect("room on the disk");
    one_by_one(&path, bytes.len());
    if let Some(model) = one_line(format::load(folder.path(), Device::Cpu)) {
        assert_eq!(model.parameters().len() as i64, 16 + 4); // query, key and value share two of the file's 16 tensors
    }
    if let Ok(json) = serde_json::from_slice(bytes)
        && let Some(config) = one_line(format::config_from_json(&json))
    {
        config.check().expect("checked before");
        let again =
            format::config_from_json(&format::config_to_json(&config, None)).expect("its own form");
        assert_eq!(again, config);
    }
}

/// Every tensor that the file says it has is refused or has the size it says, which the file has room for.
fn one_by_one(path: &Path, length: usize) {
    let Some(mut file) = one_line(WeightFile::open(path)) else { return };
    for (name, shape) in file.shapes() {
        if let Some(tensor) = one_line(file.tensor(&name)) {
            assert_eq!(tensor.size(), shape, "{name}");
            assert!(
                tensor.numel() * 2 <= length,
                "{name} has {} values in {length} bytes",
                tensor.numel()
            );
        }
    }
}

/// What was read, or nothing if it was refused as a user may be told.
fn one_line<T>(result: anyhow::Result<T>) -> Option<T> {
    result
        .map_err(|error| {
            let said = format!("{error:#}");
            assert!(
                !said.contains("frame #") && !said.contains("Exception raised"),
                "a trace: {said}"
            );
        })
        .ok()
}
