//! The format in which everybody else stores a GPT-2 (chapter 5.1): a folder with `model.safetensors` and `config.json`, as on the
//! Hugging Face hub.
//!
//! Three things differ from our layers. OpenAI's code multiplies by a weight `[inputs, outputs]` where PyTorch's linear layer keeps
//! `[outputs, inputs]`; query, key and value stand side by side in one matrix `c_attn`; and a tied head is not stored at all.
//! The same folder is what training writes, so that there is one format for weights, checkpoints and export.

mod config_json;
mod names;
pub mod safetensors;
pub mod tokenizer_files;

pub use config_json::{config_from_json, config_to_json, load_config};
pub use names::{Origin, origins};

use crate::{config::Gpt2Config, fast::cpu::threads::OneThread, gpt2::Gpt2};
use anyhow::{Context, Result, bail, ensure};
use safetensors::{WeightFile, brief};
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::Mutex,
    thread::{self, ScopedJoinHandle},
};
use tch::{Device, Kind, Tensor, nn};

/// Name of the weight file in a model's folder.
pub const WEIGHTS: &str = "model.safetensors";
/// Name of the configuration in a model's folder.
pub const CONFIG: &str = "config.json";

/// Name without prefix, then the name and the shape in the file.
type Stored = BTreeMap<String, (String, Vec<i64>)>;

/// Loads a model from a folder in the public format.
///
/// Names may carry the prefix `transformer.`; stored causal masks are ignored.
///
/// # Errors
/// If a file is missing, damaged, or describes no model we can build; every missing, surplus or misshapen tensor is named before
/// any is read.
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
        .map(|(name, readers)| (public.stored[name].0.as_str(), readers))
        .collect();
    read_all(&public.path, jobs)?;
    public.model(&origins, parameters, device)
}

/// The same model without reading it: weights that the file holds in 32 bits are looked at where they lie, transposed as they are.
///
/// A program that loads GPT-2 small so writes its first token 0.2 s sooner. For one that works for a while, [`load`] is the better
/// choice, since memory of its own can be had in large pages.
///
/// The file must not be cut short while the model lives ([`WeightFile::map`]).
///
/// # Errors
/// As [`load`].
pub fn map(folder: &Path) -> Result<Gpt2> {
    let public = Public::open(folder)?;
    let origins = origins(&public.config);
    let stored = |origin: &Origin| public.stored[&origin.public].0.as_str();
    let names: BTreeSet<&str> = origins.iter().map(stored).collect(); // query, key and value share one
    let Some(tensors) = public.file.map(names)? else {
        return load(folder, Device::Cpu); // such as 16-bit floats, which have to be widened
    };
    let parameters =
        origins.iter().map(|origin| origin.find_in(&tensors[stored(origin)])).collect();
    public.model(&origins, parameters, Device::Cpu)
}

/// A folder whose configuration and whose weight file's header fit each other.
struct Public {
    path: PathBuf,
    file: WeightFile,
    config: Gpt2Config,
    stored: Stored,
}

impl Public {
    fn open(folder: &Path) -> Result<Self> {
        let config = load_config(&folder.join(CONFIG))?;
        let path = folder.join(WEIGHTS);
        let file = WeightFile::open(&path)?;
        let stored = stored_names(&file, &config)?;
        check_tensors(&file, &stored, &config)
            .with_context(|| format!("{} does not fit its {CONFIG}", path.display()))?;
        Ok(Self { path, file, config, stored })
    }

    /// The model of these parameters, each at the place of its origin.
    fn model(
        mut self,
        origins: &[Origin],
        parameters: Vec<Tensor>,
        device: Device,
    ) -> Result<Gpt2> {
        if !self.config.qkv_bias {
            refuse_hidden_bias(&mut self.file, &self.stored, &self.config)?;
        }
        let store = nn::VarStore::new(device);
        for (origin, ours) in origins.iter().zip(parameters) {
            let ours = ours.f_to_device(device).map_err(|error| brief(&error))?;
            let _ = add(&store, &origin.ours, ours);
        }
        Gpt2::with_parameters(self.config, store)
    }
}

