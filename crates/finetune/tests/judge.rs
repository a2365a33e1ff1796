//! Every way in which a judge can fail, played by a server on this machine.

use finetune::{
    answers::Answered,
    instructions::Entry,
    judge::Verdict,
    run::judge::{Dialect, Form, Judge},
    run::scoring::{Score, score_all, summarize},
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

const MARK: &str = r#"{"message":{"content":"{\"score\": 70}"},"done":false}
{"message":{"content":""},"done":true}
"#;

fn reply(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A server that gives these replies, one a connection, and tells what it was asked.
fn serve(replies: Vec<String>) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        for (stream, reply) in listener.incoming().zip(replies) {
            let mut stream = stream.expect("a connection");
            let request = read_request(&stream);
            let _ = sender.send(request);
            let (said, silent) =
                reply.strip_suffix("silence").map_or((&*reply, false), |said| (said, true));
            let _ = stream.write_all(said.as_bytes());
            if silent {
                thread::sleep(Duration::from_secs(5));
            }
        }
    });
    (address, asked)
}

fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
        if line.trim().is_empty() {
            break;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    head + &String::from_utf8_lossy(&body)
}

fn entry() -> Entry {
    Entry { instruction: "Name a color.".into(), output: "Blue.".into(), ..Entry::default() }
}

fn ask(replies: Vec<String>) -> anyhow::Result<Verdict> {
    let (address, _asked) = serve(replies);
    Judge::ollama(Some(&address), "llama3")
        .with_patience(Duration::from_secs(2))
        .mark(&entry(), "Red.")
}

fn complaint(replies: Vec<String>) -> String {
    format!("{:#}", ask(replies).expect_err("a judge that cannot be asked"))
}

fn failure(replies: Vec<String>) -> String {
    match ask(replies) {
        Ok(Verdict::Failed(why)) => why,
        other => panic!("no failure but {other:?}"),
    }
}

fn answers(texts: &[&str]) -> Vec<Answered> {
    texts.iter().map(|&text| Answered { entry: entry(), model_response: text.into() }).collect()
}

#[test]
fn ollama_is_asked_for_an_integer_with_a_fixed_seed_and_its_mark_is_read() {
    let (address, asked) = serve(vec![reply("200 OK", MARK)]);
    let judge = Judge::ollama(Some(&address), "llama3");
    assert_eq!(judge.mark(&entry(), "Red.").expect("a mark"), Verdict::Mark(70));
    let request: String = asked.recv().expect("a request").split_whitespace().collect();
    assert!(request.starts_with("POST/api/chat"), "{request}");
    for part in [
        r#""seed":123"#,
        r#""temperature":0"#,
        r#""num_ctx":2048"#,
        r#""type":"integer""#,
        r#""model":"llama3""#,
    ] {
        assert!(request.contains(part), "{part} is not in {request}");
    }
}

#[test]
fn a_server_of_the_common_dialect_is_asked_and_read_too() {
    let body = r#"{"choices":[{"message":{"content":"{\"score\": 55}"}}]}"#;
    let (address, asked) = serve(vec![reply("200 OK", body)]);
    let judge = Judge::openai(&format!("http://{address}/v1/"), "any");
    assert_eq!(judge.mark(&entry(), "Red.").expect("a mark"), Verdict::Mark(55));
    assert!(asked.recv().expect("a request").starts_with("POST /v1/chat/completions"));
    assert_ne!(Dialect::Ollama, Dialect::OpenAi);
}

#[test]
fn nobody_listening_is_one_sentence() {
    let free =
        TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
    let judge = Judge::ollama(Some(&free.to_string()), "llama3");
    assert!(!judge.is_there());
    let said = format!("{:#}", judge.mark(&entry(), "Red.").expect_err("nobody there"));
    assert!(said.starts_with(&format!("the judge at http://{free} cannot be reached")), "{said}");
}

