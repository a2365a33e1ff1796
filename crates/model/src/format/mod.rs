//! The format in which everybody else stores a GPT-2 (chapter 5.1): a folder with `model.safetensors` and `config.json`, as on the
//! Hugging Face hub.
//!
//! Three things differ from our layers. OpenAI's code multiplies by a weight `[inputs, outputs]` where PyTorch's linear layer keeps
//! `[outputs, inputs]`; query, key and value stand side by side in one matrix `c_attn`; and a tied head is not stored at all.
//! The same folder is what training writes, so that there is one format for weights, checkpoints and export.

mod complaints;
mod config_json;
pub mod folder;
pub mod gguf;
mod json;
mod names;
mod remarks;
pub mod safetensors;
mod stored;
pub mod tokenizer;
pub mod tokenizer_files;
mod tokenizer_kind;
mod vocabulary;
mod weights;

pub use config_json::{config_from_json, config_to_json, dropout_rates, load_config};
pub use names::{Origin, add, origins};
pub use remarks::remarks;
pub use weights::{INDEX, shards};

use crate::{config::Gpt2Config, gpt2::Gpt2};
use anyhow::{Context, Result, ensure};
use safetensors::{WeightFile, brief};
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    panic::resume_unwind,
    path::Path,
    sync::Mutex,
    thread::{self, ScopedJoinHandle},
};
use stored::Stored;
use tch::{Device, Kind, Tensor, nn};
use weights::Weights;

/// Name of the weight file in a model's folder.
pub const WEIGHTS: &str = "model.safetensors";
/// Name of the configuration in a model's folder.
pub const CONFIG: &str = "config.json";
/// The published sizes by the names they have on the Hugging Face hub.
pub const PUBLISHED: [(&str, Gpt2Config); 4] = [
    ("gpt2", Gpt2Config::SMALL),
    ("gpt2-medium", Gpt2Config::MEDIUM),
    ("gpt2-large", Gpt2Config::LARGE),
    ("gpt2-xl", Gpt2Config::XL),
];

/// Loads a model from a folder in the public format.
///
/// Names may carry the prefix `transformer.` or that of a wrapper; stored causal masks are ignored, and a stored head that differs
/// from the embedding is used whatever the configuration says. [`remarks`] tells what a user should know of it.
///
/// # Errors
/// If a file is missing, damaged, or describes no model we can build; missing, surplus or misshapen tensors are named before any is
/// read.
pub fn load(folder: &Path, device: Device) -> Result<Gpt2> {
    let public = Public::open(folder)?;
    let origins = origins(&public.config);
    let mut parameters = Vec::with_capacity(origins.len());
    let mut readers: BTreeMap<&str, Vec<(&Origin, Tensor)>> = BTreeMap::new(); // query, key and value share one
    for origin in &origins {
        let ours = Tensor::f_empty(&origin.shape, (Kind::Float, Device::Cpu))
            .map_err(|error| brief(&error))?;
        parameters.push(ours.shallow_clone());
        readers.entry(&origin.public).or_default().push((origin, ours));
    }
    let jobs = readers
        .into_iter()
        .map(|(name, readers)| {
            let name = public.name_of(name);
            (public.weights.path_of(name), name, readers)
        })
        .collect();
    read_all(jobs)?;
    public.model(&origins, parameters, device)
}

/// The same model without reading it: weights that the file holds in 32 bits are looked at where they lie, transposed as they are.
///
/// A program that loads GPT-2 small so writes its first token 0.2 s sooner. For one that works for a while, [`load`] is the better
/// choice, since memory of its own can be had in large pages.
///
/// The file is checked now, and must not be written in place nor cut short while the model lives, by any process: what that does
/// is said at [`WeightFile::map`].
///
/// # Errors
/// As [`load`].
pub fn map(folder: &Path) -> Result<Gpt2> {
    let public = Public::open(folder)?;
    let origins = origins(&public.config);
    let stored = |origin: &Origin| public.name_of(&origin.public);
    let names: BTreeSet<&str> = origins.iter().map(stored).collect(); // query, key and value share one
    let Some(tensors) = public.weights.map(names)? else {
        return load(folder, Device::Cpu); // such as 16-bit floats, which have to be widened
    };
    let parameters =
        origins.iter().map(|origin| origin.find_in(&tensors[stored(origin)])).collect();
    public.model(&origins, parameters, Device::Cpu)
}

/// A folder whose configuration and whose weight file's header fit each other.
struct Public {
    weights: Weights,
    config: Gpt2Config,
    stored: Stored,
}

impl Public {
    fn open(folder: &Path) -> Result<Self> {
        let mut config = load_config(&folder.join(CONFIG))?;
        let weights = Weights::open(folder)?;
        let stored = Stored::of(&weights, &mut config)?;
        complaints::check(&weights, &stored, &config)?;
        Ok(Self { weights, config, stored })
    }

