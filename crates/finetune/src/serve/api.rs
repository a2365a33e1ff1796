//! The page's own door: what it asks for, under `/api`.

use super::{
    App,
    limits::{PROMPT_TOKENS, Refusal, read},
    look::{look, most_positions},
    model_thread::{Desk, Loaded},
    runs,
    sse::{self, Events},
    write::{Likely, MOST_LIKELY, Order, write},
};
use crate::instructions::Entry;
use anyhow::{Result, ensure};
use axum::{
    Json, Router,
    extract::{Request, State},
    response::Response,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use model::generate::Generator;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{ops::ControlFlow, sync::Arc};
use tch::{Kind, Tensor};
use train::sampling::{Sampling, known_logits};

/// So many alternatives are shown of each token.
const ALTERNATIVES: usize = 10;

type Answer = Result<Json<Value>, Refusal>;

/// What is asked of a model; each request takes of it what it needs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Asked {
    model: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    instruction: bool,
    #[serde(default)]
    ids: Vec<i64>,
    #[serde(default)]
    max_tokens: usize,
    #[serde(default)]
    temperature: f64,
    top_k: Option<i64>,
    top_p: Option<f64>,
    seed: Option<i64>,
}

/// All paths.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/models", get(models))
        .route("/model", post(|app, request| ask(app, request, |desk, _| Ok(describe(desk)))))
        .route("/tokens", post(|app, request| ask(app, request, tokens)))
        .route("/next", post(|app, request| ask(app, request, next)))
        .route(
            "/look",
            post(|app, request| ask(app, request, |desk, asked| look(desk.loaded, &asked.ids))),
        )
        .route("/losses", post(|app, request| ask(app, request, losses)))
        .route("/write", post(write_text))
        .route("/runs", get(runs::list))
        .route("/metrics", get(runs::metrics))
}

async fn models(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "models": app.catalogue.names() }))
}

async fn ask(
    State(app): State<Arc<App>>,
    request: Request,
    answer: fn(&mut Desk, &Asked) -> Result<Value>,
) -> Answer {
    let asked: Asked = read(request).await?;
    let model = asked.model.clone();
    Ok(Json(app.thread.ask(model, move |desk, _| answer(desk, &asked)).await?))
}

fn describe(desk: &Desk) -> Value {
    let Loaded { name, brought, template, .. } = desk.loaded;
    let config = brought.model.config;
    json!({
        "name": name, "answers": template.is_some(), "parameters": config.parameters(), "context": config.context,
        "vocabulary": config.vocab_size, "layers": config.layers, "heads": config.heads, "channels": config.channels,
        "positions": most_positions(&config),
    })
}

/// Where a text is cut, as it stands or in the form of an instruction.
fn tokens(desk: &mut Desk, asked: &Asked) -> Result<Value> {
    let entry = || Entry { instruction: asked.text.clone(), ..Entry::default() };
    let text = if asked.instruction { entry().prompt() } else { asked.text.clone() };
    let ids = desk.loaded.encode(&text);
    let count = ids.len();
    ensure!(count <= PROMPT_TOKENS, "the text has {count} tokens; {PROMPT_TOKENS} are the most");
    Ok(json!({ "ids": ids, "pieces": desk.loaded.pieces(&ids) }))
}

/// All logits behind a text, so that the page can redraw what temperature, top-k and top-p make of them.
fn next(desk: &mut Desk, asked: &Asked) -> Result<Value> {
    let encoder = desk.loaded.lesson();
    let order = asked.order(desk.loaded, 1)?;
    let mut kept = Tensor::new();
    let keep = |logits: &Tensor| {
        kept = known_logits(logits, encoder).to_kind(Kind::Float);
        0
    };
    Generator::new(desk.reader, order.begin(encoder), keep)?.next();
    let logits = Vec::<f32>::try_from(&kept)?;
    let bytes: Vec<u8> = logits.iter().flat_map(|logit| logit.to_le_bytes()).collect();
    let highest = kept.topk((MOST_LIKELY as i64).min(kept.size()[0]), -1, true, true).1;
    let likeliest = Vec::<i64>::try_from(highest)?;
    let named: Vec<_> = likeliest.iter().map(|&id| (id, desk.loaded.piece(id))).collect();
    Ok(json!({ "logits": STANDARD.encode(bytes), "likeliest": named }))
}

