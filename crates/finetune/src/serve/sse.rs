//! Events sent to a client one by one, while the model's thread writes them.

use super::{limits::Refusal, model_thread::broken};
use anyhow::{Result, anyhow};
use axum::response::{
    IntoResponse, Response,
    sse::{Event, KeepAlive, Sse},
};
use serde_json::{Value, json};
use std::{convert::Infallible, ops::ControlFlow};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_stream::{StreamExt, once, wrappers::UnboundedReceiverStream};

type Told = Result<String, String>;

/// Where the model's thread tells what happens. What waits for a slow client is no more than its tokens.
pub struct Events(UnboundedSender<Told>);

/// Where it is heard.
pub struct Heard(UnboundedReceiver<Told>);

/// Both ends.
pub fn channel() -> (Events, Heard) {
    let (sender, receiver) = unbounded_channel();
    (Events(sender), Heard(receiver))
}

impl Events {
    /// Sends an event.
    ///
    /// # Errors
    /// If nobody listens any more.
    pub fn send(&self, value: &Value) -> Result<()> {
        self.send_text(&value.to_string())
    }

    /// Sends an event that is no JSON.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn send_text(&self, text: &str) -> Result<()> {
        self.0.send(Ok(text.to_owned())).map_err(|_| anyhow!("nobody listens any more"))
    }

    /// Sends an event; breaks off where nobody listens any more.
    pub fn tell(&self, value: &Value) -> ControlFlow<()> {
        if self.send(value).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// Ends with what went wrong, if anything did.
    pub fn close(self, outcome: Result<()>) {
        if let Err(error) = outcome {
            let _ = self.0.send(Err(format!("{error:#}")));
        }
    }
}

impl Heard {
    /// A response that goes on as long as there are events.
    ///
    /// # Errors
    /// If the first of them is that something is wrong, so that it can be told by a status.
    pub async fn respond(mut self) -> Result<Response, Refusal> {
        let first = self.0.recv().await.ok_or_else(broken)?.map_err(Refusal::bad)?;
        let event = |told: Told| {
            let text = told
                .unwrap_or_else(|sentence| json!({ "error": { "message": sentence } }).to_string());
            Ok::<_, Infallible>(Event::default().data(text))
        };
        let events = once(Ok(first)).chain(UnboundedReceiverStream::new(self.0)).map(event);
        Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
    }
}