    /// The name in the file of a public tensor.
    fn name_of(&self, public: &str) -> &str {
        &self.stored.places[public].0
    }

    /// The model of these parameters, each at the place of its origin.
    fn model(
        mut self,
        origins: &[Origin],
        parameters: Vec<Tensor>,
        device: Device,
    ) -> Result<Gpt2> {
        if !self.config.qkv_bias {
            refuse_hidden_bias(&mut self.weights, &self.stored, &self.config)?;
        }
        let store = nn::VarStore::new(device);
        for (origin, ours) in origins.iter().zip(parameters) {
            let ours = ours.f_to_device(device).map_err(|error| brief(&error))?;
            let _ = add(&store, &origin.ours, ours);
        }
        Gpt2::with_parameters(self.config, store)
    }
}

/// A tensor by its file and its name, and our parameters that it holds.
type Job<'a> = (&'a Path, &'a str, Vec<(&'a Origin, Tensor)>);

/// Reads tensors on two threads, the largest first, as most of the time goes into memory that is touched for the first time. libtorch
/// wakes no others for pieces that take less time than waking.
fn read_all(mut jobs: Vec<Job>) -> Result<()> {
    jobs.sort_by_key(|(.., readers)| readers.iter().map(|(_, ours)| ours.numel()).sum::<usize>());
    let jobs = Mutex::new(jobs);
    let next = || jobs.lock().expect("nothing panics while the list is held").pop();
    let work = || -> Result<()> {
        let mut open = BTreeMap::new();
        while let Some((path, name, readers)) = next() {
            let file: &mut WeightFile = match open.entry(path) {
                Entry::Occupied(file) => file.into_mut(),
                Entry::Vacant(place) => place.insert(WeightFile::open(path)?),
            };
            file.read_rows(name, |first, rows| {
                for (origin, ours) in &readers {
                    origin.copy_rows(first, rows, ours);
                }
            })?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        // Where the system has no second thread to give, the first does all the work.
        let other = thread::Builder::new().spawn_scoped(scope, work).ok();
        let join =
            |other: ScopedJoinHandle<_>| other.join().unwrap_or_else(|panic| resume_unwind(panic));
        work().and(other.map_or(Ok(()), join))
    })
}

/// A model without query/key/value bias may come with stored zeros in its place, and with nothing else.
fn refuse_hidden_bias(weights: &mut Weights, stored: &Stored, config: &Gpt2Config) -> Result<()> {
    for layer in 0..config.layers {
        let public = format!("h.{layer}.attn.c_attn.bias");
        if let Some((name, _)) = stored.places.get(&public) {
            let largest = weights.tensor(name)?.abs().max().double_value(&[]);
            ensure!(
                largest == 0.0,
                "{name} is not zero, but {CONFIG} says that the model has no query/key/value bias"
            );
        }
    }
    Ok(())
}

/// The id that ends a text by the tokenizer in a folder; none where there is no tokenizer for such a model.
fn end_of_text(folder: &Path, config: &Gpt2Config) -> Option<i64> {
    tokenizer::of(folder, config.vocab_size).ok()?.end_of_text()
}

/// Writes a model as a folder in the public format; each file is whole or not there.
///
/// A model without query/key/value bias is stored with zeros in its place, as the format knows no other, and with
/// `"qkv_bias": false` in `config.json`, which other programs ignore.
///
/// # Errors
/// If the disk refuses.
pub fn save(folder: &Path, model: &Gpt2) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let _guard = tch::no_grad_guard();
    let parameters: BTreeMap<String, Tensor> = model.parameters().into_iter().collect();
    let mut thirds: BTreeMap<String, Vec<Tensor>> = BTreeMap::new();
    for origin in origins(&model.config) {
        let parameter = &parameters[&origin.ours];
        let public = if origin.transposed { parameter.tr() } else { parameter.shallow_clone() };
        thirds.entry(origin.public).or_default().push(public);
    }
    if !model.config.qkv_bias {
        for layer in 0..model.config.layers {
            let zeros = Tensor::zeros([3 * model.config.channels], (Kind::Float, Device::Cpu));
            thirds.insert(format!("h.{layer}.attn.c_attn.bias"), vec![zeros]);
        }
    }
    let tensors = thirds
        .into_iter()
        .map(|(public, parts)| {
            let name = if public.starts_with("lm_head") {
                public
            } else {
                format!("transformer.{public}")
            };
            (name, Tensor::cat(&parts, -1))
        })
        .collect();
    safetensors::write(&folder.join(WEIGHTS), tensors)?;
    let config = serde_json::to_string_pretty(&config_to_json(
        &model.config,
        end_of_text(folder, &model.config),
    ))?;
    safetensors::replace(&folder.join(CONFIG), |temporary| {
        Ok(std::fs::write(temporary, config + "\n")?)
    })
}