/// The loss of each token of a text, read from the beginning of a text on.
fn losses(desk: &mut Desk, asked: &Asked) -> Result<Value> {
    let (model, encoder) = (&desk.loaded.brought.model, desk.loaded.lesson());
    let mut ids: Vec<i64> = encoder.end_of_text.into_iter().collect();
    let begun = ids.len();
    ids.extend(desk.loaded.encode(&asked.text));
    let left_out = ids.len().saturating_sub(model.config.context as usize + 1);
    ids.truncate(ids.len() - left_out);
    ensure!(ids.len() > 1, "there is no token to measure; give a longer text");
    let (inputs, targets) = (&ids[..ids.len() - 1], &ids[1..]);
    let logits = model
        .forward(&Tensor::from_slice(inputs).unsqueeze(0).to_device(model.store.device()), false);
    let logprobs = logits.squeeze_dim(0).log_softmax(-1, Kind::Double); // [T, V]
    let targets = Tensor::from_slice(targets).to_device(model.store.device()).unsqueeze(-1); // [T, 1]
    let losses = Vec::<f64>::try_from(-logprobs.gather(-1, &targets, false).squeeze_dim(-1))?;
    let shown = &ids[begun..];
    let unknown = shown.len() - losses.len(); // the first token, where nothing comes before it
    let all = std::iter::repeat_n(None, unknown).chain(losses.into_iter().map(Some));
    let bytes: usize = shown.iter().filter_map(|&id| encoder.piece(id).ok()).map(<[u8]>::len).sum();
    Ok(json!({
        "model": desk.loaded.name, "ids": shown, "pieces": desk.loaded.pieces(shown),
        "losses": all.collect::<Vec<_>>(), "bytes": bytes, "left_out": left_out,
    }))
}

async fn write_text(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let asked: Asked = read(request).await?;
    let (events, heard) = sse::channel();
    app.thread.give(asked.model.clone(), move |desk| {
        let outcome = desk.and_then(|mut desk| tell_tokens(&mut desk, &asked, &events));
        events.close(outcome);
    })?;
    heard.respond().await
}

fn tell_tokens(desk: &mut Desk, asked: &Asked, events: &Events) -> Result<()> {
    let loaded = desk.loaded;
    let order = asked.order(loaded, ALTERNATIVES)?;
    let context = loaded.brought.model.config.context;
    events.send(&json!({ "slides": order.prompt.len() as i64 > context }))?;
    let likely =
        |likely: &Likely| json!([likely.id, loaded.piece(likely.id), likely.logprob.exp()]);
    let ending = write(desk, &order, |written| {
        // The rest of a character has no token of its own, and the page has its bytes.
        let Some(Likely { id, logprob }) = written.token else { return ControlFlow::Continue(()) };
        let likeliest: Vec<Value> = written.likeliest.iter().map(likely).collect();
        let piece = loaded.piece(id);
        events
            .tell(&json!({ "id": id, "piece": piece, "p": logprob.exp(), "likeliest": likeliest }))
    })?;
    events.send(&json!({ "end": ending.reason() }))
}

impl Asked {
    fn order(&self, loaded: &Loaded, likeliest: usize) -> Result<Order> {
        let &Self { temperature, top_k, top_p, seed, max_tokens, .. } = self;
        let order = Order {
            prompt: self.ids.clone(),
            max_tokens: max_tokens.max(1),
            sampling: Sampling { temperature, top_k, top_p },
            seed,
            stop: Vec::new(),
            likeliest,
            form: None,
        };
        order.checked(loaded)
    }
}
