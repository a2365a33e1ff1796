//! The page and its doors, asked over this machine's own network as a browser or another program would ask.

mod server;

use base64::{Engine, engine::general_purpose::STANDARD};
use embedding::{
    bpe::{BytePairEncoder, END_OF_TEXT},
    support::texts::project_root,
};
use finetune::{
    export,
    instructions::Entry,
    judge::Verdict,
    run::judge::{Form, Judge},
    serve::{
        catalogue::Catalogue,
        model_thread::{Computation, Loaded, ModelThread},
        write::{Order, write},
    },
};
use model::{
    fast::{decode::Dtype, path::CodePath},
    trace::trace,
};
use serde_json::{Value, json};
use server::{Server, small_model, start, text};
use std::{
    env,
    fs::File,
    io::Read,
    net::{TcpListener, TcpStream},
    ops::ControlFlow,
    path::PathBuf,
    process::Command,
    thread,
    time::Instant,
};
use tch::Device;
use train::sampling::Sampling;

/// The events of an answer in parts.
fn events(body: &str) -> Vec<String> {
    let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(str::to_owned).collect()
}

/// The natural logarithm of the probability that each token has behind a text.
fn logprobs_behind(server: &Server, ids: &[i64]) -> Vec<f64> {
    let next = server.ask("/api/next", &json!({ "ids": ids, "temperature": 1 }));
    let bytes = STANDARD.decode(next["logits"].as_str().expect("logits")).expect("base64");
    let logits = bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().expect("four")));
    let logits: Vec<f64> = logits.map(f64::from).collect();
    let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
    logits.iter().map(|logit| logit - sum.ln()).collect()
}

fn ids(value: &Value) -> Vec<i64> {
    serde_json::from_value(value.clone()).expect("a list of ids")
}

#[test]
fn each_written_token_has_the_probability_that_it_had_at_its_place() {
    let server = start(0);
    let mut text = ids(&server.ask("/api/tokens", &json!({ "text": "Once upon" }))["ids"]);
    let body = json!({ "ids": text, "max_tokens": 5, "temperature": 1, "seed": 7 });
    let (_, shown) = server.post("/api/write", &body.to_string());
    let shown: Vec<Value> =
        events(&shown).iter().map(|event| serde_json::from_str(event).expect("JSON")).collect();
    let shown: Vec<&Value> = shown.iter().filter(|event| event["id"].is_i64()).collect();
    assert_eq!(shown.len(), 5);
    for token in shown {
        let logprobs = logprobs_behind(&server, &text);
        let id = token["id"].as_i64().expect("an id");
        let gap = token["p"].as_f64().expect("a probability").ln() - logprobs[id as usize];
        assert!(gap.abs() < 1e-4, "behind {text:?}: {token}, {gap:e}");
        let highest = logprobs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let first = token["likeliest"][0][2].as_f64().expect("the highest").ln();
        assert!((first - highest).abs() < 1e-4, "behind {text:?}: {token}");
        text.push(id);
    }
}

#[test]
fn the_page_brings_all_that_it_needs_and_lets_nothing_else_in() {
    let server = start(0);
    let (status, page) = server.get("/");
    assert!(status == 200 && page.contains("A window into your model"), "{status} {page}");
    for part in [
        "style.css",
        "main.js",
        "dom.js",
        "tokens.js",
        "write.js",
        "look.js",
        "compare.js",
        "watch.js",
        "icon.svg",
    ] {
        let (status, text) = server.get(&format!("/{part}"));
        assert_eq!(status, 200, "{part}");
        assert!(
            !text.replace("http://www.w3.org/2000/svg", "").contains("http"),
            "{part} names another host"
        );
    }
    let (status, sentence) = server.get("/nowhere.js");
    assert!(status == 404 && sentence.contains("the page is at /"), "{sentence}");
}

