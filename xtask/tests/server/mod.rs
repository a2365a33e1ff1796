//! A web server on the loopback address that answers as a test tells it to.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One request, as far as the tests care.
#[derive(Debug, Clone)]
pub struct Asked {
    /// How many requests came before.
    pub number: usize,
    pub path: String,
    /// The first byte that the `Range` header asks for.
    pub range: Option<usize>,
    /// The `Authorization` header.
    #[allow(dead_code)] // not every test that includes this file sends one
    pub authorization: Option<String>,
}

pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.log.lock().expect("no test panics while it holds the lock").clone()
    }
}

/// Serves until the test ends, one thread a connection.
pub fn serve(answer: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let log = Arc::new(Mutex::new(Vec::new()));
    let (answer, shared) = (Arc::new(answer), Arc::clone(&log));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (answer, log) = (Arc::clone(&answer), Arc::clone(&shared));
            std::thread::spawn(move || {
                let mut stream = stream;
                if let Some(asked) = read_request(&stream, &log) {
                    answer(&asked, &mut stream);
                }
            });
        }
    });
    Server { url, log }
}

fn read_request(stream: &TcpStream, log: &Mutex<Vec<Asked>>) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let (mut range, mut authorization) = (None, None);
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("authorization")
        {
            authorization = Some(value.to_owned());
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("range: bytes=") {
            range = value.trim_end_matches('-').parse().ok();
        }
    }
    let mut log = log.lock().expect("no test panics while it holds the lock");
    let asked = Asked { number: log.len(), path, range, authorization };
    log.push(asked.clone());
    Some(asked)
}

/// Status line and headers of an answer.
pub fn head(stream: &mut TcpStream, status: &str, length: usize, headers: &str) {
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
    );
}

/// The file from the byte that was asked for, as a server does that knows ranges.
pub fn send(stream: &mut TcpStream, asked: &Asked, file: &[u8]) {
    match asked.range {
        Some(start) if start >= file.len() => head(stream, "416 Range Not Satisfiable", 0, ""),
        Some(start) => {
            let range =
                format!("content-range: bytes {start}-{}/{}\r\n", file.len() - 1, file.len());
            head(stream, "206 Partial Content", file.len() - start, &range);
            let _ = stream.write_all(&file[start..]);
        }
        None => {
            head(stream, "200 OK", file.len(), "");
            let _ = stream.write_all(file);
        }
    }
}
