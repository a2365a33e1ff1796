//! How a model of which we know nothing but its name comes from the hub, and what the hub's refusals mean.

use super::{environment::Token, terminal::say};
use anyhow::{Context, Error, Result, anyhow, bail};
use model::format::{self, CONFIG, INDEX, WEIGHTS, tokenizer, tokenizer_files};
use std::{
    fs,
    path::{Path, PathBuf},
};
use xtask::download::{self, Download, Refused};

/// A repository of the hub, and where its files go.
struct Source<'a> {
    endpoint: &'a str,
    token: Option<&'a Token>,
    repository: &'a str,
    /// The commit that `main` was at when the first file was asked for, or `main` where the hub does not tell.
    revision: &'a str,
    folder: &'a Path,
}

/// The file that keeps the revision of what was fetched.
const REVISION: &str = ".revision";

/// The revision of a model that was fetched, if the hub told it.
pub fn revision(folder: &Path) -> Option<String> {
    fs::read_to_string(folder.join(REVISION)).ok().filter(|revision| revision != MAIN)
}

const MAIN: &str = "main";

/// Fetches a model: the small files first, so that one that cannot be used is refused before its weights are fetched. The hub's own
/// SHA-256 is what files are checked by.
///
/// # Errors
/// If the hub does not give it to us, or it is no GPT-2 with GPT-2's tokenizer.
pub fn model(
    endpoint: &str,
    token: Option<&Token>,
    repository: &str,
    folder: &Path,
) -> Result<PathBuf> {
    let revision = take_revision(endpoint, token, repository, folder)?;
    let source = Source { endpoint, token, repository, revision: &revision, folder };
    source.needed(CONFIG)?;
    for name in tokenizer_files::FILES.into_iter().chain(["vocab.txt", "generation_config.json"]) {
        source.optional(name)?;
    }
    let config = format::load_config(&folder.join(CONFIG))?;
    tokenizer::of(folder, config.vocab_size)
        .with_context(|| format!("{repository} cannot be used"))?;
    if source.optional(WEIGHTS)? {
        return Ok(folder.to_owned());
    }
    if !source.optional(INDEX)? {
        bail!(
            "{repository} has no {WEIGHTS} on {endpoint} (status 404), only weights in another form, such as pytorch_model.bin; in \
             Python, AutoModelForCausalLM.from_pretrained({repository:?}).save_pretrained(FOLDER) of transformers makes a folder to read"
        );
    }
    for shard in format::shards(folder)? {
        source.needed(&shard)?;
    }
    Ok(folder.to_owned())
}

/// The line that tells which weights are taken.
pub fn taken(name: &str, revision: Option<&str>, place: &str) -> String {
    let revision = revision.map_or_else(String::new, |revision| format!("revision {revision}, "));
    format!("weights         {name}: {revision}{place}")
}

/// The revision to fetch, told and kept; what lies in the folder of another one goes, as it is no part of the same model.
fn take_revision(
    endpoint: &str,
    token: Option<&Token>,
    repository: &str,
    folder: &Path,
) -> Result<String> {
    let address = format!("{endpoint}/{repository}/resolve/{MAIN}/{CONFIG}");
    let commit = download::commit(&address, token.map(|token| token.value.as_str()));
    if let Some(commit) = &commit {
        say(&taken(repository, Some(commit), &format!("from {endpoint}")));
    }
    let kept = fs::read_to_string(folder.join(REVISION)).ok();
    let revision = commit.or_else(|| kept.clone()).unwrap_or_else(|| MAIN.to_owned());
    if kept.as_ref().is_some_and(|kept| *kept != revision) {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    if kept.as_ref() != Some(&revision) {
        let cannot = || format!("cannot write to {}", folder.display());
        fs::create_dir_all(folder).with_context(cannot)?;
        fs::write(folder.join(REVISION), &revision).with_context(cannot)?;
    }
    Ok(revision)
}

impl Source<'_> {
    fn get(&self, name: &str) -> Result<()> {
        let Self { endpoint, token, repository, revision, folder } = self;
        let address = format!("{endpoint}/{repository}/resolve/{revision}/{name}");
        let token = token.map(|token| token.value.clone());
        Download { token, ..Download::new(address) }.to(&folder.join(name))
    }

    fn needed(&self, name: &str) -> Result<()> {
        self.get(name).map_err(|error| self.explain(name, error))
    }

    /// Whether the hub has the file.
    fn optional(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            Ok(()) => Ok(true),
            Err(error) if error.downcast_ref::<Refused>().is_some_and(|no| no.status == 404) => {
                // What lay here of an earlier state of the repository would be taken for its own.
                let _ = fs::remove_file(self.folder.join(name));
                Ok(false)
            }
            Err(error) => Err(self.explain(name, error)),
        }
    }

    /// The hub's refusal as a sentence with the way out.
    fn explain(&self, name: &str, error: Error) -> Error {
        let Self { endpoint, repository, .. } = self;
        let Some(Refused { status, code, .. }) = error.downcast_ref::<Refused>() else {
            return error;
        };
        let gated = code.as_deref() == Some("GatedRepo");
        match (status, self.token) {
            (401, None) if gated => anyhow!(
                "{endpoint} gives {repository} only to those who have accepted its terms (status 401): do so at {endpoint}/{repository}, \
                 and set HF_TOKEN to a token of yours"
            ),
            (401, None) => anyhow!(
                "{endpoint} does not give us {repository} (status 401): it is private, or there is no such model; for a private one \
                 set HF_TOKEN, or let `hf auth login` keep a token"
            ),
            (401, Some(token)) => anyhow!(
                "{endpoint} does not accept the token of {} for {repository} (status 401); make a new one in the settings there",
                token.source
            ),
            (403, token) => {
                let token = token.map_or("HF_TOKEN".to_owned(), |token| token.source.clone());
                anyhow!(
                    "{endpoint} does not let us read {repository} (status 403): ask for access at {endpoint}/{repository}, or give \
                     the token of {token} the right to read it"
                )
            }
            (404, _) if code.as_deref() == Some("EntryNotFound") => {
                anyhow!(
                    "{repository} has no {name} on {endpoint} (status 404): it is no model of transformers"
                )
            }
            (404, _) => anyhow!(
                "{endpoint} has no model {repository} with a {name} (status 404); check the name"
            ),
            _ => error,
        }
    }
}
