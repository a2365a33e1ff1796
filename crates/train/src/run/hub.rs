//! Where pretrained weights come from (chapter 5.1): a folder on this machine, the cache that Python's Hugging Face library keeps, or
//! the hub itself.
//!
//! What has to be downloaded goes to `data/public`, where `cargo xtask fetch` puts it too, checked by size and SHA-256 before it takes
//! its name. The cache of the Python library is read and never written: its layout is that library's own business.

use anyhow::{Result, bail, ensure};
use model::format::{CONFIG, WEIGHTS};
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use xtask::{
    datasets::{self, Dataset},
    download::Download,
};

/// Where to look and where to ask.
#[derive(Debug, Clone)]
pub struct Hub {
    /// The project's root, whose `data/public` holds what was downloaded.
    pub root: PathBuf,
    /// The Hugging Face cache.
    pub cache: Option<PathBuf>,
    /// The address of the hub.
    pub endpoint: String,
    /// Whether nothing may be downloaded.
    pub offline: bool,
}

impl Hub {
    /// What the environment says, by the variables of Python's Hugging Face library.
    ///
    /// # Source
    /// `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, `HF_ENDPOINT` and `HF_HUB_OFFLINE` in `huggingface_hub/constants.py`.
    pub fn from_environment() -> Self {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let folder = |name: &str| set(name).map(PathBuf::from);
        let cache = folder("HF_HUB_CACHE")
            .or_else(|| Some(folder("HF_HOME")?.join("hub")))
            .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("huggingface/hub")))
            .or_else(|| Some(folder("HOME")?.join(".cache/huggingface/hub")));
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let yes = ["1", "true", "yes", "on"];
        let offline =
            set("HF_HUB_OFFLINE").is_some_and(|value| yes.contains(&value.to_lowercase().as_str()));
        Self { root: xtask::project_root(), cache, endpoint, offline }
    }

    /// The folder of the model called `name`: a folder, one of GPT-2's published sizes, or `owner/name` on the hub.
    ///
    /// # Errors
    /// If there is no such model here and it cannot be downloaded.
    pub fn find(&self, name: &str) -> Result<PathBuf> {
        let path = Path::new(name);
        // The weight file is as good a name for a model as its folder.
        let folder = if path.is_file() && path.ends_with(WEIGHTS) {
            path.parent().unwrap_or(path)
        } else {
            path
        };
        let folder = if folder == Path::new("") { Path::new(".") } else { folder };
        ensure!(
            !folder.is_file(),
            "{name} is no model but a file; name the folder that holds {WEIGHTS} and {CONFIG}"
        );
        if folder.is_dir() {
            ensure!(
                is_model(folder),
                "{name} holds no model: {WEIGHTS} and {CONFIG} must be there, as in the folder of a finished run or of a checkpoint"
            );
            return Ok(folder.to_owned());
        }
        if let Some(folder) = self.find_here(name)? {
            return Ok(folder);
        }
        ensure!(
            !self.offline,
            "the weights of {name} are not on this machine, and HF_HUB_OFFLINE forbids to fetch them; unset it, or copy them here"
        );
        match published(name) {
            Some(_) => datasets::fetch(&self.root, name),
            None => self.download(name),
        }
    }

    /// The same without a download: `None` if the model is known but not on this machine.
    ///
    /// # Errors
    /// If the name means no model.
    pub fn find_here(&self, name: &str) -> Result<Option<PathBuf>> {
        if let Some(dataset) = published(name) {
            let repository = format!("openai-community/{name}");
            let cached =
                self.cached(&repository, revision(dataset)).or_else(|| self.cached(name, None));
            return Ok(match cached {
                Some(folder) => Some(folder),
                None => datasets::path(&self.root, name)?,
            });
        }
        let Some((owner, model)) = name.split_once('/') else {
            bail!(
                "there is no folder {name}, nor a model of that name; the names are gpt2, gpt2-medium, gpt2-large and gpt2-xl"
            );
        };
        let harmless = |part: &str| {
            let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
            !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed)
        };
        ensure!(
            harmless(owner) && harmless(model),
            "there is no folder {name}, and no model on the hub can have that name"
        );
        let downloaded = self.downloaded(name);
        Ok(self.cached(name, None).or_else(|| is_model(&downloaded).then_some(downloaded)))
    }

    /// The snapshot of a repository in the Hugging Face cache: of the pinned revision, else of the main branch, else any.
    fn cached(&self, repository: &str, pinned: Option<&str>) -> Option<PathBuf> {
        let folder =
            self.cache.as_ref()?.join(format!("models--{}", repository.replace('/', "--")));
        let main = fs::read_to_string(folder.join("refs/main")).ok();
        let snapshots = folder.join("snapshots");
        let mut others: Vec<PathBuf> = fs::read_dir(&snapshots)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        others.sort();
        let named = [pinned, main.as_deref().map(str::trim)]
            .into_iter()
            .flatten()
            .map(|name| snapshots.join(name));
        named.chain(others).find(|snapshot| is_model(snapshot))
    }

    fn downloaded(&self, name: &str) -> PathBuf {
        self.root.join("data/public/hub").join(name.replace('/', "--"))
    }

    /// Fetches a model that we know nothing about but its name: the hub's own SHA-256 is what it is checked by.
    fn download(&self, name: &str) -> Result<PathBuf> {
        let folder = self.downloaded(name);
        for file in [CONFIG, WEIGHTS] {
            let address =
                format!("{}/{name}/resolve/main/{file}", self.endpoint.trim_end_matches('/'));
            Download::new(address).to(&folder.join(file))?;
        }
        Ok(folder)
    }
}

fn published(name: &str) -> Option<&'static Dataset> {
    datasets::all()
        .iter()
        .find(|dataset| dataset.kind == datasets::Kind::Weights && dataset.name == name)
}

/// The commit in the addresses of a dataset.
fn revision(dataset: &Dataset) -> Option<&str> {
    let (_, rest) = dataset.files.first()?.urls.first()?.split_once("/resolve/")?;
    rest.split('/').next()
}

fn is_model(folder: &Path) -> bool {
    folder.join(CONFIG).is_file() && folder.join(WEIGHTS).is_file()
}
