//! Answers marked by a judge, here one that says what this demo tells it: what is sent, what is read, what is counted (chapter 5.5).

use anyhow::{Context, Result};
use finetune::{
    answers::Answered,
    instructions::Entry,
    judge::question,
    run::judge::Judge,
    run::scoring::{score_all, summarize},
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

/// What the judge says to the first answer, the second, and so on: marks, and things that are none.
const REPLIES: [&str; 5] = [
    r#"{\"score\": 95}"#,
    r#"{\"score\": 40}"#,
    "I would say 80.",
    r#"{\"score\": 120}"#,
    r#"{\"score\": 60}"#,
];

fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    thread::spawn(move || {
        for (stream, reply) in listener.incoming().zip(REPLIES) {
            let _ = stream.map(|stream| answer(stream, reply));
        }
    });
    let answers: Vec<Answered> = ["A dog.", "A cat.", "A tree.", "A fox.", "Dog"]
        .map(|response| Answered {
            entry: Entry {
                instruction: "Name an animal that barks.".into(),
                output: "A dog barks.".into(),
                ..Entry::default()
            },
            model_response: response.into(),
        })
        .to_vec();
    println!(
        "--- sent for the first answer\n{}",
        question(&answers[0].entry, &answers[0].model_response)
    );

    println!("--- read");
    let folder = tempfile::tempdir()?;
    let judge = Judge::ollama(Some(&address), "llama3");
    let scores = score_all(&judge, &answers, 1, &folder.path().join("scores.jsonl"), |score| {
        match score.score {
            Some(mark) => println!("answer {} mark {mark}", score.answer),
            None => println!(
                "answer {} no mark: {}",
                score.answer,
                score.unusable.as_deref().unwrap_or_default()
            ),
        }
    })?;
    let summary = summarize(&scores).context("no mark at all")?;
    println!("--- counted");
    println!("marked {} unusable {}", summary.marked, summary.unusable);
    println!("mean {:.1} min {} max {}", summary.mean, summary.min, summary.max);
    Ok(())
}

/// Reads a request and replies as Ollama does, in two pieces.
fn answer(mut stream: TcpStream, reply: &str) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let body = format!(
        "{{\"message\":{{\"content\":\"{reply}\"}},\"done\":false}}\n{{\"message\":{{\"content\":\"\"}},\"done\":true}}\n"
    );
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    Ok(())
}
