//! The file that `export --gguf` writes, in llama.cpp and in its own reader. Needs an environment of its own, in which llama.cpp is
//! compiled for minutes, so that `cargo xtask reference` does not make it.

use embedding::{
    bpe::{BytePairEncoder, END_OF_TEXT},
    support::texts::{PROSE, STORY, project_root},
};
use finetune::{
    export::{self, GGUF},
    instructions::Entry,
    judge::Verdict,
    run::judge::{Form, Judge},
};
use model::{
    config::Gpt2Config,
    format::{gguf::NumberType, tokenizer, tokenizer_files},
    generate::greedy,
    gpt2::Gpt2,
};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tch::{Device, Kind, Tensor};

const PROMPT: &str = "At the end of the";
/// A model whose feed-forward network is not four times as wide as its stream.
const SIZES: Gpt2Config =
    Gpt2Config { context: 64, channels: 32, heads: 2, layers: 2, hidden: 96, ..Gpt2Config::SMALL };

/// The interpreter with llama.cpp, or a skip with one line.
fn llama_cpp() -> Option<PathBuf> {
    let own = project_root().join(".venv-gguf/bin/python");
    let python = std::env::var_os("GPT2_LLAMA_CPP")
        .map(PathBuf::from)
        .or_else(|| own.exists().then_some(own));
    if python.is_none() {
        eprintln!(
            "skipped: there is no .venv-gguf; data/reference/read_gguf.py says how it is made"
        );
    }
    python
}

/// A model drawn so widely that its likeliest tokens stand out.
fn drawn(config: Gpt2Config) -> Gpt2 {
    let model = Gpt2::new(config, Device::Cpu).expect("a possible model");
    let _guard = tch::no_grad_guard();
    for (number, (_, mut parameter)) in model.parameters().into_iter().enumerate() {
        let numbers = Tensor::arange(parameter.numel() as i64, (Kind::Double, Device::Cpu));
        // Spread as if by chance, and the same wherever the test runs, beside others that draw.
        let spread = (numbers * 12.9898 + number as f64).sin() * 43758.547;
        let spread = (&spread - spread.floor() - 0.5) * 0.7;
        parameter.copy_(&spread.view_as(&parameter));
    }
    model
}

/// Exports the model with its file of this type, whose path is returned.
fn exported(folder: &Path, model: &Gpt2, number_type: NumberType) -> PathBuf {
    export::export(folder, model).expect("a writable folder");
    export::write_gguf(folder, model, number_type).expect("a writable folder");
    let file = folder.join(format!("{number_type}.gguf"));
    fs::rename(folder.join(GGUF), &file).expect("the file");
    file
}