#[test]
fn a_text_is_the_same_with_the_same_seed_whole_or_in_parts_and_by_either_door() {
    let server = start(0);
    let whole = server.complete("Once upon", &json!({ "logprobs": 3 }));
    assert_eq!(text(&whole), text(&server.complete("Once upon", &json!({}))));
    assert_ne!(text(&whole), text(&server.complete("Once upon", &json!({ "seed": 8 }))));
    let logprobs = &whole["choices"][0]["logprobs"];
    assert_eq!(logprobs["tokens"].as_array().map(Vec::len), Some(12));
    assert_eq!(logprobs["top_logprobs"][0].as_object().map(serde_json::Map::len), Some(3));
    assert_eq!(
        whole["usage"],
        json!({ "prompt_tokens": 2, "completion_tokens": 12, "total_tokens": 14 })
    );
    let body = json!({ "prompt": "Once upon", "max_tokens": 12, "seed": 7, "stream": true });
    let (status, parts) = server.post("/v1/completions", &body.to_string());
    let parts = events(&parts);
    assert_eq!((status, parts.last().map(String::as_str)), (200, Some("[DONE]")));
    let parts: Vec<Value> = parts[..parts.len() - 1]
        .iter()
        .map(|part| serde_json::from_str(part).expect("JSON"))
        .collect();
    assert_eq!(parts.iter().map(text).collect::<String>(), text(&whole));
    assert_eq!(parts.last().expect("an end")["choices"][0]["finish_reason"], "length");
    let ids = server.ask("/api/tokens", &json!({ "text": "Once upon" }))["ids"].clone();
    let body = json!({ "ids": ids, "max_tokens": 12, "temperature": 1, "seed": 7 });
    let (_, shown) = server.post("/api/write", &body.to_string());
    let shown: Vec<Value> =
        events(&shown).iter().map(|event| serde_json::from_str(event).expect("JSON")).collect();
    let probability = shown[1]["p"].as_f64().expect("a probability");
    assert!(
        (probability.ln() - logprobs["token_logprobs"][0].as_f64().expect("its logarithm")).abs()
            < 1e-9
    );
    assert_eq!(shown[1]["likeliest"].as_array().map(Vec::len), Some(10));
}

#[test]
fn a_stop_text_ends_an_answer_before_it_and_a_conversation_is_asked_in_the_form_of_the_folder() {
    let server = start(0);
    let whole = text(&server.complete("The", &json!({})));
    let stop: String = whole.chars().skip(10).take(3).collect();
    let cut = server.complete("The", &json!({ "stop": [stop] }));
    assert_eq!(text(&cut), whole[..whole.find(&stop).expect("it is a part")]);
    assert_eq!(cut["choices"][0]["finish_reason"], "stop");
    let question = "Name a pet.";
    let chat = server.ask("/v1/chat/completions", &json!({ "messages": [{ "role": "user", "content": question }], "max_tokens": 8, "temperature": 0 }));
    let entry = Entry { instruction: question.to_owned(), ..Entry::default() };
    let same = server.complete(&entry.prompt(), &json!({ "max_tokens": 8, "temperature": 0 }));
    assert_eq!(chat["choices"][0]["message"]["content"], text(&same));
    assert_eq!(chat["usage"], same["usage"]);
}

#[test]
fn our_own_judge_gets_its_marks_from_this_door() {
    let server = start(0);
    let name = server.folder.path().display().to_string();
    let judge = Judge::openai(&format!("http://{}/v1", server.address), &name);
    let entry =
        Entry { instruction: "Name a pet.".into(), output: "cat".into(), ..Entry::default() };
    for answer in ["dog", "cat"] {
        let verdict = judge.mark(&entry, answer).expect("an answer");
        assert!(matches!(verdict, Verdict::Mark(0..=100)), "{verdict:?}");
    }
    assert_eq!(judge.form(), Some(Form::Schema));
}

