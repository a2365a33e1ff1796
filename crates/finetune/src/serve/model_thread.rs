//! One thread owns the models; whoever wants something of one waits in its queue.

use super::{
    catalogue::Catalogue,
    limits::{Refusal, WAITING},
    template::Template,
};
use anyhow::{Context, Result};
use axum::http::StatusCode;
use embedding::bpe::BytePairEncoder;
use model::{
    fast::{self, decode::Dtype, path::CodePath},
    format::WEIGHTS,
    generate::{CachedModel, TokenScorer},
};
use serde_json::{Value, json};
use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
    time::SystemTime,
};
use tch::Device;
use tokio::sync::oneshot;
use train::run::{
    terminal::say,
    tokenizer::TextEncoder,
    weights::{self, Brought},
};

/// A model with all that is needed to use it.
pub struct Loaded {
    /// What it is called.
    pub name: String,
    /// The model and its folder.
    pub brought: Brought,
    /// The form of a conversation; none for a model that only continues texts.
    pub template: Option<Template>,
    encoder: TextEncoder,
    written: Option<SystemTime>,
}

impl Loaded {
    /// Reads a model.
    ///
    /// # Errors
    /// As [`weights::load`], or if its template makes no sense.
    pub fn new(name: &str, device: Device, path: Option<CodePath>) -> Result<Self> {
        let brought = weights::load(name, device)?;
        let encoder = TextEncoder::new(brought.tokenizer.clone(), path)?;
        let template = Template::find(name, &brought)?;
        let written = written(&brought.folder);
        Ok(Self { name: name.to_owned(), brought, template, encoder, written })
    }

    /// The bytes of a token as text, or as numbers where they are no whole characters.
    pub fn piece(&self, id: i64) -> Value {
        match self.lesson().piece(id) {
            Ok(bytes) => str::from_utf8(bytes).map_or_else(|_| json!(bytes), |text| json!(text)),
            Err(_) => json!(format!("[{id}]")), // a row that pads the table
        }
    }

    /// Those of several tokens.
    pub fn pieces(&self, ids: &[i64]) -> Vec<Value> {
        ids.iter().map(|&id| self.piece(id)).collect()
    }

    /// Whether its file is still the one that was read: a run that trains writes another.
    fn is_current(&self) -> bool {
        written(&self.brought.folder) == self.written
    }

    /// The ids of a text.
    pub fn encode(&self, text: &str) -> Vec<i64> {
        self.encoder.encode(text)
    }

    /// The encoder by which ids become text again.
    pub fn lesson(&self) -> &BytePairEncoder {
        self.encoder.lesson()
    }
}

/// When the weights of a folder were written.
fn written(folder: &Path) -> Option<SystemTime> {
    fs::metadata(folder.join(WEIGHTS)).and_then(|data| data.modified()).ok()
}

/// A model at work, as a job gets to see it.
pub struct Desk<'a> {
    /// The model.
    pub loaded: &'a Loaded,
    /// What reads with it.
    pub reader: &'a mut dyn TokenScorer,
}

/// What is done with a model, or with the news that it cannot be had.
type Work = Box<dyn FnOnce(Result<Desk>) + Send>;

struct Job {
    model: Option<String>,
    work: Work,
}

/// How the models are used.
#[derive(Debug, Clone, Copy)]
pub struct Computation {
    /// Where they are.
    pub device: Device,
    /// Threads.
    pub threads: i32,
    /// How weights are kept for writing.
    pub dtype: Dtype,
    /// Which code computes.
    pub path: Option<CodePath>,
}

/// The way to the thread.
pub struct ModelThread {
    queue: SyncSender<Job>,
}