/// A tensor of the file by name, and our parameters that it holds.
type Job<'a> = (&'a str, Vec<(&'a Origin, Tensor)>);

/// Reads tensors on two threads, the largest first, as most of the time goes into memory that is touched for the first time. libtorch
/// wakes no others for pieces that take less time than waking.
fn read_all(path: &Path, mut jobs: Vec<Job>) -> Result<()> {
    jobs.sort_by_key(|(_, readers)| readers.iter().map(|(_, ours)| ours.numel()).sum::<usize>());
    let jobs = Mutex::new(jobs);
    let next = || jobs.lock().expect("nothing panics while the list is held").pop();
    let work = || -> Result<()> {
        let _alone = OneThread::begin();
        let mut file = WeightFile::open(path)?;
        while let Some((name, readers)) = next() {
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

/// Puts a tensor into the store under its full name.
fn add(store: &nn::VarStore, name: &str, tensor: Tensor) -> Tensor {
    let (path, leaf) = name.rsplit_once('.').unwrap_or(("", name));
    let path = path.split('.').fold(store.root(), |path, part| path / part);
    path.add(leaf, tensor, true)
}

/// The public names without prefix, each with the name and the shape in the file; masks and a stored copy of a tied head left out.
fn stored_names(file: &WeightFile, config: &Gpt2Config) -> Result<Stored> {
    let is_mask = |name: &str| name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
    let mut stored = Stored::new();
    for (name, shape) in file.shapes() {
        let short = name.strip_prefix("transformer.").unwrap_or(&name).to_owned();
        if is_mask(&short) || (config.tied && short == "lm_head.weight") {
            continue;
        }
        if let Some((twin, _)) = stored.insert(short, (name.clone(), shape)) {
            bail!("{name} and {twin} claim the same place; the file must hold one of them");
        }
    }
    Ok(stored)
}

fn check_tensors(file: &WeightFile, stored: &Stored, config: &Gpt2Config) -> Result<()> {
    let mut expected: BTreeMap<String, Vec<i64>> = origins(config)
        .into_iter()
        .map(|origin| (origin.public.clone(), origin.public_shape()))
        .collect();
    let optional = |name: &str| !config.qkv_bias && name.ends_with("attn.c_attn.bias");
    for layer in 0..config.layers {
        expected
            .entry(format!("h.{layer}.attn.c_attn.bias"))
            .or_insert_with(|| vec![3 * config.channels]);
    }
    let missing = expected
        .keys()
        .filter(|name| !stored.contains_key(*name) && !optional(name))
        .cloned()
        .collect();
    let surplus = stored
        .iter()
        .filter(|(short, _)| !expected.contains_key(*short))
        .map(|(_, (name, _))| name.clone());
    let (mut misshapen, mut unreadable) = (Vec::new(), Vec::new());
    for (short, (name, found)) in stored {
        let Some(shape) = expected.get(short) else { continue };
        if found != shape {
            misshapen.push(format!("{name} is {found:?}, not {shape:?}"));
        }
        unreadable.extend(file.check_kind(name).err().map(|complaint| complaint.to_string()));
    }
    let complaints: Vec<String> = [
        ("missing", missing),
        ("unknown", surplus.collect()),
        ("of the wrong shape", misshapen),
        ("of the wrong kind", unreadable),
    ]
    .into_iter()
    .filter(|(_, names)| !names.is_empty())
    .map(|(what, names): (_, Vec<String>)| {
        format!("{} tensors are {what}: {}", names.len(), names.join(", "))
    })
    .collect();
    ensure!(complaints.is_empty(), "{}", complaints.join("; "));
    Ok(())
}

/// A model without query/key/value bias may come with stored zeros in its place, and with nothing else.
fn refuse_hidden_bias(file: &mut WeightFile, stored: &Stored, config: &Gpt2Config) -> Result<()> {
    for layer in 0..config.layers {
        let public = format!("h.{layer}.attn.c_attn.bias");
        if let Some((name, _)) = stored.get(&public) {
            let largest = file.tensor(name)?.abs().max().double_value(&[]);
            ensure!(
                largest == 0.0,
                "{name} is not zero, but {CONFIG} says that the model has no query/key/value bias"
            );
        }
    }
    Ok(())
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
    let config = serde_json::to_string_pretty(&config_to_json(&model.config))?;
    safetensors::replace(&folder.join(CONFIG), |temporary| {
        Ok(std::fs::write(temporary, config + "\n")?)
    })
}
