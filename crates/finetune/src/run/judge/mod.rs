//! How good an answer is, in another model's opinion (chapter 5.5): a larger model, run on this computer, gives marks from 0 to 100.
//!
//! Nothing is believed blindly: a judge that breaks off, or does not answer with a mark, is counted as such and never as a mark of 0.

mod address;
mod reply;

use crate::judge::{Verdict, parse_mark, question};
pub use reply::read_answer;

use crate::instructions::Entry;
use address::Address;
use anyhow::{Result, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{
    cell::Cell,
    fmt,
    io::{self, BufReader},
    thread::sleep,
    time::Duration,
};
use train::run::shell;
use ureq::{Error, Timeout};

/// The longest time a judge may take for one mark.
const PATIENCE: Duration = Duration::from_mins(10);
/// The longest time that a server may take to say that it is there.
const GREETING: Duration = Duration::from_secs(5);
/// A longer answer than this is no mark.
const MOST_BYTES: u64 = 1 << 20;
/// The most tokens of a reply: a mark takes ten, thinking takes the others.
const MOST_TOKENS: u32 = 1024;
/// How often a busy judge is asked again.
const TRIES: u32 = 4;

/// The protocol that the judge's server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Ollama's `/api/chat`.
    Ollama,
    /// `/v1/chat/completions`, which most local servers speak.
    OpenAi,
}

/// What the server is asked to hold the reply to, besides the words of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON of a schema.
    Schema,
    /// Any JSON object, with the schema beside it for servers that read it there.
    Object,
    /// Nothing.
    Text,
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Schema => "JSON of a schema",
            Self::Object => "a JSON object",
            Self::Text => "plain text",
        })
    }
}

/// A judge: a model behind a server.
#[derive(Debug, Clone)]
pub struct Judge {
    address: Address,
    dialect: Dialect,
    model: String,
    key: Option<String>,
    agent: ureq::Agent,
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

    fn new(address: Address, dialect: Dialect, model: &str) -> Self {
        let agent = agent(&address, PATIENCE);
        let form = Cell::new((Form::Schema, false));
        Self { address, dialect, model: model.to_owned(), key: None, agent, form }
    }

    /// The same judge with less patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.agent = agent(&self.address, patience);
        self
    }

    /// The same judge with a key that its server wants to see, and nobody else may.
    #[must_use]
    pub fn with_key(mut self, key: Option<&str>) -> Self {
        self.key = key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        self
    }

    /// Where the judge is looked for, without the password that may belong to it.
    pub fn address(&self) -> &str {
        &self.address.base
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
        let path = match self.dialect {
            Dialect::Ollama => "/api/version",
            Dialect::OpenAi => "/models",
        };
        let mut request = self.agent.get(self.endpoint(path));
        if let Some(authorization) = self.authorization() {
            request = request.header("Authorization", authorization);
        }
        request.config().timeout_global(Some(GREETING)).build().call().is_ok()
    }

    fn endpoint(&self, path: &str) -> String {
        format!("{}{path}{}", self.address.base, self.address.query)
    }

    fn authorization(&self) -> Option<String> {
        let login = self.address.login.as_ref();
        let basic = login.map(|login| format!("Basic {}", BASE64_STANDARD.encode(login)));
        basic.or_else(|| Some(format!("Bearer {}", self.key.as_ref()?)))
    }

    /// Words of the server, in which it may repeat what only it should know.
    fn without_secrets(&self, text: &str) -> String {
        let password = self.address.login.as_deref().and_then(|login| login.split_once(':'));
        let secrets = [self.key.as_deref(), password.map(|(_, password)| password)];
        let secrets = secrets.into_iter().flatten().filter(|secret| !secret.is_empty());
        secrets.fold(text.trim().to_owned(), |text, secret| text.replace(secret, "***"))
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
        let (path, body) = self.request(question, form);
        let mut request = self.agent.post(self.endpoint(path));
        if let Some(authorization) = self.authorization() {
            request = request.header("Authorization", authorization);
        }
        let slow =
            || Reply::Verdict(Verdict::Failed("it took too long; try a smaller model".to_owned()));
        let mut response = match request.send_json(body) {
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
            let said = self.without_secrets(&body.unwrap_or_default());
            return self.refusal(status, said);
        }
        self.form.set((form, true));
        let reader = response.into_body().into_with_config().limit(MOST_BYTES).reader();
        Ok(match read_answer(self.dialect, BufReader::new(reader)) {
            Ok(text) => Reply::Verdict(parse_mark(&text)),
            Err(error) if is_timeout(&error) => slow(),
            Err(error) => {
                let why = self.without_secrets(&format!("{error:#}"));
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

    fn request(&self, question: &str, form: Form) -> (&'static str, Value) {
        let messages = json!([{ "role": "user", "content": question }]);
        let schema = json!({
            "type": "object",
            "properties": { "score": { "type": "integer", "minimum": 0, "maximum": 100 } },
            "required": ["score"],
        });
        match self.dialect {
            Dialect::Ollama => {
                let options = json!({ "seed": 123, "temperature": 0, "num_ctx": 2048, "num_predict": MOST_TOKENS });
                let mut body =
                    json!({ "model": self.model, "messages": messages, "options": options });
                match form {
                    Form::Schema => body["format"] = schema,
                    Form::Object => body["format"] = json!("json"),
                    Form::Text => {}
                }
                ("/api/chat", body)
            }
            Dialect::OpenAi => {
                let mut body = json!({
                    "model": self.model, "messages": messages, "seed": 123, "temperature": 0, "max_tokens": MOST_TOKENS,
                });
                match form {
                    Form::Schema => {
                        let named = json!({ "name": "score", "schema": schema });
                        body["response_format"] =
                            json!({ "type": "json_schema", "json_schema": named });
                    }
                    Form::Object => {
                        body["response_format"] =
                            json!({ "type": "json_object", "schema": schema });
                    }
                    Form::Text => {}
                }
                ("/chat/completions", body)
            }
        }
    }
}

/// A client that tells a status from a failure, gives up in the end, and asks no proxy for this computer's own address.
fn agent(address: &Address, patience: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(2)))
        .timeout_global(Some(patience))
        .http_status_as_error(false);
    if address.is_here() { config.proxy(None).build().into() } else { config.build().into() }
}

/// Whether a body could not be read for want of time.
fn is_timeout(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| {
        cause.kind() == io::ErrorKind::TimedOut
            || cause
                .get_ref()
                .and_then(|inner| inner.downcast_ref())
                .is_some_and(|inner| matches!(inner, Error::Timeout(_)))
    })
}
