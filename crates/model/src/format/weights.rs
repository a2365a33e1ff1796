//! The weights of a folder, which are in one file or, as transformers writes large models, in several with an index.

use super::{WEIGHTS, json, safetensors::WeightFile};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use tch::Tensor;

/// Name of the file that tells which tensor is in which of several weight files.
pub const INDEX: &str = "model.safetensors.index.json";
/// Of a longer index, which belongs to no GPT-2, the rest is not read.
const LONGEST: u64 = 1 << 24;

/// All weight files of a folder, opened and checked.
pub(super) struct Weights {
    /// What is named in complaints: the file, or the index.
    pub path: PathBuf,
    files: Vec<(PathBuf, WeightFile)>,
    places: BTreeMap<String, usize>,
}

impl Weights {
    /// Opens `model.safetensors`, else the files that the index names.
    ///
    /// # Errors
    /// If a file is missing or damaged, or does not hold what the index says.
    pub fn open(folder: &Path) -> Result<Self> {
        let (whole, index) = (folder.join(WEIGHTS), folder.join(INDEX));
        if whole.exists() || !index.exists() {
            let file = WeightFile::open(&whole)?;
            let places = file.shapes().into_iter().map(|(name, _)| (name, 0)).collect();
            return Ok(Self { files: vec![(whole.clone(), file)], path: whole, places });
        }
        let map = weight_map(&index)?;
        let shards: BTreeSet<&String> = map.values().collect();
        let mut weights = Self { path: index, files: Vec::new(), places: BTreeMap::new() };
        for shard in shards {
            let path = folder.join(shard);
            let file = WeightFile::open(&path)
                .with_context(|| format!("{} names {shard}", weights.path.display()))?;
            for (name, _) in file.shapes() {
                if let Some(other) = weights.places.insert(name.clone(), weights.files.len()) {
                    bail!("{name} is in {} and in {shard}", weights.files[other].0.display());
                }
            }
            weights.files.push((path, file));
        }
        for (name, shard) in &map {
            let place = weights.places.get(name).map(|&file| weights.files[file].0.as_path());
            ensure!(
                place == Some(&folder.join(shard)),
                "{} says that {name} is in {shard}, but it is not; fetch it again",
                weights.path.display()
            );
        }
        Ok(weights)
    }

    /// Names and shapes of all tensors, sorted by name.
    pub fn shapes(&self) -> Vec<(String, Vec<i64>)> {
        let mut shapes: Vec<_> = self.files.iter().flat_map(|(_, file)| file.shapes()).collect();
        shapes.sort();
        shapes
    }

    /// As [`WeightFile::check_kind`].
    pub fn check_kind(&self, name: &str) -> Result<()> {
        self.files[self.places[name]].1.check_kind(name)
    }

    /// As [`WeightFile::tensor`].
    pub fn tensor(&mut self, name: &str) -> Result<Tensor> {
        self.files[self.places[name]].1.tensor(name)
    }

    /// The file that holds a tensor.
    pub fn path_of(&self, name: &str) -> &Path {
        &self.files[self.places[name]].0
    }

    /// Whether two tensors are one and the same, byte for byte.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn are_equal(&self, one: &str, other: &str) -> Result<bool> {
        let (first, second) = (self.places[one], self.places[other]);
        self.files[first].1.same_bytes(one, &self.files[second].1, other)
    }

    /// As [`WeightFile::map`].
    pub fn map<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<BTreeMap<&'a str, Tensor>>> {
        let mut by_file: BTreeMap<usize, Vec<&'a str>> = BTreeMap::new();
        for name in names {
            by_file.entry(self.places[name]).or_default().push(name);
        }
        let mut mapped = BTreeMap::new();
        for (file, names) in by_file {
            let Some(tensors) = self.files[file].1.map(names)? else { return Ok(None) };
            mapped.extend(tensors);
        }
        Ok(Some(mapped))
    }
}

/// The names of the weight files that the index of a folder names, in alphabetical order.
///
/// # Errors
/// If there is no index, or it names none.
pub fn shards(folder: &Path) -> Result<Vec<String>> {
    let names: BTreeSet<String> = weight_map(&folder.join(INDEX))?.into_values().collect();
    Ok(names.into_iter().collect())
}

/// Which file holds which tensor; the names of files are names, not ways out of the folder.
fn weight_map(index: &Path) -> Result<BTreeMap<String, String>> {
    let json = json::read(index, LONGEST)?;
    let map = json.get("weight_map").and_then(Value::as_object);
    let map = map.with_context(|| format!("{} has no weight_map", index.display()))?;
    ensure!(!map.is_empty(), "the weight_map of {} is empty", index.display());
    map.iter()
        .map(|(name, shard)| {
            let file =
                shard.as_str().filter(|file| Path::new(file).file_name() == Some(file.as_ref()));
            let file = file.with_context(|| {
                format!(
                    "{} puts {name} into {shard}, which names no file beside it",
                    index.display()
                )
            })?;
            Ok((name.clone(), file.to_owned()))
        })
        .collect()
}
