//! Many clients at once: each gets its own text, in turn, and the server takes no more memory for it.

mod server;

use finetune::serve::limits::WAITING;
use serde_json::{Value, json};
use server::{Server, rest, start, text};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

/// Megabytes by which a server may grow once it has warmed up.
const GROWTH_MB: f64 = 16.0;

/// A client asks for the same text again and again. Its seed is its own as well: a model that has learned nothing writes by the seed
/// alone, whatever the prompt is.
struct Client {
    request: Value,
    expected: String,
}

impl Client {
    fn new(server: &Server, number: usize) -> Self {
        let request = json!({ "prompt": format!("Client {number} says"), "max_tokens": 12, "temperature": 1, "seed": number });
        let expected = text(&server.ask("/v1/completions", &request));
        Self { request, expected }
    }
}

/// What came of it.
#[derive(Default)]
struct Load {
    answers: usize,
    /// Answers with a text that was not the client's own.
    strange: usize,
    /// Seconds from a request to its first token.
    first_tokens: Vec<f64>,
    /// Seconds from the beginning of a text, when the queue is behind it, to its first token.
    beginnings: Vec<f64>,
}

/// So many clients ask for so long; `between` is called every second.
fn load(server: &Server, clients: usize, time: Duration, mut between: impl FnMut()) -> Load {
    let clients: Vec<Client> = (0..clients).map(|number| Client::new(server, number)).collect();
    for (number, client) in clients.iter().enumerate() {
        let same = clients[..number].iter().filter(|other| other.expected == client.expected);
        assert_eq!(same.count(), 0, "texts that are no client's own tell nothing");
    }
    let (until, load) = (Instant::now() + time, Mutex::new(Load::default()));
    thread::scope(|scope| {
        for (number, client) in clients.iter().enumerate() {
            let ask = if number % 2 == 0 { ask_whole } else { ask_parts };
            let load = &load;
            scope.spawn(move || {
                while Instant::now() < until {
                    ask(server, client, load);
                }
            });
        }
        while Instant::now() < until {
            between();
            thread::sleep(Duration::from_secs(1));
        }
    });
    load.into_inner().expect("no client failed")
}

fn count<'a>(load: &'a mut Load, client: &Client, said: &str) -> &'a mut Load {
    load.answers += 1;
    load.strange += usize::from(said != client.expected);
    load
}

fn ask_whole(server: &Server, client: &Client, load: &Mutex<Load>) {
    let said = text(&server.ask("/v1/completions", &client.request));
    count(&mut load.lock().expect("no client failed"), client, &said);
}

fn ask_parts(server: &Server, client: &Client, load: &Mutex<Load>) {
    let mut request = client.request.clone();
    request["stream"] = true.into();
    let asked = Instant::now();
    let (mut said, mut came) = (String::new(), Vec::new());
    for line in BufReader::new(server.send("/v1/completions", &request.to_string())).lines() {
        let line = line.expect("what the server says");
        let Some(event) = line.strip_prefix("data: ").filter(|&event| event != "[DONE]") else {
            continue;
        };
        came.push(asked.elapsed().as_secs_f64());
        said += &text(&serde_json::from_str(event).expect("JSON"));
    }
    let [begun, first, ..] = came[..] else {
        panic!("{} events of {}", came.len(), client.request)
    };
    let mut load = load.lock().expect("no client failed");
    let load = count(&mut load, client, &said);
    load.first_tokens.push(first);
    load.beginnings.push(first - begun);
}

#[test]
fn eight_clients_at_once_get_each_its_own_text() {
    let load = load(&start(0), 8, Duration::from_secs(3), || ());
    assert_eq!(load.strange, 0, "of {} answers", load.answers);
    assert!(load.answers >= 8, "{} answers", load.answers);
}

#[test]
fn who_finds_the_queue_full_is_told_so_at_once() {
    let server = start(0);
    let long = json!({ "prompt": "a", "max_tokens": 4096, "seed": 7, "stream": true }).to_string();
    let mut first = server.send("/v1/completions", &long);
    first.read_exact(&mut [0; 64]).expect("it is being written");
    let mut waiting: Vec<_> =
        (0..=WAITING).map(|_| server.send("/v1/completions", &long)).collect();
    let (status, sentence) = loop {
        let next = server.send("/v1/completions", &long);
        next.set_read_timeout(Some(Duration::from_secs(1))).expect("a connection");
        if next.peek(&mut [0]).is_ok() {
            break rest(next);
        }
        // It came into the queue before one of those that were sent earlier.
        waiting.push(next);
        assert!(waiting.len() < 2 * WAITING, "nobody is refused");
    };
    assert!(status == 429 && sentence.contains("64 requests wait"), "{status} {sentence}");
    drop((first, waiting));
    let (until, short) = (Instant::now() + Duration::from_mins(1), json!({ "prompt": "a" }));
    while server.post("/v1/completions", &short.to_string()).0 != 200 {
        assert!(Instant::now() < until, "those that have left make no room");
    }
}

fn memory_mb(server: &Server) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id()));
    let bytes = xtask::memory::bytes(&status.expect("Linux tells"), "VmRSS");
    bytes.expect("a number of kilobytes") as f64 / 1e6
}

/// The middle one, and the highest.
fn middle_and_highest(mut numbers: Vec<f64>) -> [f64; 2] {
    numbers.sort_by(f64::total_cmp);
    [numbers[numbers.len() / 2], numbers[numbers.len() - 1]]
}

#[test]
#[ignore = "a minute of load, and Linux's word on memory; with --nocapture it prints what it has seen"]
fn sixty_four_clients_for_a_minute_get_each_its_own_text_in_turn_and_memory_stays_flat() {
    const CLIENTS: usize = 64;
    let (server, time) = (start(0), Duration::from_mins(1));
    let mut memory = Vec::new();
    let load = load(&server, CLIENTS, time, || memory.push(memory_mb(&server)));
    // Buffers have grown by then.
    let (warm, last) = (memory[memory.len() / 6], memory_mb(&server));
    // A request waits for those of all others before it.
    let round = CLIENTS as f64 * time.as_secs_f64() / load.answers as f64;
    let [first, slowest] = middle_and_highest(load.first_tokens);
    let [beginning, _] = middle_and_highest(load.beginnings);
    println!("clients          {CLIENTS}, for {time:?}");
    println!("answers          {}", load.answers);
    println!("another's text   {}", load.strange);
    println!("memory           {warm:.1} MB after a sixth of the time, {last:.1} MB at the end");
    println!("first token      {first:.3} s at the median, {slowest:.3} s at most");
    println!(
        "the queue        {round:.3} s for one text of every client; then {beginning:.3} s to the first token at the median"
    );
    assert_eq!(load.strange, 0, "of {} answers", load.answers);
    assert!(last < warm + GROWTH_MB, "{warm} MB became {last} MB");
    assert!(slowest < 2.0 * round, "{slowest} s for a token, {round} s for a text of every client");
}
