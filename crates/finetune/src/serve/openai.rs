//! The door that clients of OpenAI's interface know: `/v1/models`, `/v1/completions`, `/v1/chat/completions`.

use super::{
    App,
    form::Form,
    limits::{NEW_TOKENS, Refusal, read},
    model_thread::{Desk, Loaded},
    replies::{Kind, Reply},
    sse::{self, Events},
    template::Message,
    write::{Order, write},
};
use anyhow::{Context, Result, bail, ensure};
use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{ops::ControlFlow, sync::Arc};
use train::sampling::Sampling;

/// Tokens that a completion has where nothing is said, as at OpenAI's.
const COMPLETION_TOKENS: usize = 16;

/// One text or several: `stop` and `prompt` are given as either.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a text, a list of texts, or a list of ids was expected")]
enum Texts {
    One(String),
    Several(Vec<String>),
    Ids(Vec<i64>),
}

/// What both kinds of request may hold. What a client sends beside it asks for what every model does, or is refused by `check`.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct Wish {
    model: Option<String>,
    prompt: Option<Texts>,
    messages: Option<Vec<Message>>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    seed: Option<i64>,
    stop: Option<Texts>,
    stream: Option<bool>,
    stream_options: Option<Value>,
    logprobs: Option<Value>,
    top_logprobs: Option<usize>,
    response_format: Option<Value>,
    n: Option<u32>,
    best_of: Option<u32>,
    echo: Option<bool>,
    tools: Option<Vec<Value>>,
}

/// `GET /v1/models`.
pub async fn models(State(app): State<Arc<App>>) -> Json<Value> {
    let entry =
        |name: String| json!({ "id": name, "object": "model", "created": 0, "owned_by": "you" });
    let data: Vec<Value> = app.catalogue.names().into_iter().map(entry).collect();
    Json(json!({ "object": "list", "data": data }))
}

/// `POST /v1/completions`.
///
/// # Errors
/// If the request makes no sense, or too many wait.
pub async fn completions(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refusal> {
    answer(&app, read(request).await?, Kind::Completion).await
}

/// `POST /v1/chat/completions`.
///
/// # Errors
/// As [`completions`].
pub async fn chat(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    answer(&app, read(request).await?, Kind::Chat).await
}

async fn answer(app: &App, wish: Wish, kind: Kind) -> Result<Response, Refusal> {
    wish.check()?;
    let model = wish.model.clone();
    if let Some(name) = &model {
        let known = app.catalogue.check(name);
        known.map_err(|error| Refusal::new(StatusCode::NOT_FOUND, error.to_string()))?;
    }
    let name = model.clone().unwrap_or_else(|| app.catalogue.first().to_owned());
    let reply = Reply::new(kind, name, wish.likeliest(kind)?);
    if wish.stream != Some(true) {
        let whole = app.thread.ask(model, move |desk, has_left| {
            let (order, mut parts) = (wish.order(desk.loaded, &reply)?, Vec::new());
            let ending = write(desk, &order, |written| {
                parts.push(written);
                if has_left() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            Ok(reply.whole(desk.loaded.lesson(), &parts, order.prompt.len(), ending))
        });
        return Ok(Json(whole.await?).into_response());
    }
    let usage =
        wish.stream_options.as_ref().is_some_and(|options| options["include_usage"] == true);
    let (events, told) = sse::channel();
    app.thread.give(model, move |desk| {
        let outcome = desk.and_then(|mut desk| stream(&mut desk, &wish, &reply, usage, &events));
        events.close(outcome);
    })?;
    told.respond().await
}

/// Writes as the client reads; where nobody does any more, it ends.
fn stream(desk: &mut Desk, wish: &Wish, reply: &Reply, usage: bool, events: &Events) -> Result<()> {
    let order = wish.order(desk.loaded, reply)?;
    let (encoder, mut count) = (desk.loaded.lesson(), 0);
    events.send(&reply.begin())?;
    let ending = write(desk, &order, |written| {
        count += 1;
        events.tell(&reply.part(encoder, &written))
    })?;
    events.send(&reply.end(ending))?;
    if usage {
        events.send(&reply.usage_alone(order.prompt.len(), count))?;
    }
    events.send_text("[DONE]")
}

impl Wish {
    /// Refuses what no model here can do.
    fn check(&self) -> Result<()> {
        for (name, number) in [("n", self.n), ("best_of", self.best_of)] {
            ensure!(
                number.unwrap_or(1) == 1,
                "{name} must be 1: one text is written for a request"
            );
        }
        ensure!(self.echo != Some(true), "echo is not known here: the prompt is not repeated");
        let tools = self.tools.as_ref().map_or(0, Vec::len);
        ensure!(tools == 0, "tools cannot be called by a model that has learned of none");
        Ok(())
    }

    /// How many of the likeliest tokens are told, where probabilities are asked for.
    fn likeliest(&self, kind: Kind) -> Result<Option<usize>> {
        match (&self.logprobs, kind) {
            (None | Some(Value::Null | Value::Bool(false)), _) => Ok(None),
            (Some(Value::Bool(true)), _) => Ok(Some(self.top_logprobs.unwrap_or(0))),
            (Some(number), Kind::Completion) => {
                let number = number.as_u64().context("logprobs must be a whole number")?;
                Ok(Some(number as usize))
            }
            (Some(_), Kind::Chat) => {
                bail!("logprobs must be true or false; top_logprobs says how many")
            }
        }
    }

    fn order(&self, loaded: &Loaded, reply: &Reply) -> Result<Order> {
        let format = self.response_format.as_ref().unwrap_or(&Value::Null);
        let max_tokens = self.max_completion_tokens.or(self.max_tokens);
        let usual = match reply.kind {
            Kind::Completion => COMPLETION_TOKENS,
            Kind::Chat => (loaded.brought.model.config.context as usize).min(NEW_TOKENS),
        };
        let order = Order {
            prompt: self.ids(loaded, reply.kind)?,
            max_tokens: max_tokens.unwrap_or(usual),
            sampling: Sampling {
                temperature: self.temperature.unwrap_or(1.0),
                top_k: None,
                top_p: self.top_p,
            },
            seed: self.seed,
            stop: match self.stop.clone() {
                None => Vec::new(),
                Some(Texts::One(text)) => vec![text],
                Some(Texts::Several(texts)) => texts,
                Some(Texts::Ids(_)) => bail!("stop must be a text or several"),
            },
            likeliest: reply.likeliest.unwrap_or(0),
            form: Form::of(format)?,
        };
        order.checked(loaded)
    }

    /// The ids of the prompt, which for a conversation is made by the model's template.
    fn ids(&self, loaded: &Loaded, kind: Kind) -> Result<Vec<i64>> {
        if kind == Kind::Chat {
            let template = loaded.template.as_ref().with_context(|| {
                format!("{} has only learned to continue texts; ask /v1/completions", loaded.name)
            })?;
            let messages = self.messages.as_ref().filter(|messages| !messages.is_empty());
            return Ok(loaded.encode(&template.prompt(messages.context("messages are missing")?)?));
        }
        match self.prompt.as_ref().context("a prompt is missing")? {
            Texts::One(text) => Ok(loaded.encode(text)),
            Texts::Ids(ids) => Ok(ids.clone()),
            Texts::Several(texts) => match &texts[..] {
                [] => Ok(Vec::new()),
                [text] => Ok(loaded.encode(text)),
                several => {
                    bail!("{} prompts were sent; one text is written for a request", several.len())
                }
            },
        }
    }
}
