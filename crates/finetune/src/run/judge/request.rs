//! What a judge's server is sent (chapter 5.5), in the dialect that it speaks and the form that it takes.

use serde_json::{Value, json};
use std::fmt;

/// The most tokens of a reply: a mark takes ten, thinking takes the others.
const MOST_TOKENS: u32 = 1024;

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

impl Dialect {
    /// The path at which a server of this dialect says that it is there.
    pub fn greeting(self) -> &'static str {
        match self {
            Self::Ollama => "/api/version",
            Self::OpenAi => "/models",
        }
    }

    /// The path at which it answers questions.
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::Ollama => "/api/chat",
            Self::OpenAi => "/chat/completions",
        }
    }
}

/// The body of a question: a fixed seed and no chance, a limit of tokens, and a schema where the form has one.
pub fn request(dialect: Dialect, model: &str, question: &str, form: Form) -> Value {
    let messages = json!([{ "role": "user", "content": question }]);
    let schema = json!({
        "type": "object",
        "properties": { "score": { "type": "integer", "minimum": 0, "maximum": 100 } },
        "required": ["score"],
    });
    match dialect {
        Dialect::Ollama => {
            let options = json!({ "seed": 123, "temperature": 0, "num_ctx": 2048, "num_predict": MOST_TOKENS });
            let mut body = json!({ "model": model, "messages": messages, "options": options });
            match form {
                Form::Schema => body["format"] = schema,
                Form::Object => body["format"] = json!("json"),
                Form::Text => {}
            }
            body
        }
        Dialect::OpenAi => {
            let mut body = json!({
                "model": model, "messages": messages, "seed": 123, "temperature": 0, "max_tokens": MOST_TOKENS,
            });
            match form {
                Form::Schema => {
                    let named = json!({ "name": "score", "schema": schema });
                    body["response_format"] =
                        json!({ "type": "json_schema", "json_schema": named });
                }
                Form::Object => {
                    body["response_format"] = json!({ "type": "json_object", "schema": schema });
                }
                Form::Text => {}
            }
            body
        }
    }
}