/// What `read_gguf.py` says of a file, beside one of the same model in float32.
fn read(python: &Path, file: &Path, exact: &Path, text: &str) -> Value {
    let script = project_root().join("data/reference/read_gguf.py");
    let mut command = Command::new(python);
    command.arg(script).arg(file).arg(text).arg("--beside").arg(exact);
    let output = command.output().expect("Python runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

fn ids(value: &Value) -> Vec<i64> {
    serde_json::from_value(value.clone()).expect("a list of ids")
}

/// Checks that llama.cpp has our ids, our greedy text and, within a part of their norm, our logits.
fn agrees(model: &Gpt2, encoder: &BytePairEncoder, theirs: &Value, text: &str, tolerance: f64) {
    let prompt = encoder.encode(text);
    assert_eq!(ids(&theirs["ids"]), prompt);
    assert_eq!(theirs["context"], model.config.context);
    let logits: Vec<f64> = serde_json::from_value(theirs["logits"].clone()).expect("logits");
    let ours =
        model.forward(&Tensor::from_slice(&prompt).unsqueeze(0), false).select(1, -1).squeeze();
    let gap = (&ours - Tensor::from_slice(&logits)).norm() / ours.norm();
    let gap = gap.double_value(&[]);
    println!("{}: logits differ by {gap:e} of their norm", theirs["versions"]);
    assert!(gap < tolerance, "{gap:e} of the norm of the logits");
    let written = greedy(model, &prompt, 12);
    assert_eq!(ids(&theirs["greedy"]), written);
    assert_eq!(theirs["text"], encoder.decode(&written).expect("known ids"));
}

#[test]
fn llama_cpp_has_our_ids_logits_and_text_in_each_type_and_its_own_writer_our_bytes() {
    let Some(python) = llama_cpp() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let model = drawn(SIZES);
    let exact = exported(folder.path(), &model, NumberType::F32);
    // Of 8 bits, 1/254 of the largest of 32 is lost at most, and the inputs of each layer are rounded as well.
    for (number_type, name, tolerance) in [
        (NumberType::F32, "F32", 1e-5),
        (NumberType::F16, "F16", 1e-3),
        (NumberType::Q8_0, "Q8_0", 0.03),
    ] {
        let file = exported(folder.path(), &model, number_type);
        let theirs = read(&python, &file, &exact, PROMPT);
        assert_eq!(theirs["otherwise"], Value::Array(Vec::new()), "{name}");
        for (tensor, expected) in [
            ("token_embd.weight", name),
            ("blk.1.attn_qkv.weight", name),
            ("blk.0.ffn_down.weight", name),
            ("position_embd.weight", "F32"),
            ("blk.0.attn_norm.weight", "F32"),
        ] {
            assert_eq!(theirs["types"][tensor], expected, "{tensor}");
        }
        assert!(theirs["types"]["output.weight"].is_null(), "a tied head is not stored");
        agrees(&model, BytePairEncoder::gpt2(), &theirs, PROMPT, tolerance);
    }
}

#[test]
fn a_tokenizer_of_ones_own_with_padded_rows_a_head_and_no_bias_goes_in() {
    let Some(python) = llama_cpp() else { return };
    let own = train::run::tokenizer::learn(&[STORY.to_owned(), PROSE.to_owned()], 1500, None)
        .expect("pairs");
    let folder = tempfile::tempdir().expect("a folder");
    tokenizer_files::write_own(folder.path(), &own.encoder, 64).expect("room");
    let model = drawn(Gpt2Config { vocab_size: 1536, tied: false, qkv_bias: false, ..SIZES });
    let file = exported(folder.path(), &model, NumberType::F32);
    let text = "it's  we'LL nai\u{308}ve \u{4e00} x\u{b2} 42\n\n the\u{a0}tortoise <|endoftext|>";
    let theirs = read(&python, &file, &file, text);
    let read_back = tokenizer::of(folder.path(), 1536).expect("its own");
    assert_eq!(ids(&theirs["ids"]), read_back.encoder.encode(text));
    let prompt = "The tortoise";
    let theirs = read(&python, &file, &file, prompt);
    let logits: Vec<f64> = serde_json::from_value(theirs["logits"].clone()).expect("logits");
    assert_eq!(logits.len(), 1536);
    agrees(&model, &read_back.encoder, &theirs, prompt, 1e-5);
}

/// Makes a model write a mark wherever it is held to JSON of our schema: `:`, then `7`, then `}`, then the end.
fn judging(model: &Gpt2) {
    let named = model.store.variables();
    tch::no_grad(|| {
        let _ = named["norm.weight"].shallow_clone().fill_(0.0);
        let _ = named["norm.bias"].shallow_clone().fill_(0.0);
        let _ = named["norm.bias"].get(0).fill_(1.0);
        for (text, logit) in [(":", 11.0), ("7", 12.0), ("}", 13.0)] {
            let id = BytePairEncoder::gpt2().encode(text)[0];
            let _ = named["token.weight"].get(id).get(0).fill_(logit);
        }
        let _ = named["token.weight"].get(END_OF_TEXT).get(0).fill_(14.0);
    });
}

/// The server of llama-cpp-python refuses the schema as OpenAI wants it given, with status 500, and takes it beside `json_object`.
#[test]
fn a_real_server_of_the_common_dialect_gives_marks_that_are_read() {
    let Some(python) = llama_cpp() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let config = Gpt2Config {
        context: 1024,
        channels: 8,
        heads: 2,
        layers: 1,
        hidden: 32,
        ..Gpt2Config::SMALL
    };
    let model = Gpt2::new(config, Device::Cpu).expect("a possible model");
    model.initialize_as_gpt2();
    judging(&model);
    let file = exported(folder.path(), &model, NumberType::F32);
    let script = project_root().join("data/reference/judge_server.py");
    let mut server = Command::new(python)
        .arg(script)
        .arg(file)
        .stdin(Stdio::piped()) // it ends with us
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let mut line = String::new();
    let stdout = server.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let said: Value = serde_json::from_str(&line).expect("an address");
    println!("{}", said["versions"]);

    let judge = Judge::openai(said["address"].as_str().expect("an address"), "any");
    let entry =
        Entry { instruction: "Name a pet.".into(), output: "cat".into(), ..Entry::default() };
    let verdicts = ["dog", "cat"].map(|answer| judge.mark(&entry, answer));
    drop(server.stdin.take());
    assert!(server.wait().expect("it ends").success());
    for verdict in verdicts {
        assert_eq!(verdict.expect("an answer"), Verdict::Mark(7));
    }
    assert_eq!(judge.form(), Some(Form::Object));
}
