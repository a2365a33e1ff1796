//! The model that `train` begins with (chapter 4.4).

use super::options::Options;
use crate::run::{
    corpus::Corpus,
    memory_check, tokenizer,
    weights::{self, Brought},
};
use anyhow::{Result, ensure};
use embedding::bpe::BytePairEncoder;
use model::{
    config::Gpt2Config,
    format::{self, tokenizer::Tokenizer},
    gpt2::Gpt2,
};
use std::path::{Path, PathBuf};
use tch::Device;

/// Tokens in a window where neither the user nor a `config.json` says anything.
const CONTEXT: usize = 128;

/// What a run begins with.
pub struct First {
    /// The model.
    pub model: Gpt2,
    /// What it was: `scratch`, or the name of its weights.
    pub begun_with: String,
    /// The folder of those weights.
    pub folder: Option<PathBuf>,
    /// Tokens in a window.
    pub context: usize,
    /// What its ids mean.
    pub tokenizer: Tokenizer,
}

/// The model to begin with: weights by name, or random ones.
///
/// # Errors
/// If there are no such weights, or no such model can be.
pub fn first_model(options: &Options, corpus: &Corpus, seed: u32, device: Device) -> Result<First> {
    let dropout = options.dropout.unwrap_or(0.0);
    let preset = options.preset().map(|preset| preset.config);
    let wanted = match preset {
        Some(config) => Some(config),
        None => options.model.as_deref().map(config).transpose()?,
    };
    if let Some(name) = options.init.as_deref().filter(|&name| name != "scratch") {
        return begun_with(name, options, wanted, device);
    }
    // A file that describes a model says how much it sees; of the known sizes a part is enough.
    let own = wanted
        .filter(|_| {
            preset.is_some()
                || options.model.as_deref().is_some_and(|name| Path::new(name).is_file())
        })
        .map_or(CONTEXT, |config| config.context as usize);
    let context = options.context.unwrap_or(own);
    let mut config =
        Gpt2Config { context: context as i64, dropout, ..wanted.unwrap_or(Gpt2Config::TINY) };
    let own = preset.map(|config| config.vocab_size as usize);
    let vocab_size = options.vocab_size.or(own);
    let tokenizer = match vocab_size {
        Some(entries) => tokenizer::learn(&corpus.training, entries, options.path)?,
        None => Tokenizer::default(),
    };
    match vocab_size {
        Some(entries) => config.vocab_size = entries as i64,
        None => check_vocabulary(&config)?,
    }
    config.check()?;
    memory_check::check(&config)?;
    tch::manual_seed(i64::from(seed));
    let model = Gpt2::new(config, device)?;
    model.initialize_as_gpt2();
    Ok(First { model, begun_with: "scratch".to_owned(), folder: None, context, tokenizer })
}

fn begun_with(
    name: &str,
    options: &Options,
    wanted: Option<Gpt2Config>,
    device: Device,
) -> Result<First> {
    ensure!(
        options.vocab_size.is_none(),
        "the weights of --init {name} come with their own tokenizer; leave --vocab-size out"
    );
    let Brought { model: loaded, folder, tokenizer } = weights::load(name, device)?;
    if let Some(wanted) = wanted {
        let size =
            |config: &Gpt2Config| [config.layers, config.heads, config.channels, config.vocab_size];
        ensure!(
            size(&wanted) == size(&loaded.config),
            "--model asks for another size than the weights of --init {name} have; leave --model out"
        );
    }
    let config = Gpt2Config { dropout: options.dropout.unwrap_or(0.0), ..loaded.config };
    memory_check::check(&config)?;
    let own = config.context as usize;
    let context = options.context.unwrap_or(CONTEXT.min(own));
    ensure!(
        context <= own,
        "context is {context}, but the model has {own} positions; choose at most as many"
    );
    let model = Gpt2::with_parameters(config, loaded.store)?;
    Ok(First { model, begun_with: name.to_owned(), folder: Some(folder), context, tokenizer })
}

fn check_vocabulary(config: &Gpt2Config) -> Result<()> {
    let needed = BytePairEncoder::gpt2().vocab_size() as i64;
    ensure!(
        config.vocab_size >= needed,
        "vocab_size is {}, but GPT-2's tokenizer has {needed} entries; take a model with at least as many, or --vocab-size to learn a vocabulary",
        config.vocab_size
    );
    Ok(())
}

fn config(name: &str) -> Result<Gpt2Config> {
    if name == "tiny" {
        return Ok(Gpt2Config::TINY);
    }
    if let Some((_, config)) = format::PUBLISHED.iter().find(|(known, _)| *known == name) {
        return Ok(*config);
    }
    ensure!(
        Path::new(name).is_file(),
        "the model {name:?} is unknown; there are tales, story, shakespeare, tiny, gpt2, gpt2-medium, gpt2-large and gpt2-xl, or give a config.json"
    );
    format::load_config(Path::new(name))
}
