//! A page on this machine that shows a model at work, and a door for clients of OpenAI's interface (chapter 5.7).
//!
//! | module | what it does |
//! | --- | --- |
//! | [`connections`], [`limits`] | who is let in, for how long, and how much of what |
//! | [`model_thread`] | the one thread that owns the models, and its queue |
//! | [`catalogue`] | which models there are |
//! | [`write`](mod@write), [`form`], [`template`] | a text token by token, held to a form, asked for in a conversation |
//! | [`sse`] | tokens on their way to a client |
//! | [`openai`], [`replies`] | the door that other programs know |
//! | [`api`], [`page`], [`look`], [`runs`] | the page and its own door |
//! | [`figure`] | what the page draws, as a figure |

pub mod api;
pub mod catalogue;
pub mod connections;
pub mod figure;
pub mod form;
pub mod limits;
pub mod look;
pub mod model_thread;
pub mod openai;
pub mod page;
pub mod replies;
pub mod runs;
pub mod sse;
pub mod template;
pub mod write;

use anyhow::{Context, Result};
use axum::{
    Router,
    http::{StatusCode, header},
    middleware,
    response::IntoResponse,
    routing::{get, post},
};
use catalogue::Catalogue;
use limits::Refusal;
use model_thread::{Computation, Loaded, ModelThread};
use std::{io::ErrorKind, net::SocketAddr, sync::Arc};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// So many ports are tried from the one that is asked for on.
const PORTS: u16 = 100;

/// What a request needs.
pub struct App {
    thread: ModelThread,
    catalogue: Catalogue,
    host: Option<String>,
}

/// Answers at an address until Ctrl-C; `tell` hears where.
///
/// # Errors
/// If the address is not to be had, or the model cannot be used.
pub fn serve(
    model: Loaded,
    how: Computation,
    host: Option<&str>,
    port: u16,
    tell: impl FnOnce(SocketAddr),
) -> Result<()> {
    let catalogue = Catalogue::new(&model.name, &model.brought.folder);
    let thread = ModelThread::start(model, catalogue.clone(), how)?;
    let app = Arc::new(App { thread, catalogue, host: host.map(str::to_owned) });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let served = runtime.block_on(async {
        // Before anybody can have had an answer, and press Ctrl-C.
        let mut asked = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
        let listener = listen(host.unwrap_or("127.0.0.1"), port).await?;
        tell(listener.local_addr()?);
        tokio::select! {
            never = connections::answer_all(listener, router(app)) => never,
            _ = asked.recv() => Ok(()),
        }
    });
    runtime.shutdown_background(); // nobody waits for answers that are still being written
    served
}

/// Takes the port, or the next free one.
async fn listen(host: &str, port: u16) -> Result<TcpListener> {
    for next in port..=port.saturating_add(PORTS) {
        match TcpListener::bind((host, next)).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            bound => return bound.with_context(|| format!("cannot listen at {host}, port {next}")),
        }
    }
    anyhow::bail!("port {port} and the {PORTS} behind it are taken; name another with --port")
}

fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/{name}", get(page::asset))
        .route("/v1/models", get(openai::models))
        .route("/v1/completions", post(openai::completions))
        .route("/v1/chat/completions", post(openai::chat))
        .nest("/api", api::routes())
        .fallback(nowhere)
        .method_not_allowed_fallback(|| async {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this is asked for in another way: GET to look, POST to ask",
            )
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&app), limits::guard))
        .with_state(app)
}

async fn nowhere() -> impl IntoResponse {
    (
        [(header::CACHE_CONTROL, "no-store")],
        Refusal::new(StatusCode::NOT_FOUND, "there is nothing here; the page is at /"),
    )
}
