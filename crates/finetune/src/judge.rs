//! How good an answer is, in another model's opinion (chapter 5.5): a larger model, run on this computer, gives marks from 0 to 100.
//!
//! Nothing is believed blindly: a judge that breaks off, or does not answer with a mark, is counted as such and never as a mark of 0.

use crate::instructions::Entry;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::{
    io::{self, BufRead, BufReader},
    thread::sleep,
    time::Duration,
};
use ureq::{Error, Timeout};

/// Where the judge listens if nothing else is said: Ollama's address.
const OLLAMA: &str = "http://127.0.0.1:11434";
/// The longest time a judge may take for one mark.
const PATIENCE: Duration = Duration::from_mins(10);
/// The longest time that a server may take to say that it is there.
const GREETING: Duration = Duration::from_secs(5);
/// A longer answer than this is no mark.
const MOST_BYTES: u64 = 1 << 20;
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

/// A judge: a model behind a server.
#[derive(Debug, Clone)]
pub struct Judge {
    address: String,
    dialect: Dialect,
    model: String,
    agent: ureq::Agent,
}

/// What came of asking for a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A mark from 0 to 100.
    Mark(u8),
    /// An answer that is no mark, as it was.
    Unusable(String),
    /// No whole answer, and why: the judge reported an error, broke off or took too long. The next answer may fare better.
    Failed(String),
}

impl Judge {
    /// A judge run by Ollama, at `host` in any form that Ollama's own `OLLAMA_HOST` may have, with or without scheme and port.
    pub fn ollama(host: Option<&str>, model: &str) -> Self {
        let host = host.map(str::trim).filter(|host| !host.is_empty());
        Self::new(&host.map_or_else(|| OLLAMA.to_owned(), ollama_address), Dialect::Ollama, model)
    }

    /// A judge behind a server that speaks the common dialect, at an address such as `http://127.0.0.1:8080`.
    pub fn openai(address: &str, model: &str) -> Self {
        let address = address.trim_end_matches('/');
        Self::new(address.strip_suffix("/v1").unwrap_or(address), Dialect::OpenAi, model)
    }

    fn new(address: &str, dialect: Dialect, model: &str) -> Self {
        let address = address.trim_end_matches('/').to_owned();
        let agent = agent(&address, PATIENCE);
        Self { address, dialect, model: model.to_owned(), agent }
    }

    /// The same judge with less patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.agent = agent(&self.address, patience);
        self
    }

    /// Where the judge is looked for.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The model that judges.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Whether anybody listens there.
    pub fn is_there(&self) -> bool {
        let path = match self.dialect {
            Dialect::Ollama => "/api/version",
            Dialect::OpenAi => "/v1/models",
        };
        let request = self.agent.get(format!("{}{path}", self.address));
        request.config().timeout_global(Some(GREETING)).build().call().is_ok()
    }

    /// Asks for a mark.
    ///
    /// # Errors
    /// If the judge cannot be reached, does not have the model, stays busy, or refuses: the next answer would fare no better.
    pub fn mark(&self, entry: &Entry, answer: &str) -> Result<Verdict> {
        let question = question(entry, answer);
        let mut wait = Duration::from_secs(1);
        for _ in 1..TRIES {
            if let Some(verdict) = self.ask(&question)? {
                return Ok(verdict);
            }
            sleep(wait);
            wait *= 2;
        }
        let verdict = self.ask(&question)?;
        verdict.with_context(|| {
            format!(
                "the judge at {} is still busy after {TRIES} tries; ask again later",
                self.address
            )
        })
    }

    /// Asks once; `None` if the judge is busy.
    fn ask(&self, question: &str) -> Result<Option<Verdict>> {
        let (path, body) = self.request(question);
        let slow = || Verdict::Failed("it took too long; try a smaller model".to_owned());
        let mut response = match self.agent.post(format!("{}{path}", self.address)).send_json(body)
        {
            Ok(response) => response,
            Err(Error::Timeout(Timeout::Connect | Timeout::Resolve)) => {
                bail!("the judge at {} cannot be reached: nobody answers there", self.address)
            }
            Err(Error::Timeout(_)) => return Ok(Some(slow())),
            Err(error) => bail!("the judge at {} cannot be reached: {error}", self.address),
        };
        match response.status().as_u16() {
            200 => {}
            404 => bail!(
                "the judge at {} does not have the model {}; fetch it with `ollama pull {}`",
                self.address,
                self.model,
                self.model
            ),
            429 | 503 => return Ok(None),
            status => {
                let body = response
                    .body_mut()
                    .with_config()
                    .limit(4096)
                    .read_to_string()
                    .unwrap_or_default();
                let said = format!("it answered with status {status}: {}", body.trim());
                ensure!(status >= 500, "the judge at {} refuses: {said}", self.address);
                return Ok(Some(Verdict::Failed(said)));
            }
        }
        let reader = response.into_body().into_with_config().limit(MOST_BYTES).reader();
        Ok(Some(match read_answer(self.dialect, BufReader::new(reader)) {
            Ok(text) => parse_mark(&text),
            Err(error) if is_timeout(&error) => slow(),
            Err(error) => Verdict::Failed(format!("{error:#}")),
        }))
    }

    fn request(&self, question: &str) -> (&'static str, Value) {
        let messages = json!([{ "role": "user", "content": question }]);
        let schema = json!({
            "type": "object",
            "properties": { "score": { "type": "integer", "minimum": 0, "maximum": 100 } },
            "required": ["score"],
        });
        match self.dialect {
            Dialect::Ollama => (
                "/api/chat",
                json!({
                    "model": self.model,
                    "messages": messages,
                    "format": schema,
                    "options": { "seed": 123, "temperature": 0, "num_ctx": 2048 },
                }),
            ),
            Dialect::OpenAi => (
                "/v1/chat/completions",
                json!({
                    "model": self.model,
                    "messages": messages,
                    "response_format": { "type": "json_schema", "json_schema": { "name": "score", "schema": schema } },
                    "seed": 123,
                    "temperature": 0,
                }),
            ),
        }
    }
}

