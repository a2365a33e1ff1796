//! A judge that is asked for marks (chapter 5.5): a larger model behind a server, run on this computer.
//!
//! Nothing is believed blindly: a judge that breaks off, or does not answer with a mark, is counted as such and never as a mark of 0.

mod address;
mod reply;
mod request;
mod server;

pub use reply::read_answer;
pub use request::{Dialect, Form};

use crate::{
    instructions::Entry,
    judge::{Verdict, parse_mark, question},
};
use address::Address;
use anyhow::{Result, bail, ensure};
use request::request;
use server::{Server, is_timeout};
use std::{cell::Cell, io::BufReader, thread::sleep, time::Duration};
use train::support::shell;
use ureq::{Error, Timeout};

/// A longer answer than this is no mark.
const MOST_BYTES: u64 = 1 << 20;
/// How often a busy judge is asked again.
const TRIES: u32 = 4;

/// A judge: a model behind a server.
#[derive(Debug, Clone)]
pub struct Judge {
    server: Server,
    dialect: Dialect,
    model: String,
    /// What is asked for, and whether the server has taken it.
    form: Cell<(Form, bool)>,
}

/// What came of one request.
enum Reply {
    Verdict(Verdict),
    Busy,
    /// The status and the words of a server that wants, perhaps, to be asked otherwise.
    Refused(u16, String),
}

impl Judge {
    /// A judge run by Ollama, at `host` in any form that Ollama's own `OLLAMA_HOST` may have.
    pub fn ollama(host: Option<&str>, model: &str) -> Self {
        Self::new(Address::of_ollama(host.unwrap_or_default()), Dialect::Ollama, model)
    }

    /// A judge behind a server that speaks the common dialect, at an address such as `localhost:8080`; a whole endpoint will do, too.
    pub fn openai(address: &str, model: &str) -> Self {
        Self::new(Address::of_openai(address), Dialect::OpenAi, model)
    }

    /// Takes an address, as [`Judge::openai`] does, if anybody could be there.
    ///
    /// # Errors
    /// What is wrong with it, for whoever typed it.
    pub fn check_address(address: &str) -> Result<String, String> {
        Address::check(address)
    }

    fn new(address: Address, dialect: Dialect, model: &str) -> Self {
        let form = Cell::new((Form::Schema, false));
        Self { server: Server::new(address), dialect, model: model.to_owned(), form }
    }

    /// The same judge with less patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.server.set_patience(patience);
        self
    }

    /// The same judge with a key that its server wants to see, and nobody else may.
    #[must_use]
    pub fn with_key(mut self, key: Option<&str>) -> Self {
        self.server.set_key(key);
        self
    }

    /// Where the judge is looked for, without the password that may belong to it.
    pub fn address(&self) -> &str {
        self.server.address()
    }

    /// The model that judges.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// What the server holds replies to, once it has taken a request.
    pub fn form(&self) -> Option<Form> {
        let (form, taken) = self.form.get();
        taken.then_some(form)
    }

    /// Whether anybody listens there.
    pub fn is_there(&self) -> bool {
        self.server.answers(self.dialect.greeting())
    }

    /// Asks for a mark, the first time in every form that the server may take.
    ///
    /// # Errors
    /// If the judge cannot be reached, does not have the model, stays busy, or refuses: the next answer would fare no better.
    pub fn mark(&self, entry: &Entry, answer: &str) -> Result<Verdict> {
        let question = question(entry, answer);
        loop {
            let (form, taken) = self.form.get();
            let (status, said) = match self.ask_patiently(&question, form)? {
                Reply::Refused(status, said) => (status, said),
                Reply::Verdict(verdict) => return Ok(verdict),
                Reply::Busy => bail!(
                    "the judge at {} is still busy after {TRIES} tries; ask again later",
                    self.address()
                ),
            };
            let next = match (form, self.dialect) {
                // Ollama says 500 when it breaks down, and 400 to a format that it does not know.
                (_, Dialect::Ollama) if status >= 500 => None,
                (Form::Schema, _) => Some(Form::Object),
                (Form::Object, _) => Some(Form::Text),
                (Form::Text, _) => None,
            };
            if let (false, Some(next)) = (taken, next) {
                self.form.set((next, false));
                continue;
            }
            ensure!(
                taken || status >= 500,
                "the judge at {} refuses: it answered with status {status}: {said}",
                self.address()
            );
            self.form.set((if taken { form } else { Form::Schema }, taken));
            return Ok(Verdict::Failed(format!("it answered with status {status}: {said}")));
        }
    }

    fn ask_patiently(&self, question: &str, form: Form) -> Result<Reply> {
        let mut wait = Duration::from_secs(1);
        for _ in 1..TRIES {
            match self.ask(question, form)? {
                Reply::Busy => sleep(wait),
                reply => return Ok(reply),
            }
            wait *= 2;
        }
        self.ask(question, form)
    }

    /// Asks once.
    fn ask(&self, question: &str, form: Form) -> Result<Reply> {
        let body = request(self.dialect, &self.model, question, form);
        let slow =
            || Reply::Verdict(Verdict::Failed("it took too long; try a smaller model".to_owned()));
        let mut response = match self.server.post(self.dialect.endpoint(), body) {
            Ok(response) => response,
            Err(Error::Timeout(Timeout::Connect | Timeout::Resolve)) => {
                bail!("the judge at {} cannot be reached: nobody answers there", self.address())
            }
            Err(Error::Timeout(_)) => return Ok(slow()),
            Err(error) => bail!("the judge at {} cannot be reached: {error}", self.address()),
        };
        let status = response.status().as_u16();
        if status != 200 {
            let body = response.body_mut().with_config().limit(4096).read_to_string();
            let said = self.server.without_secrets(&body.unwrap_or_default());
            return self.refusal(status, said);
        }
        self.form.set((form, true));
        let reader = response.into_body().into_with_config().limit(MOST_BYTES).reader();
        Ok(match read_answer(self.dialect, BufReader::new(reader)) {
            Ok(text) => Reply::Verdict(parse_mark(&text)),
            Err(error) if is_timeout(&error) => slow(),
            Err(error) => {
                let why = self.server.without_secrets(&format!("{error:#}"));
                Reply::Verdict(Verdict::Failed(why))
            }
        })
    }

    /// What another status than 200 means, in the server's own words.
    fn refusal(&self, status: u16, said: String) -> Result<Reply> {
        let (address, model) = (self.address(), &self.model);
        match status {
            429 | 503 => Ok(Reply::Busy),
            404 if self.dialect == Dialect::Ollama && said.contains("model") => bail!(
                "the judge at {address} does not have the model {model}; fetch it with `ollama pull {}`: {said}",
                shell::quoted(model)
            ),
            401 | 403 | 404 => bail!(
                "the judge at {address} refuses the model {model}: it answered with status {status}: {said}"
            ),
            _ => Ok(Reply::Refused(status, said)),
        }
    }
}
