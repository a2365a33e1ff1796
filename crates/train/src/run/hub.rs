//! Where weights come from (chapter 5.1): a folder on this machine, the cache that Python's Hugging Face library keeps, or the hub
//! itself.
//!
//! What has to be downloaded goes to `data/public`, where `cargo xtask fetch` puts it too, checked by size and SHA-256 before it takes
//! its name.

use super::{
    cache::{self, Cached},
    environment::{self, Token},
    fetch,
    repository::{self, OWNERS},
    runs,
    terminal::say,
};
use anyhow::{Result, bail, ensure};
use model::format::{CONFIG, INDEX, WEIGHTS, folder};
use std::path::{Path, PathBuf};
use xtask::datasets::{self, Dataset};

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
    /// What the hub is shown where it asks who we are.
    pub token: Option<Token>,
}

impl Hub {
    /// What the environment says, by the variables of Python's Hugging Face library.
    pub fn from_environment() -> Self {
        Self {
            root: xtask::project_root(),
            cache: environment::cache(),
            endpoint: environment::endpoint(),
            offline: environment::offline(),
            token: environment::token(),
        }
    }

    /// The folder of the model called `name`: a folder, one of GPT-2's published sizes, or `owner/name` on the hub. What is not
    /// simply the folder of that name is said in one line: the revision, or the checkpoint.
    ///
    /// # Errors
    /// If there is no such model here and it cannot be downloaded.
    pub fn find(&self, name: &str) -> Result<PathBuf> {
        let expanded = environment::expand(name);
        let named = expanded.to_str().unwrap_or(name);
        if let Some(path) = runs::locate(named) {
            return local(name, &path);
        }
        let (repository, dataset) = repository::named(named)?;
        let broken = match self.cached(&repository, dataset) {
            Cached::Whole(folder, revision) => {
                say(&fetch::taken(name, Some(&revision), &format!("in {}", folder.display())));
                return Ok(folder);
            }
            Cached::Broken(why) => Some(why),
            Cached::Absent => None,
        };
        if let Some(folder) = self.downloaded(&repository, dataset)? {
            say_broken(broken.as_ref(), "taking what was downloaded");
            let kept = fetch::revision(&folder);
            let known = dataset.map_or(kept.as_deref(), repository::revision);
            say(&fetch::taken(name, known, &format!("in {}", folder.display())));
            return Ok(folder);
        }
        if self.offline {
            let why =
                broken.unwrap_or_else(|| format!("the weights of {name} are not on this machine"));
            bail!(
                "{why}, and HF_HUB_OFFLINE forbids fetching them (as TRANSFORMERS_OFFLINE does); unset it, or copy them here"
            );
        }
        say_broken(broken.as_ref(), "fetching it anew");
        environment::check_endpoint(&self.endpoint)?;
        self.fetch(&repository, dataset)
    }

    fn fetch(&self, repository: &str, dataset: Option<&Dataset>) -> Result<PathBuf> {
        if let Some(dataset) = dataset {
            let token = self.token.as_ref().map(|token| token.value.as_str());
            say(&fetch::taken(
                repository,
                repository::revision(dataset),
                &format!("from {}", self.endpoint),
            ));
            return datasets::fetch_with(&self.root, &dataset.name, token);
        }
        say(&format!("weights         asking {} for {repository}", self.endpoint));
        fetch::model(&self.endpoint, self.token.as_ref(), repository, &self.place(repository))
    }

    /// What the cache has under the name of the repository or the one that it had before it had an owner.
    fn cached(&self, repository: &str, dataset: Option<&Dataset>) -> Cached {
        let Some(cache) = &self.cache else { return Cached::Absent };
        let mut names = vec![repository.to_owned()];
        let old = |&&(name, owner): &&(&str, &str)| repository == format!("{owner}/{name}");
        names.extend(OWNERS.iter().find(old).map(|(name, _)| (*name).to_owned()));
        let mut broken = Cached::Absent;
        for name in names {
            match cache::find(cache, &name, dataset.and_then(repository::revision)) {
                Cached::Broken(why) if broken == Cached::Absent => broken = Cached::Broken(why),
                Cached::Broken(_) | Cached::Absent => {}
                whole @ Cached::Whole(..) => {
                    if let Cached::Broken(why) = &broken {
                        say(&format!("{why}; taking {name}, which is whole"));
                    }
                    return whole;
                }
            }
        }
        broken
    }

    /// The folder of what was downloaded before.
    fn downloaded(&self, repository: &str, dataset: Option<&Dataset>) -> Result<Option<PathBuf>> {
        match dataset {
            Some(dataset) => datasets::path(&self.root, &dataset.name),
            None => Ok(Some(self.place(repository)).filter(|folder| folder::is_model(folder))),
        }
    }

    fn place(&self, repository: &str) -> PathBuf {
        self.root.join("data/public/hub").join(repository.replace('/', "--"))
    }
}

fn say_broken(broken: Option<&String>, instead: &str) {
    if let Some(why) = broken {
        say(&format!("{why}; {instead}"));
    }
}

/// The model at a path: the folder, or one that is named by its files, or the newest checkpoint of a run that has no model yet.
fn local(name: &str, path: &Path) -> Result<PathBuf> {
    let is_part = |path: &Path| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        [WEIGHTS, INDEX].contains(&&*file) || (file.starts_with("model-") && file.contains("-of-"))
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder =
        if path.is_file() && is_part(path) { parent.unwrap_or(Path::new(".")) } else { path };
    ensure!(
        !folder.is_file(),
        "{name} is a file, not a model; name the folder that holds {WEIGHTS} and {CONFIG}"
    );
    let on_hub = OWNERS.iter().find(|(known, _)| *known == name);
    if folder::is_model(folder) {
        if on_hub.is_some() {
            say(&format!("weights         the folder {name} here, not the hub's model"));
        }
        return Ok(folder.to_owned());
    }
    if let Some(checkpoint) = runs::newest_checkpoint(folder) {
        say(&format!(
            "weights         {name} is not finished: taking its newest checkpoint, {}",
            checkpoint.display()
        ));
        return Ok(checkpoint);
    }
    folder::check(folder).map_err(|error| match on_hub {
        Some((known, owner)) => error.context(format!(
            "{name} is a folder here; {owner}/{known} names the model of the hub"
        )),
        None => error,
    })?;
    Ok(folder.to_owned())
}