/// Where another program's client lies: `variable` names it, else `own` does, seen from the project. A skip with one line where there is
/// none, which `cargo xtask test --require-browser` makes a failure.
fn client(variable: &str, own: &str, script: &str) -> Option<PathBuf> {
    let own = project_root().join(own);
    let client = env::var_os(variable).map(PathBuf::from).or_else(|| own.exists().then_some(own));
    if client.is_none() {
        let missing = format!("a client is missing; data/reference/{script} says how it is made");
        assert!(env::var_os("GPT2_REQUIRE_BROWSER").is_none(), "{missing}");
        eprintln!("skipped: {missing}");
    }
    client
}

/// What a client's script printed.
fn said_by(command: &mut Command) -> Value {
    let output = command.output().expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

#[test]
fn the_python_client_of_openai_gets_what_it_asks_for() {
    let own = ".venv-openai/bin/python";
    let Some(python) = client("GPT2_OPENAI", own, "openai_client.py") else { return };
    let server = start(0);
    let script = project_root().join("data/reference/openai_client.py");
    let address = format!("http://{}/v1", server.address);
    let said = said_by(Command::new(python).arg(script).arg(address));
    assert_eq!((&said["whole"], &said["chat"]), (&said["parts"], &said["chat_parts"]));
    assert_eq!(said["whole"], text(&server.complete("Once upon", &json!({ "top_p": 0.9 }))));
    assert_eq!(
        (&said["tokens"], &said["reason"], &said["usage"]),
        (&json!(12), &json!("length"), &json!(true))
    );
    assert_eq!(said["alternatives"], json!(vec![3; 12]));
    assert!(said["age"].as_i64().is_some_and(|age| (10..=99).contains(&age)), "{said}");
    assert!(
        said["refusal"].as_str().is_some_and(|sentence| sentence.starts_with("there is no model")),
        "{said}"
    );
}

#[test]
fn the_ai_sdk_of_vercel_gets_what_it_asks_for() {
    let (script, own) = ("ai_sdk_client.mjs", ".browser/node_modules/@ai-sdk/openai-compatible");
    let Some(package) = client("GPT2_AI_SDK", own, script) else { return };
    let server = start(0);
    let script = File::open(project_root().join("data/reference").join(script)).expect("a script");
    let mut node = Command::new("node");
    node.args(["--input-type=module", "-"]).arg(format!("http://{}/v1", server.address));
    let said = said_by(node.current_dir(package).stdin(script));
    let question = json!([{ "role": "user", "content": "Name a pet." }]);
    let asked = json!({ "messages": question, "max_tokens": 12, "top_p": 0.9, "seed": 7 });
    let ours = server.ask("/v1/chat/completions", &asked);
    let whole = ours["choices"][0]["message"]["content"].as_str().expect("a text");
    assert_eq!((&said["whole"], &said["streamed"]), (&json!(whole), &json!(whole)));
    assert!(said["parts"].as_u64().is_some_and(|parts| parts > 4), "{said}");
    assert_eq!(said["alternatives"], json!(vec![3; 12]));
    assert_eq!(
        (&said["tokens"], &said["usage"], &said["reason"]),
        (&json!(12), &json!(12), &json!("length"))
    );
    let stop = said["stop"].as_str().expect("a text");
    let cut = &whole[..whole.find(stop).expect("a part of the text")];
    assert_eq!((&said["stopped"], &said["stopped_by"]), (&json!(cut), &json!("stop")));
    assert!(said["completion"].as_str().is_some_and(|text| !text.is_empty()), "{said}");
    assert!(said["age"].as_i64().is_some_and(|age| (10..=99).contains(&age)), "{said}");
    let refusal = said["refusal"].as_str().expect("a sentence");
    assert!(refusal.starts_with("404: there is no model"), "{refusal}");
}

#[test]
fn other_sites_are_refused_and_so_is_a_name_that_leads_here() {
    let server = start(0);
    let asked = |host: &str, origin: &str| {
        server.raw(&format!(
            "GET /api/models HTTP/1.1\r\nHost: {host}\r\n{origin}Connection: close\r\n\r\n"
        ))
    };
    assert_eq!(asked(&server.address, "").0, 200);
    assert_eq!(asked(&server.address, &format!("Origin: http://{}\r\n", server.address)).0, 200);
    for (host, origin) in [
        (&server.address[..], "Origin: http://evil.example\r\n"),
        (&server.address, "Origin: null\r\n"),
        ("evil.example", ""),
    ] {
        let (status, sentence) = asked(host, origin);
        assert!(
            status == 403 && sentence.contains("message"),
            "{host} {origin}: {status} {sentence}"
        );
    }
}

#[test]
fn what_makes_no_sense_or_is_too_much_is_refused_with_a_sentence_and_the_server_goes_on() {
    let server = start(0);
    let long = "word ".repeat(9000);
    let huge = "x".repeat(2 << 20);
    for (path, body, status, part) in [
        ("/v1/completions", "{", 400, "the request makes no sense"),
        ("/v1/completions", "[]", 400, "expected an object"),
        ("/v1/completions", "{}", 400, "a prompt is missing"),
        ("/v1/completions", "{\"prompt\":[1.5]}", 400, "a list of texts, or a list of ids was expected"),
        ("/v1/completions", "{\"prompt\":\"\\ud83d\"}", 400, "the request makes no sense"),
        ("/v1/completions", "{\"prompt\":\"a\",\"temperature\":NaN}", 400, "the request makes no sense"),
        ("/v1/completions", "{\"prompt\":\"a\",\"max_tokens\":-1}", 400, "integer `-1`"),
        ("/v1/completions", "{\"prompt\":\"a\",\"response_format\":5}", 400, "response_format names no type"),
        ("/v1/completions", &json!({ "prompt": huge }).to_string(), 413, "more than 1048576 bytes"),
        ("/v1/completions", &json!({ "prompt": long }).to_string(), 400, "8192 are the most"),
        ("/v1/completions", &json!({ "prompt": "a", "max_tokens": 5000 }).to_string(), 400, "from 1 to 4096"),
        ("/v1/completions", &json!({ "prompt": "a", "temperature": -1 }).to_string(), 400, "temperature is -1"),
        ("/v1/completions", &json!({ "prompt": [50257] }).to_string(), 400, "id 50257 is outside"),
        ("/v1/completions", &json!({ "prompt": "a", "n": 2 }).to_string(), 400, "n must be 1"),
        ("/v1/completions", &json!({ "prompt": "a", "model": "../../etc" }).to_string(), 404, "there is no model"),
        ("/v1/completions", &json!({ "prompt": "a", "stream": true, "stop": [""] }).to_string(), 400, "a stop text is empty"),
        ("/v1/chat/completions", "{}", 400, "messages are missing"),
        ("/v1/chat/completions", &json!({ "messages": [{ "role": "user", "content": "a" }], "response_format": { "type": "json_object" } }).to_string(), 400, "response_format"),
        ("/api/look", "{\"ids\":[]}", 400, "no token to look at"),
        ("/api/look", "{\"idz\":[]}", 400, "unknown field"),
        ("/api/next", "{\"ids\":[-1]}", 400, "id -1 is outside"),
        ("/v1/models", "{}", 405, "GET to look"),
    ] {
        let (found, sentence) = server.post(path, body);
        assert!(found == status && sentence.contains(part), "{path}: {found} {sentence}");
    }
    for (path, status, part) in [
        ("/api/metrics?run=../../etc", 404, "there is no run"),
        ("/api/metrics", 400, "missing field `run`"),
        ("/%ff", 404, "there is nothing here"),
    ] {
        let (found, said) = server.get(path);
        let said: Value = serde_json::from_str(&said).expect("JSON");
        let sentence = said["error"]["message"].as_str().expect("a sentence");
        assert!(found == status && sentence.contains(part), "{path}: {found} {sentence}");
    }
    assert_eq!(server.raw("rubbish\r\n\r\n").0, 400);
    assert!(!text(&server.complete("a", &json!({ "temperature": 0 }))).is_empty());
}

#[test]
fn a_client_that_leaves_has_nothing_more_written() {
    let server = start(0);
    let body =
        |asked: &str| format!(r#"{{ {asked}, "max_tokens": 1000, "temperature": 1, "seed": 7 }}"#);
    let page = body(r#""ids": [1, 2, 3]"#);
    for (path, body) in [
        ("/api/write", page),
        ("/v1/completions", body(r#""prompt": "a", "stream": true"#)),
        ("/v1/completions", body(r#""prompt": "a""#)),
    ] {
        let began = Instant::now();
        assert_eq!(server.post(path, &body).0, 200);
        let one_text = began.elapsed();
        let clients: Vec<TcpStream> = (0..4).map(|_| server.send(path, &body)).collect();
        thread::sleep(one_text / 10); // the first is being written, the others wait
        drop(clients);
        let left = Instant::now();
        server.complete("a", &json!({ "max_tokens": 1 }));
        let waited = left.elapsed();
        assert!(waited < one_text / 2, "{path}: {waited:?} for nobody, {one_text:?} for a text");
    }
}

/// What is written of an order, and after how many tokens somebody panics.
fn written(thread: &ModelThread, panics_after: usize) -> Result<Vec<String>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let order = Order {
        prompt: vec![1, 2, 3],
        max_tokens: 8,
        sampling: Sampling { temperature: 1.0, top_k: None, top_p: None },
        seed: Some(7),
        stop: Vec::new(),
        likeliest: 0,
        form: None,
    };
    let work = thread.ask(None, move |desk, _| {
        let mut texts = Vec::new();
        write(desk, &order, |written| {
            assert!(texts.len() < panics_after, "a panic on purpose");
            texts.push(written.text);
            ControlFlow::Continue(())
        })?;
        Ok(texts)
    });
    runtime.block_on(work).map_err(|refusal| format!("{refusal:?}"))
}

#[test]
fn work_that_panics_is_answered_with_a_sentence_and_ends_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    small_model(folder.path());
    let name = folder.path().display().to_string();
    let lesson = Some(CodePath::Lesson);
    let how = Computation { device: Device::Cpu, threads: 1, dtype: Dtype::F32, path: lesson };
    let loaded = Loaded::new(&name, Device::Cpu, lesson).expect("a model");
    let catalogue = Catalogue::new(&name, folder.path());
    let thread = ModelThread::start(loaded, catalogue, how).expect("a thread");
    let before = written(&thread, usize::MAX);
    assert!(before.as_ref().is_ok_and(|texts| texts.len() >= 8), "{before:?}");
    let said = written(&thread, 4).expect_err("a panic");
    assert!(said.contains("500") && said.contains("something went wrong"), "{said}");
    assert_eq!(written(&thread, usize::MAX), before);
}

#[test]
fn a_taken_port_is_passed_over_and_control_c_frees_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let mut server = start(port);
    let next: u16 =
        server.address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    assert!(next > port && next <= port + 100, "{next} after {port}");
    assert_eq!(server.get("/").0, 200);
    let asked = Command::new("kill").args(["-INT", &server.child.id().to_string()]).status();
    assert!(asked.expect("kill runs").success());
    let ended = server.child.wait().expect("it ends");
    assert!(ended.success(), "{ended}");
    TcpListener::bind(&server.address).expect("its port is free again");
    let mut rest = String::new();
    server.stdout.read_to_string(&mut rest).expect("what it said");
    assert!(rest.contains(&format!("http://{}/v1", server.address)), "{rest}");
}

#[test]
fn what_is_looked_into_is_drawn_from_whole_characters_or_bytes_and_losses_are_those_of_the_text() {
    let server = start(0);
    let cut = server.ask("/api/tokens", &json!({ "text": "a👇" }));
    assert!(cut["pieces"].as_array().expect("pieces").iter().any(Value::is_array), "{cut}");
    let seen = server.ask("/api/look", &json!({ "ids": cut["ids"] }));
    assert_eq!(seen["pieces"], cut["pieces"]);
    let positions = cut["ids"].as_array().expect("ids").len();
    assert_eq!(seen["lens"].as_array().map(Vec::len), Some(3), "before and behind two blocks");
    assert_eq!(seen["lengths"][0].as_array().map(Vec::len), Some(positions));
    let many: Vec<i64> = (0..70).collect();
    assert_eq!(server.ask("/api/look", &json!({ "ids": many }))["left_out"], 6);
    let next = server.ask("/api/next", &json!({ "ids": cut["ids"], "temperature": 1 }));
    assert_eq!(seen["lens"][2][positions - 1][0][0], next["likeliest"][0][0]);
    let said = server.ask("/api/losses", &json!({ "text": "Once upon" }));
    let losses: Vec<f64> =
        serde_json::from_value(said["losses"].clone()).expect("a loss for each token");
    assert_eq!(losses.len(), 2);
    let mut text = vec![END_OF_TEXT];
    for (id, loss) in ids(&said["ids"]).into_iter().zip(losses) {
        let gap = loss + logprobs_behind(&server, &text)[id as usize];
        assert!(gap.abs() < 1e-4, "{id} behind {text:?}: {loss}, {gap:e}");
        text.push(id);
    }
}

#[test]
fn a_page_or_a_figure_is_written_as_a_file_and_not_over_another() {
    let folder = tempfile::tempdir().expect("a folder");
    small_model(folder.path());
    let model = model::format::load(folder.path(), Device::Cpu).expect("a model");
    for (name, mut parameter) in model.parameters() {
        if name.contains("query.weight") || name.contains("key.weight") {
            tch::no_grad(|| parameter.copy_(&(&parameter * 30.0))); // so that heads differ
        }
    }
    export::export(folder.path(), &model).expect("a writable folder");
    let inspect = |out: &str, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_finetune"));
        command.args(["inspect", "--prompt", "The </script> rabbit", "--weights"]);
        command.arg(folder.path()).arg("--out").arg(folder.path().join(out)).args(more);
        let output = command.output().expect("the command runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let written = std::fs::read_to_string(folder.path().join(out)).unwrap_or_default();
        if output.status.success() { Ok(written) } else { Err(said) }
    };
    let page = inspect("page.html", &[]).expect("a page");
    assert!(
        page.contains("\"lens\":") && page.contains("\" \\u003c/\""),
        "a piece that may end the script"
    );
    let said = inspect("page.html", &[]).expect_err("it is there already");
    assert!(said.contains("is there already"), "{said}");
    let tokens = 5; // "The", " </", "script", ">", " rabbit"
    let fields = |svg: &str| svg.matches("<rect").count();
    let attention = trace(&model, &BytePairEncoder::gpt2().encode("The </script> rabbit"))
        .expect("its ids")
        .attention; // [L, H, T, T]
    for (out, head) in [("head.svg", 0), ("other.svg", 1)] {
        let svg = inspect(out, &["--head", &format!("2.{}", head + 1)]).expect("a figure");
        assert_eq!(fields(&svg), tokens * (tokens + 1) / 2, "{svg}");
        let shown = svg.split("</text>").filter_map(|part| part.rsplit('>').next());
        let shown: Vec<&str> = shown.filter(|word| word.parse::<f64>().is_ok()).collect();
        let below = |reader: i64| (0..=reader).map(move |read| [1, head, reader, read]);
        let weights = (0..tokens as i64).flat_map(below).map(|at| attention.double_value(&at));
        assert_eq!(shown, weights.map(|weight| format!("{weight:.2}")).collect::<Vec<_>>());
    }
    let lens = inspect("lens.svg", &["--lens"]).expect("a figure");
    let words = |svg: &str| svg.matches("<text").count();
    assert_eq!((fields(&lens), words(&lens)), (tokens * 3, 3 + tokens + tokens * 3), "{lens}");
    for (head, sentence) in [("2.3", "head 3: there are 1 to 2"), ("3", "as 3.4")] {
        let said = inspect("none.svg", &["--head", head]).expect_err("there is no such head");
        assert!(said.contains(sentence), "{said}");
    }
}
