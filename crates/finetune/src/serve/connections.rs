//! Connections: how many there may be, and for how long one of them may keep still.

use super::limits::{CONNECTIONS, Refusal, SILENCE};
use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
};
use hyper::server::conn::http1::{self, Parts};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{error::Error, sync::Arc, time::Duration};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};
use tokio_io_timeout::TimeoutStream;

/// Answers whoever comes, each connection in a task of its own.
pub async fn answer_all(listener: TcpListener, router: Router) -> ! {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let crowded = Router::new().fallback(turn_away);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(100)).await; // no more files, until another connection ends
            continue;
        };
        let place = Arc::clone(&places).try_acquire_owned().ok();
        let talk = talk(stream, if place.is_some() { &router } else { &crowded }.clone());
        tokio::spawn(async move {
            talk.await;
            drop(place);
        });
    }
}

async fn turn_away() -> impl IntoResponse {
    let sentence = format!("{CONNECTIONS} connections are open; try again in a moment");
    ([(header::CONNECTION, "close")], Refusal::new(StatusCode::TOO_MANY_REQUESTS, sentence))
}

/// Answers one request after another. A client that keeps still, sends a head bit by bit or does not read loses its connection.
async fn talk(stream: TcpStream, router: Router) {
    let _ = stream.set_nodelay(true); // a token does not wait for the next one
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(SILENCE));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router));
    let ended = (&mut connection).await;
    let Parts { io, read_buf, .. } = connection.into_parts();
    // Where hyper itself waited too long, there is no other error behind it.
    let head_is_late = ended.is_err_and(|error| error.is_timeout() && error.source().is_none());
    if head_is_late && !read_buf.is_empty() {
        let _ = io.into_inner().write_all(Refusal::late().raw().as_bytes()).await;
    }
}
