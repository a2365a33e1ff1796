//! The file that `export --gguf` writes, in llama.cpp and in its own reader. Needs an environment of its own, in which llama.cpp is
//! compiled for minutes, so that `cargo xtask reference` does not make it.

mod small;

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

/// Our logits behind the last token, with GELU as llama.cpp has it: looked up in a table whose inputs and outputs are 16-bit floats,
/// whatever the file's type is (`ggml_vec_gelu_f32` in `ggml-cpu/vec.h`).
fn logits_with_gelu_by_table(model: &Gpt2, ids: &[i64]) -> Tensor {
    let (config, named) = (model.config, model.store.variables());
    let (t, c, h) = (ids.len() as i64, config.channels, config.heads);
    let weight = |name: &str| &named[&format!("{name}.weight")];
    let bias = |name: &str| named.get(&format!("{name}.bias"));
    let norm = |x: &Tensor, name: &str| {
        x.layer_norm([c], Some(weight(name)), bias(name), config.norm_epsilon, false)
    };
    let linear = |x: &Tensor, name: &str| x.linear(weight(name), bias(name));
    let half = |x: &Tensor| x.to_kind(Kind::Half).to_kind(Kind::Float);
    let embedded = weight("token").index_select(0, &Tensor::from_slice(ids));
    let mut x = embedded + weight("position").narrow(0, 0, t); // [T, C]
    for layer in 0..config.layers {
        let part = |name: &str| format!("blocks.{layer}.{name}");
        let read = norm(&x, &part("norm1"));
        let [q, k, v] = ["attention.query", "attention.key", "attention.value"]
            .map(|name| linear(&read, &part(name)).view([t, h, c / h]).transpose(0, 1)); // [H, T, D]
        let mixed = Tensor::scaled_dot_product_attention(
            &q,
            &k,
            &v,
            None::<Tensor>,
            0.0,
            true,
            None,
            false,
        );
        let merged = mixed.transpose(0, 1).reshape([t, c]); // [T, C]
        x += linear(&merged, &part("attention.output"));
        let widened = half(&linear(&norm(&x, &part("norm2")), &part("feed_forward.up"))); // [T, F]
        x += linear(&half(&widened.gelu("tanh")), &part("feed_forward.down"));
    }
    let head = if config.tied { "token" } else { "head" };
    linear(&norm(&x.narrow(0, t - 1, 1), "norm"), head).squeeze() // [V]
}

/// By how much of the norm of `expected` the other differs.
fn gap(other: &Tensor, expected: &Tensor) -> f64 {
    ((other - expected).norm() / expected.norm()).double_value(&[])
}

/// Checks that llama.cpp has our ids, our greedy text and, within a part of their norm, our logits but for the rounding of its GELU.
///
/// Measured with llama-cpp-python 0.3.36 on a processor with AVX-512, as parts of the norm: in float32 1.0e-4 and 2.4e-4 beside our own
/// logits, 2.0e-7 and 1.6e-7 beside those with GELU by the table; in f16 5.4e-4 and in `q8_0` 9.0e-3, either way.
fn agrees(model: &Gpt2, encoder: &BytePairEncoder, theirs: &Value, text: &str, tolerance: f64) {
    let prompt = encoder.encode(text);
    assert_eq!(ids(&theirs["ids"]), prompt);
    assert_eq!(theirs["context"], model.config.context);
    let logits: Vec<f64> = serde_json::from_value(theirs["logits"].clone()).expect("logits");
    let logits = Tensor::from_slice(&logits);
    let exact =
        model.forward(&Tensor::from_slice(&prompt).unsqueeze(0), false).select(1, -1).squeeze();
    let rounded = logits_with_gelu_by_table(model, &prompt);
    let (table, left) = (gap(&rounded, &exact), gap(&logits, &rounded));
    println!(
        "{}: logits differ by {:e} of their norm, by {left:e} from ours with GELU by a table, which differ by {table:e}",
        theirs["versions"],
        gap(&logits, &exact)
    );
    assert!(table < 1e-3, "{table:e} of the norm of the logits, by the table of GELU alone");
    assert!(left < tolerance, "{left:e} of the norm of the logits");
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
    // Rows that stand for no token are never the likeliest in a model that has learned.
    let known = own.encoder.vocab_size() as i64;
    let unknown = model.store.variables()["head.weight"].narrow(0, known, 1536 - known);
    let _ = tch::no_grad(|| unknown.shallow_clone().zero_());
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

/// A model that writes a mark wherever it is held to JSON of our schema: `":` or `:`, then a minus where `minus` prefers it and the form
/// allows it, then `7`, then `}`, then the end.
fn judging(minus: f64) -> Gpt2 {
    let id = |text: &str| BytePairEncoder::gpt2().encode(text)[0];
    let marks = [("\":", 10.0), (":", 11.0), ("7", 12.0), ("-", minus), ("}", 13.0)];
    let marks = marks.map(|(text, logit)| (id(text), logit));
    let ids = [&marks[..], &[(END_OF_TEXT, 14.0)]].concat();
    small::always(Gpt2Config { context: 1024, ..small::SIZES }, &ids)
}

/// What a judge says of two answers behind the server of llama-cpp-python, which refuses the schema as OpenAI wants it given, with status
/// 500, and takes it beside `json_object`.
fn verdicts(python: &Path, model: &Gpt2) -> [Verdict; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    let file = exported(folder.path(), model, NumberType::F32);
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
    assert_eq!(judge.form(), Some(Form::Object));
    verdicts.map(|verdict| verdict.expect("an answer"))
}

#[test]
fn a_real_server_of_the_common_dialect_gives_marks_that_are_read() {
    let Some(python) = llama_cpp() else { return };
    let mark = || Verdict::Mark(7);
    assert_eq!(verdicts(&python, &judging(0.0)), [mark(), mark()]);
}

/// Its grammar knows no `minimum`: it allows what the schema forbids.
#[test]
fn a_mark_below_the_least_that_a_real_server_allows_is_no_mark() {
    let Some(python) = llama_cpp() else { return };
    for verdict in verdicts(&python, &judging(12.5)) {
        assert!(matches!(&verdict, Verdict::Unusable(text) if text.contains("-7")), "{verdict:?}");
    }
}
