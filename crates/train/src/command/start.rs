//! The model that `train` begins with (chapter 4.4).

use super::options::Options;
use crate::run::{hub::Hub, memory_check};
use anyhow::{Result, ensure};
use embedding::bpe::BytePairEncoder;
use model::{config::Gpt2Config, format, gpt2::Gpt2};
use std::path::Path;
use tch::Device;

/// The model to begin with, and what that was: `scratch` or the name of its weights.
pub fn first_model(
    options: &Options,
    context: usize,
    seed: u32,
    device: Device,
) -> Result<(Gpt2, String)> {
    let dropout = options.dropout.unwrap_or(0.0);
    let wanted = options.model.as_deref().map(config).transpose()?;
    if let Some(name) = options.init.as_deref().filter(|&name| name != "scratch") {
        let loaded = format::load(&Hub::from_environment().find(name)?, device)?;
        if let Some(wanted) = wanted {
            let size = |config: &Gpt2Config| {
                [config.layers, config.heads, config.channels, config.vocab_size]
            };
            ensure!(
                size(&wanted) == size(&loaded.config),
                "--model asks for another size than the weights of --init {name} have; leave --model out"
            );
        }
        check_vocabulary(&loaded.config)?;
        let config = Gpt2Config { dropout, ..loaded.config };
        memory_check::check(&config)?;
        return Ok((Gpt2::with_parameters(config, loaded.store)?, name.to_owned()));
    }
    let config =
        Gpt2Config { context: context as i64, dropout, ..wanted.unwrap_or(Gpt2Config::TINY) };
    check_vocabulary(&config)?;
    config.check()?;
    memory_check::check(&config)?;
    tch::manual_seed(i64::from(seed));
    let model = Gpt2::new(config, device)?;
    model.initialize_as_gpt2();
    Ok((model, "scratch".to_owned()))
}

fn check_vocabulary(config: &Gpt2Config) -> Result<()> {
    let needed = BytePairEncoder::gpt2().vocab_size() as i64;
    ensure!(
        config.vocab_size >= needed,
        "vocab_size is {}, but GPT-2's tokenizer has {needed} entries; take a model with at least as many",
        config.vocab_size
    );
    Ok(())
}

fn config(name: &str) -> Result<Gpt2Config> {
    if name == "tiny" {
        return Ok(Gpt2Config::TINY);
    }
    if let Some((_, config)) = Gpt2Config::PUBLISHED.iter().find(|(known, _)| *known == name) {
        return Ok(*config);
    }
    ensure!(
        Path::new(name).is_file(),
        "the model {name:?} is unknown; there are tiny, gpt2, gpt2-medium, gpt2-large and gpt2-xl, or give a config.json"
    );
    format::load_config(Path::new(name))
}
