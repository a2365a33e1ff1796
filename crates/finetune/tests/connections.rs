//! Connections that keep still, send bit by bit or do not read: none of them takes a place for longer than ten seconds.

mod server;

use finetune::serve::limits::{CONNECTIONS, SILENCE};
use server::{Server, rest, start};
use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

/// So long a busy machine may take beyond the limit.
const GRACE: Duration = Duration::from_secs(20);

/// Sends a beginning and then a byte every second for as long as the server takes them, and reads what it says to that.
fn drip(server: &Server, beginning: &str) -> (u16, String) {
    let mut stream = server.connect();
    stream.write_all(beginning.as_bytes()).expect("it reads");
    let mut dripping = stream.try_clone().expect("one more of it");
    thread::spawn(move || {
        while dripping.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_secs(1));
        }
    });
    rest(stream)
}

#[test]
fn a_request_that_comes_bit_by_bit_is_given_up_with_a_sentence() {
    let server = start(0);
    let (server, began) = (&server, Instant::now());
    let head = "GET / HTTP/1.1\r\nHost: ".to_owned();
    let body = format!(
        "POST /v1/completions HTTP/1.1\r\nHost: {}\r\nContent-Length: 1000\r\n\r\n{{",
        server.address
    );
    thread::scope(|scope| {
        for beginning in [head, body] {
            scope.spawn(move || {
                let (status, sentence) = drip(server, &beginning);
                assert!(
                    status == 408 && sentence.contains("did not come within 10 seconds"),
                    "{beginning}: {status} {sentence}"
                );
                assert!((SILENCE..SILENCE + GRACE).contains(&began.elapsed()), "{beginning}");
            });
        }
    });
}

#[test]
fn idle_connections_take_all_places_for_ten_seconds_at_most() {
    let server = start(0);
    let idle: Vec<TcpStream> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    let (began, limit) = (Instant::now(), SILENCE + GRACE);
    let (status, sentence) = server.get("/api/models");
    assert!(status == 429 && sentence.contains("128 connections are open"), "{status} {sentence}");
    while server.get("/api/models").0 != 200 {
        assert!(began.elapsed() < limit, "they are still held");
        thread::sleep(Duration::from_millis(500));
    }
    assert!(began.elapsed() > SILENCE / 2, "they were given up at once");
    for mut stream in idle {
        assert_eq!(stream.read(&mut [0]).expect("it is closed"), 0, "a byte that nobody asked for");
    }
}

#[test]
fn a_client_that_does_not_read_its_answers_loses_its_connection() {
    const ASKED: usize = 4000;
    let server = start(0);
    let mut stream = server.connect();
    let request = format!("GET /look.js HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    let mut sending = stream.try_clone().expect("one more of it");
    // In a thread of its own: it stops where the server has stopped to read.
    let sent = thread::spawn(move || sending.write_all(request.repeat(ASKED).as_bytes()));
    thread::sleep(SILENCE * 3 / 2);
    let mut answers = Vec::new();
    let _ = stream.read_to_end(&mut answers); // it is cut off, or reset
    let answered = answers.windows(15).filter(|part| part == b"HTTP/1.1 200 OK").count();
    assert!((1..ASKED).contains(&answered), "{answered} of {ASKED} answers");
    let _ = sent.join();
    assert_eq!(server.get("/api/models").0, 200);
}
