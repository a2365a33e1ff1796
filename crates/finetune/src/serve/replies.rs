//! What clients of OpenAI's interface are answered, whole or in parts.

use super::write::{Ending, Likely, Written};
use embedding::bpe::BytePairEncoder;
use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Which of the two interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text that goes on.
    Completion,
    /// A conversation.
    Chat,
}

/// What all parts of a reply have in common.
pub struct Reply {
    /// By which interface it was asked for.
    pub kind: Kind,
    id: String,
    created: u64,
    model: String,
    /// So many of the likeliest tokens are told; none where no probabilities are asked for.
    pub likeliest: Option<usize>,
}

impl Ending {
    /// As OpenAI's interface names it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

impl Reply {
    /// The reply of a model, with probabilities if `likeliest` says how many beside that of the token.
    pub fn new(kind: Kind, model: String, likeliest: Option<usize>) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = if kind == Kind::Chat { "chatcmpl" } else { "cmpl" };
        Self {
            kind,
            id: format!("{name}-{}", since.as_nanos()),
            created: since.as_secs(),
            model,
            likeliest,
        }
    }

    fn envelope(&self, is_part: bool, choices: &Value) -> Value {
        let object = match (self.kind, is_part) {
            (Kind::Completion, _) => "text_completion",
            (Kind::Chat, false) => "chat.completion",
            (Kind::Chat, true) => "chat.completion.chunk",
        };
        json!({ "id": self.id, "object": object, "created": self.created, "model": self.model, "choices": choices })
    }

    /// The whole text at once.
    pub fn whole(
        &self,
        encoder: &BytePairEncoder,
        parts: &[Written],
        prompt: usize,
        ending: Ending,
    ) -> Value {
        let text: String = parts.iter().map(|part| part.text.as_str()).collect();
        let logprobs = self.logprobs(encoder, parts);
        let finish = ending.reason();
        let choice = match self.kind {
            Kind::Completion => {
                json!({ "index": 0, "text": text, "logprobs": logprobs, "finish_reason": finish })
            }
            Kind::Chat => {
                let message = json!({ "role": "assistant", "content": text, "refusal": null });
                json!({ "index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish })
            }
        };
        let mut reply = self.envelope(false, &json!([choice]));
        reply["usage"] = usage(prompt, tokens(parts).count());
        reply
    }

    /// The beginning of a reply in parts, which has no text yet.
    pub fn begin(&self) -> Value {
        self.chunk("", &json!({ "role": "assistant", "content": "" }), &Value::Null, &Value::Null)
    }

    /// One token.
    pub fn part(&self, encoder: &BytePairEncoder, part: &Written) -> Value {
        let logprobs = self.logprobs(encoder, std::slice::from_ref(part));
        self.chunk(&part.text, &json!({ "content": part.text }), &logprobs, &Value::Null)
    }

    /// The end, and why.
    pub fn end(&self, ending: Ending) -> Value {
        self.chunk("", &json!({}), &Value::Null, &ending.reason().into())
    }

    /// The number of tokens, in a part of its own.
    pub fn usage_alone(&self, prompt: usize, count: usize) -> Value {
        let mut part = self.envelope(true, &json!([]));
        part["usage"] = usage(prompt, count);
        part
    }

    fn chunk(&self, text: &str, delta: &Value, logprobs: &Value, finish: &Value) -> Value {
        let choice = match self.kind {
            Kind::Completion => {
                json!({ "index": 0, "text": text, "logprobs": logprobs, "finish_reason": finish })
            }
            Kind::Chat => {
                json!({ "index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish })
            }
        };
        self.envelope(true, &json!([choice]))
    }

    /// Probabilities in the form of either interface; nothing where they are not asked for.
    fn logprobs(&self, encoder: &BytePairEncoder, parts: &[Written]) -> Value {
        if self.likeliest.is_none() {
            return Value::Null;
        }
        let name = |likely: &Likely| {
            String::from_utf8_lossy(encoder.piece(likely.id).unwrap_or_default()).into_owned()
        };
        if self.kind == Kind::Completion {
            let top = |part: &Written| -> Map<String, Value> {
                part.likeliest.iter().map(|likely| (name(likely), likely.logprob.into())).collect()
            };
            let names: Vec<String> = tokens(parts).map(|(_, token)| name(&token)).collect();
            let logprobs: Vec<f64> = tokens(parts).map(|(_, token)| token.logprob).collect();
            let top: Vec<_> = tokens(parts).map(|(part, _)| top(part)).collect();
            return json!({ "tokens": names, "token_logprobs": logprobs, "top_logprobs": top });
        }
        let entry = |likely: &Likely| json!({ "token": name(likely), "logprob": likely.logprob, "bytes": encoder.piece(likely.id).unwrap_or_default() });
        let content = tokens(parts).map(|(part, token)| {
            let mut content = entry(&token);
            content["top_logprobs"] = part.likeliest.iter().map(entry).collect();
            content
        });
        json!({ "content": content.collect::<Vec<_>>() })
    }
}

/// What was written, token by token.
fn tokens(parts: &[Written]) -> impl Iterator<Item = (&Written, Likely)> {
    parts.iter().filter_map(|part| Some((part, part.token?)))
}

fn usage(prompt: usize, written: usize) -> Value {
    json!({ "prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written })
}