#[test]
fn a_model_that_is_not_there_is_named_with_the_command_that_fetches_it() {
    let said = complaint(vec![reply("404 Not Found", r#"{"error":"model not found"}"#)]);
    assert!(
        said.contains("does not have the model llama3; fetch it with `ollama pull llama3`"),
        "{said}"
    );
}

#[test]
fn a_busy_judge_is_asked_again() {
    let replies = vec![reply("503 Service Unavailable", ""), reply("200 OK", MARK)];
    assert_eq!(ask(replies).expect("a mark"), Verdict::Mark(70));
}

#[test]
fn an_error_in_the_middle_of_a_stream_is_told() {
    let body = "{\"message\":{\"content\":\"{\"}}\n{\"error\":\"out of memory\"}\n";
    assert_eq!(failure(vec![reply("200 OK", body)]), "it reports \"out of memory\"");
}

#[test]
fn a_body_that_is_cut_off_is_no_mark() {
    let whole = reply("200 OK", MARK);
    let said = failure(vec![whole[..whole.len() - 20].to_owned()]);
    assert!(said.contains("it broke off"), "{said}");
    let first_line = MARK.lines().next().expect("a line");
    assert_eq!(failure(vec![reply("200 OK", first_line)]), "its answer has no end");
}

#[test]
fn a_server_that_breaks_down_has_failed_and_one_that_refuses_cannot_be_asked() {
    let said =
        failure(vec![reply("500 Internal Server Error", "llama runner process no longer running")]);
    assert_eq!(said, "it answered with status 500: llama runner process no longer running");
    let said = complaint(vec![reply("401 Unauthorized", "who are you?")]);
    assert!(said.ends_with("it answered with status 401: who are you?"), "{said}");
}

#[test]
fn a_web_page_instead_of_an_answer_is_told() {
    let said = failure(vec![reply("200 OK", "<html>login</html>")]);
    assert!(said.starts_with("it sent no JSON but \"<html>login</html>\""), "{said}");
}

#[test]
fn a_judge_that_takes_too_long_is_given_up() {
    assert_eq!(failure(vec!["silence".into()]), "it took too long; try a smaller model");
    // The head of the answer is there at once, and then nothing.
    let head = reply("200 OK", MARK);
    let head = head[..head.len() - MARK.len()].to_owned();
    assert_eq!(failure(vec![format!("{head}silence")]), "it took too long; try a smaller model");
}

#[test]
fn what_is_no_mark_is_kept_as_it_was() {
    let body = MARK.replace("70", "700");
    assert_eq!(
        ask(vec![reply("200 OK", &body)]).expect("a reply"),
        Verdict::Unusable(r#"{"score": 700}"#.into())
    );
}

#[test]
fn a_judging_that_broke_off_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scores.jsonl");
    let answers = answers(&["Red.", "Green.", "Two."]);
    let (address, _asked) = serve(vec![reply("200 OK", MARK), reply("404 Not Found", "")]);
    let judge = Judge::ollama(Some(&address), "llama3");
    score_all(&judge, &answers, 1, &file, |_| ())
        .expect_err("the judge fails at the second answer");

    let (address, asked) = serve(vec![reply("200 OK", MARK), reply("200 OK", MARK)]);
    let judge = Judge::ollama(Some(&address), "llama3");
    let mut new = Vec::new();
    let scores = score_all(&judge, &answers, 1, &file, |score: &Score| new.push(score.answer))
        .expect("all marks");
    assert_eq!((scores.len(), new), (3, vec![1, 2]));
    assert_eq!(asked.try_iter().count(), 2, "the first answer was judged twice");
}

#[test]
fn an_answer_at_which_the_judge_fails_is_counted_and_asked_for_again_the_next_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scores.jsonl");
    let answers = answers(&["Red.", "Green."]);
    let failing = "{\"error\":\"out of memory\"}\n";
    let (address, _asked) = serve(vec![reply("200 OK", failing), reply("200 OK", MARK)]);
    let scores = score_all(&Judge::ollama(Some(&address), "llama3"), &answers, 1, &file, |_| ())
        .expect("one mark");
    let summary = summarize(&scores).expect("one mark");
    assert_eq!((summary.marked, summary.failed, summary.unusable), (1, 1, 0));

    let (address, asked) = serve(vec![reply("200 OK", MARK)]);
    let scores = score_all(&Judge::ollama(Some(&address), "llama3"), &answers, 1, &file, |_| ())
        .expect("two marks");
    let summary = summarize(&scores).expect("two marks");
    assert_eq!((summary.marked, summary.failed, asked.try_iter().count()), (2, 0, 1));
}

#[test]
fn a_judge_that_fails_three_times_in_a_row_is_asked_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scores.jsonl");
    let failing = reply("200 OK", "{\"error\":\"out of memory\"}\n");
    let (address, asked) = serve(vec![failing; 4]);
    let judge = Judge::ollama(Some(&address), "llama3");
    let error = score_all(&judge, &answers(&["a", "b", "c", "d"]), 1, &file, |_| ())
        .expect_err("three failures");
    let expected = format!(
        "the judge at http://{address} failed 3 times in a row: it reports \"out of memory\""
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(asked.try_iter().count(), 3);
}

#[test]
fn a_mark_by_another_judge_or_for_another_question_is_not_taken_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scores.jsonl");
    let mut answers = answers(&["Red."]);
    for (judge, expected, times) in [
        ("llama3", "Blue.", 1),
        ("llama3", "Blue.", 0),
        ("other", "Blue.", 1),
        ("other", "Red.", 1),
    ] {
        answers[0].entry.output = expected.to_owned();
        let (address, asked) = serve(vec![reply("200 OK", MARK)]);
        score_all(&Judge::ollama(Some(&address), judge), &answers, 1, &file, |_| ())
            .expect("a mark");
        assert_eq!(asked.try_iter().count(), times, "{judge}, {expected}");
    }
}

#[test]
fn a_server_that_knows_no_schema_is_asked_for_an_object_and_then_for_plain_text() {
    let body = r#"{"choices":[{"message":{"content":"Sure: 55 or 60."}}]}"#;
    let no = reply("500 Internal Server Error", "Input should be 'text' or 'json_object'");
    let yes = reply("200 OK", body);
    let (address, asked) = serve(vec![no.clone(), no, yes.clone(), yes]);
    let judge = Judge::openai(&address, "any"); // without a scheme
    assert_eq!(judge.form(), None);
    for _ in 0..2 {
        let verdict = judge.mark(&entry(), "Red.").expect("a mark");
        assert_eq!(verdict, Verdict::Unusable("Sure: 55 or 60.".to_owned()));
    }
    assert_eq!(judge.form(), Some(Form::Text));
    let asked: Vec<String> = asked.try_iter().collect();
    let kinds = ["json_schema", "json_object", "no format", "no format"];
    assert_eq!(asked.len(), kinds.len());
    for (request, kind) in asked.iter().zip(kinds) {
        let request: String = request.split_whitespace().collect();
        let expected = if kind == "no format" { "messages" } else { kind };
        assert!(request.contains(expected), "{request}");
        assert_eq!(request.contains("response_format"), kind != "no format", "{request}");
        assert!(request.contains("\"max_tokens\":1024"), "{request}");
    }
}

#[test]
fn what_a_server_says_is_shown_and_what_only_it_may_know_is_not() {
    let echo = reply("401 Unauthorized", "Incorrect API key provided: sk-123");
    let (address, asked) = serve(vec![echo]);
    let judge = Judge::openai(&format!("http://{address}/v1"), "any").with_key(Some("sk-123\n"));
    let said = format!("{:#}", judge.mark(&entry(), "Red.").expect_err("refused"));
    assert!(said.contains("Incorrect API key provided: ***") && !said.contains("sk-123"), "{said}");
    assert!(
        asked.recv().expect("a request").to_lowercase().contains("authorization: bearer sk-123")
    );

    let (address, asked) = serve(vec![reply("403 Forbidden", "me:hush is not welcome")]);
    let judge = Judge::ollama(Some(&format!("http://me:hush@{address}")), "llama3");
    assert_eq!(judge.address(), format!("http://{address}"));
    let said = format!("{:#}", judge.mark(&entry(), "Red.").expect_err("refused"));
    assert!(said.contains("me:*** is not welcome") && !said.contains("hush"), "{said}");
    assert!(asked.recv().expect("a request").to_lowercase().contains("authorization: basic "));
}

#[test]
fn a_404_of_another_server_than_ollama_advises_nothing_of_ollama() {
    let (address, _asked) = serve(vec![reply("404 Not Found", "The model `x` does not exist")]);
    let judge = Judge::openai(&format!("http://{address}/v1/chat/completions"), "x");
    let said = format!("{:#}", judge.mark(&entry(), "Red.").expect_err("refused"));
    assert!(said.contains("The model `x` does not exist") && !said.contains("ollama"), "{said}");
    let said = complaint(vec![reply("404 Not Found", "404 page not found")]);
    assert!(said.contains("404 page not found") && !said.contains("ollama pull"), "{said}");
}

#[test]
fn a_reply_that_was_no_mark_is_asked_for_again_the_next_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scores.jsonl");
    for (body, times) in
        [(MARK.replace("70", "700"), 1), (MARK.to_owned(), 1), (MARK.to_owned(), 0)]
    {
        let (address, asked) = serve(vec![reply("200 OK", &body)]);
        let judge = Judge::ollama(Some(&address), "llama3");
        score_all(&judge, &answers(&["Red."]), 1, &file, |_| ()).expect("a reply");
        assert_eq!(asked.try_iter().count(), times, "{body}");
    }
}

#[test]
fn a_judging_without_a_single_mark_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("answers.json");
    let text = r#"[{"instruction": "a", "output": "b", "model_response": "c"}]"#;
    std::fs::write(&file, text).expect("a file");
    let (address, _asked) = serve(vec![reply("200 OK", &MARK.replace("70", "700"))]);
    let mut command =
        assert_cmd::Command::cargo_bin("finetune").expect("the command of this crate");
    let run = command.arg("score").arg(&file).env("OLLAMA_HOST", address).assert().code(1);
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(said.contains("error: the judge gave no mark; its 1 replies are in"), "{said}");
}