impl ModelThread {
    /// Starts it with the model that is asked for by no name.
    ///
    /// # Errors
    /// If the system gives no thread, or the fast path is asked for and differs.
    pub fn start(first: Loaded, catalogue: Catalogue, how: Computation) -> Result<Self> {
        let (queue, jobs) = sync_channel(WAITING);
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let work = move || {
            tch::set_num_threads(how.threads);
            let _guard = tch::no_grad_guard();
            let begun = reader(&first, how);
            let failure = begun.as_ref().err().map(|error| format!("{error:#}"));
            let _ = ready.send(failure);
            if let Ok(reader) = begun {
                serve(&first, reader, &catalogue, how, &jobs);
            }
        };
        thread::Builder::new()
            .name("model".to_owned())
            .spawn(work)
            .context("no thread for the model")?;
        match is_ready.recv() {
            Ok(None) => Ok(Self { queue }),
            Ok(Some(failure)) => Err(anyhow::anyhow!(failure)),
            Err(_) => Err(anyhow::anyhow!("the thread of the model ended")),
        }
    }

    /// Has the work done with a model, after all that was asked for before.
    ///
    /// # Errors
    /// If too many wait already.
    pub fn give(
        &self,
        model: Option<String>,
        work: impl FnOnce(Result<Desk>) + Send + 'static,
    ) -> Result<(), Refusal> {
        self.queue.try_send(Job { model, work: Box::new(work) }).map_err(|error| match error {
            TrySendError::Full(_) => Refusal::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("{WAITING} requests wait for the model; try again later"),
            ),
            TrySendError::Disconnected(_) => broken(),
        })
    }

    /// The same, and waits for what comes of it. Nothing is done for somebody who has left, of which work that takes long is told.
    ///
    /// # Errors
    /// If too many wait already, the model cannot be had, or the work fails.
    pub async fn ask<T: Send + 'static>(
        &self,
        model: Option<String>,
        work: impl FnOnce(&mut Desk, &dyn Fn() -> bool) -> Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.give(model, move |desk| {
            let has_left = || answer.is_closed();
            if !has_left() {
                let outcome = desk.and_then(|mut desk| work(&mut desk, &has_left));
                let _ = answer.send(outcome);
            }
        })?;
        Ok(answered.await.map_err(|_| broken())??)
    }
}

/// What is said where the work ended without an answer.
pub fn broken() -> Refusal {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong; the terminal says what")
}

fn reader(loaded: &Loaded, how: Computation) -> Result<Box<dyn TokenScorer + '_>> {
    let (reader, reason) = fast::scorer(&loaded.brought.model, how.dtype, how.path)?;
    if let Some(reason) = &reason {
        say(reason);
    }
    Ok(reader)
}

/// Does one job after another; a panic ends its job and nothing else.
fn serve<'a>(
    first: &'a Loaded,
    mut reader: Box<dyn TokenScorer + 'a>,
    catalogue: &Catalogue,
    how: Computation,
    jobs: &Receiver<Job>,
) {
    let mut other = None;
    for Job { model, work } in jobs {
        let is_first = model.as_ref().is_none_or(|name| *name == first.name);
        let done = catch_unwind(AssertUnwindSafe(|| match model {
            Some(name) if !is_first => match find(&mut other, &name, catalogue, how) {
                Ok(loaded) => {
                    let reader = &mut CachedModel::new(&loaded.brought.model);
                    work(Ok(Desk { loaded, reader }));
                }
                Err(error) => work(Err(error)),
            },
            _ => work(Ok(Desk { loaded: first, reader: &mut *reader })),
        }));
        if done.is_err() && is_first {
            // What the job has left of the reader may be no good any more. It ends before another begins, as on one thread it must.
            reader = Box::new(CachedModel::new(&first.brought.model));
            reader = self::reader(first, how).unwrap_or(reader);
        }
    }
}

/// Another model of the catalogue, which takes the place of the one before.
fn find<'a>(
    kept: &'a mut Option<Loaded>,
    name: &str,
    catalogue: &Catalogue,
    how: Computation,
) -> Result<&'a Loaded> {
    catalogue.check(name)?;
    if kept.as_ref().is_none_or(|loaded| loaded.name != name || !loaded.is_current()) {
        *kept = None; // its memory, before the next one takes more
        *kept = Some(Loaded::new(name, how.device, how.path)?);
    }
    kept.as_ref().context("it was loaded above")
}