/// A client that tells a status from a failure, gives up in the end, and asks no proxy for this computer's own address.
fn agent(address: &str, patience: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(2)))
        .timeout_global(Some(patience))
        .http_status_as_error(false);
    let here = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .any(|here| address.starts_with(here));
    if here { config.proxy(None).build().into() } else { config.build().into() }
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

/// What the judge is asked.
///
/// # Differs
/// The article asks for a bare integer and reads the first word; here the mark comes as JSON, which Ollama's `format` enforces.
pub fn question(entry: &Entry, answer: &str) -> String {
    format!(
        "Given the task `{}` and the correct output `{}`, score the model response `{answer}` on a scale from 0 to 100, where 100 is the \
         best score. Respond with the integer number only, as JSON: {{\"score\": integer}}.",
        entry.prompt().trim_end_matches("\n\n### Response:\n"),
        entry.output
    )
}

/// Reads a mark out of what the judge said: `{"score": 87}`, or the bare number.
pub fn parse_mark(text: &str) -> Verdict {
    let json: Option<Value> = serde_json::from_str(text.trim()).ok();
    let number = json.and_then(|json| match json {
        Value::Object(object) => object.get("score").and_then(Value::as_i64),
        Value::Number(number) => number.as_i64(),
        _ => None,
    });
    match number.map(u8::try_from) {
        Some(Ok(mark @ 0..=100)) => Verdict::Mark(mark),
        _ => Verdict::Unusable(text.to_owned()),
    }
}

/// Reads what the judge said out of its server's answer.
///
/// # Errors
/// If the answer reports an error, has no end, or is not of this form.
pub fn read_answer(dialect: Dialect, reader: impl BufRead) -> Result<String> {
    match dialect {
        Dialect::Ollama => read_stream(reader),
        Dialect::OpenAi => read_completion(reader),
    }
}

/// Ollama's answer: one JSON object a line, each with a piece of the text; the last says `done`, and any may be an error.
fn read_stream(reader: impl BufRead) -> Result<String> {
    let mut text = String::new();
    for line in reader.lines() {
        let line = line.context("it broke off")?;
        if line.trim().is_empty() {
            continue;
        }
        let piece: Value =
            serde_json::from_str(&line).with_context(|| format!("it sent no JSON but {line:?}"))?;
        if let Some(error) = piece.get("error") {
            bail!("it reports {error}");
        }
        text += piece["message"]["content"].as_str().unwrap_or_default();
        if piece["done"] == true {
            return Ok(text);
        }
    }
    bail!("its answer has no end")
}

fn read_completion(mut reader: impl BufRead) -> Result<String> {
    let mut body = String::new();
    reader.read_to_string(&mut body).context("it broke off")?;
    let answer: Value = serde_json::from_str(&body).context("it sent no JSON")?;
    let text = answer["choices"][0]["message"]["content"].as_str();
    text.map(str::to_owned).with_context(|| format!("it sent no answer but {body}"))
}

/// Completes an `OLLAMA_HOST` to an address as Ollama itself does: scheme `http`, port 11434.
fn ollama_address(host: &str) -> String {
    let (scheme, rest) = host.split_once("://").unwrap_or(("http", host));
    let rest = rest.trim_end_matches('/');
    let default_port = match scheme {
        "https" => "443",
        _ if host.contains("://") => "80",
        _ => "11434",
    };
    let has_port = rest.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
        && !rest.ends_with(']');
    let rest = rest
        .strip_prefix("0.0.0.0")
        .map_or_else(|| rest.to_owned(), |port| format!("127.0.0.1{port}"));
    if has_port {
        format!("{scheme}://{rest}")
    } else {
        format!("{scheme}://{rest}:{default_port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_an_integer_from_0_to_100_and_nothing_else() {
        assert_eq!(parse_mark(r#"{"score": 87}"#), Verdict::Mark(87));
        assert_eq!(parse_mark(" 100\n"), Verdict::Mark(100));
        for unusable in [
            r#"{"score": 101}"#,
            r#"{"score": -1}"#,
            r#"{"score": 87.5}"#,
            "good",
            "",
            "{}",
            r#"{"score": "87"}"#,
        ] {
            assert_eq!(parse_mark(unusable), Verdict::Unusable(unusable.to_owned()));
        }
    }

    #[test]
    fn a_host_is_completed_as_ollama_completes_it() {
        let cases = [
            ("10.0.0.5:4000", "http://10.0.0.5:4000"),
            ("example.org", "http://example.org:11434"),
            ("https://example.org/", "https://example.org:443"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("[::1]", "http://[::1]:11434"),
        ];
        for (host, address) in cases {
            assert_eq!(ollama_address(host), address);
        }
    }

    #[test]
    fn an_answer_without_an_end_or_with_an_error_is_no_answer() {
        let read = |text: &str| read_stream(text.as_bytes());
        let whole =
            "{\"message\":{\"content\":\"4\"}}\n{\"message\":{\"content\":\"2\"},\"done\":true}\n";
        assert_eq!(read(whole).expect("a whole answer"), "42");
        assert!(read("{\"message\":{\"content\":\"4\"}}\n").is_err());
        assert!(
            read("{\"error\":\"out of memory\"}\n")
                .expect_err("an error")
                .to_string()
                .contains("out of memory")
        );
    }
}
