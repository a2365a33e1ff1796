//! What is compared with what.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use xtask::datasets;

use super::compare::Entrant;
use super::page::Unit;
use super::provide;

/// The groups, in the order in which they run.
pub const GROUPS: [&str; 8] =
    ["train", "small", "finetune", "prefill", "decode", "load", "tokenize", "vocabulary"];

/// One comparison: one shape of work, ours and its peers.
pub struct Case {
    /// Names it in `BENCHMARKS.md`.
    pub key: String,
    /// What is done, in words.
    pub title: String,
    /// How its figures are given.
    pub unit: Unit,
    /// Ours.
    pub ours: Entrant,
    /// The others.
    pub peers: Vec<Entrant>,
}

/// What all contenders of a run are given.
pub struct Setting<'a> {
    /// The project's folder.
    pub root: &'a Path,
    /// Our contender.
    pub ours: &'a Path,
    /// The interpreter of the peers.
    pub python: &'a Path,
    /// The model's folder.
    pub model: &'a Path,
    /// Threads of each contender.
    pub threads: usize,
    /// The model's size in that of GPT-2 124M, for which the need of memory is estimated.
    pub scale: f64,
}

/// The comparisons of a group; with `grow` those other shapes that show how cost grows.
///
/// # Errors
/// If the group needs data that is not there; the message says how to get it.
pub fn cases(setting: &Setting, group: &str, grow: bool) -> Result<Vec<Case>> {
    Ok(match group {
        "train" if grow => {
            let shapes = [(2, 128), (2, 512), (2, 1024), (1, 256), (4, 256), (8, 256)];
            shapes.map(|(batch, context)| train(setting, batch, context, "f32", &["eager"])).into()
        }
        "train" => vec![
            train(setting, 2, 256, "f32", &["eager", "compiled", "transformers", "book"]),
            train(setting, 4, 1024, "f32", &["eager", "compiled"]),
            train(setting, 2, 256, "bf16", &["eager", "compiled"]),
            train(setting, 4, 1024, "bf16", &["eager", "compiled"]),
        ],
        "small" => vec![
            small(setting, "tales", 16, 128, "f32")?,
            small(setting, "tales", 16, 128, "bf16")?,
            small(setting, "nanogpt", 12, 64, "f32")?,
        ],
        "finetune" => vec![finetune(setting, "f32")?, finetune(setting, "bf16")?],
        "prefill" if grow => [128, 256, 1000].map(|prompt| generation(setting, group, "f32", prompt)).into(),
        "decode" if grow => [256, 512, 880].map(|prompt| generation(setting, group, "f32", prompt)).into(),
        "prefill" => ["f32", "bf16", "int8"].map(|dtype| generation(setting, group, dtype, 512)).into(),
        "decode" => ["f32", "bf16", "int8"].map(|dtype| generation(setting, group, dtype, 32)).into(),
        "load" => vec![Case {
            key: "load".into(),
            title: "from the start of the program to its first token, and what reading the weight file alone takes"
                .into(),
            unit: Unit::Milliseconds,
            ours: ours(setting, "load", &["--style", "start"], 1.5),
            peers: vec![
                ours(setting, "load", &["--style", "read"], 1.0),
                python(setting, "first_token.py", "load", &[], 2.0),
            ],
        }],
        "tokenize" => vec![tokenize(setting)?],
        "vocabulary" => vec![vocabulary(setting)?],
        other => bail!("there is no group {other}; the groups are {}", GROUPS.join(", ")),
    })
}

/// A model that a computer trains in minutes, beside the same loop in PyTorch.
fn small(setting: &Setting, name: &str, batch: usize, context: usize, dtype: &str) -> Result<Case> {
    let model = provide::model(setting.root, setting.python, name)?;
    let setting = Setting { model: &model, scale: 0.2, ..*setting };
    let case = train(&setting, batch, context, dtype, &["eager", "compiled"]);
    Ok(Case {
        key: format!("small-{name}{}", case.key.trim_start_matches("train")),
        title: format!("the small model {name}: {}", case.title),
        ..case
    })
}

fn train(setting: &Setting, batch: usize, context: usize, dtype: &str, styles: &[&str]) -> Case {
    let tokens = (batch * context) as f64;
    // Weights, gradients, two moments; what a token leaves behind until the backward pass has seen it.
    let need_gb = |gb_per_token: f64| 2.8 + tokens * gb_per_token;
    let (batch, context) = (batch.to_string(), context.to_string());
    let shape = ["--batch", &batch, "--context", &context, "--dtype", dtype];
    let (suffix, precision) = in_words(dtype);
    let peer = |style: &&str| {
        let need_gb = need_gb(if *style == "book" { 0.0048 } else { 0.0014 });
        let arguments = [&["--style", style][..], &shape].concat();
        python(setting, "train_pytorch.py", "train", &arguments, need_gb)
    };
    Case {
        key: format!("train{suffix}-{batch}x{context}"),
        title: format!("training{precision}, {batch} sequences of {context} tokens a step"),
        unit: Unit::Tokens,
        ours: ours(setting, "train", &shape, need_gb(0.0014)),
        peers: styles.iter().map(peer).collect(),
    }
}

/// What a precision adds to a name and to a title.
fn in_words(dtype: &str) -> (&str, &str) {
    if dtype == "bf16" { ("-bf16", " in mixed precision") } else { ("", "") }
}

fn finetune(setting: &Setting, dtype: &str) -> Result<Case> {
    let data = data(setting, "instruction-data")?;
    let (shape, style) = (["--data", data.as_str(), "--dtype", dtype], ["--style", "eager"]);
    let arguments = [&style[..], &shape].concat();
    let ((suffix, precision), batches) = (in_words(dtype), "batches of 8 padded to the longest");
    Ok(Case {
        key: format!("finetune{suffix}"),
        title: format!("fine-tuning{precision} on 64 entries of the instruction data, {batches}"),
        unit: Unit::Entries,
        ours: ours(setting, "finetune", &shape, 5.0),
        peers: vec![python(setting, "train_pytorch.py", "finetune", &arguments, 5.0)],
    })
}

fn generation(setting: &Setting, group: &str, dtype: &str, prompt: usize) -> Case {
    let length = prompt.to_string();
    let shape = ["--dtype", dtype, "--prompt", &length];
    let peer = |script: &str, style: &[&str]| {
        python(setting, script, group, &[style, &shape].concat(), 2.0)
    };
    let llama = provide::folder(setting.root).join("llama.cpp").display().to_string();
    let mut peers = vec![
        peer("generate.py", &["--style", "transformers"]),
        peer("generate.py", &["--style", "ctranslate2"]),
        peer("llama_cpp.py", &["--llama", &llama]),
    ];
    if dtype == "int8" {
        peers.remove(0); // transformers has no such weights
    }
    let what = if group == "prefill" {
        format!("reading a prompt of {prompt} tokens")
    } else {
        format!("writing 128 tokens after a prompt of {prompt}")
    };
    Case {
        key: format!("{group}-{dtype}-{prompt}"),
        title: format!("{group}: {what}, weights in {dtype}"),
        unit: Unit::Tokens,
        ours: ours(setting, group, &shape, 2.0),
        peers,
    }
}

fn tokenize(setting: &Setting) -> Result<Case> {
    let data = data(setting, "tiny-shakespeare")?;
    let with = |style| ["--data", data.as_str(), "--style", style];
    Ok(Case {
        key: "tokenize".into(),
        title: "encoding the first 1,000,000 bytes of tiny Shakespeare".into(),
        unit: Unit::Tokens,
        ours: ours(setting, "tokenize", &with("ours"), 0.5),
        peers: vec![
            ours(setting, "tokenize", &with("tiktoken-rs"), 0.5),
            python(setting, "tokenize_text.py", "tokenize", &with("tiktoken"), 0.5),
        ],
    })
}

fn vocabulary(setting: &Setting) -> Result<Case> {
    let (texts, bytes) = provide::texts(setting.root)?;
    let texts = texts.display().to_string();
    let data = ["--data", texts.as_str()];
    Ok(Case {
        key: "vocabulary".into(),
        title: format!("learning 4,096 entries from {bytes} bytes of the texts that are here"),
        unit: Unit::Milliseconds,
        ours: ours(setting, "vocabulary", &data, 1.0),
        peers: vec![python(setting, "vocabulary.py", "vocabulary", &data, 1.0)],
    })
}

fn data(setting: &Setting, name: &str) -> Result<String> {
    let path = datasets::path(setting.root, name)?;
    let path =
        path.with_context(|| format!("{name} is not there; get it by: cargo xtask fetch {name}"))?;
    Ok(path.display().to_string())
}

fn ours(setting: &Setting, group: &str, arguments: &[&str], need_gb: f64) -> Entrant {
    let mut command = Command::new(setting.ours);
    command.arg(group).args(arguments);
    entrant(setting, command, format!("ours {}", arguments.join(" ")), need_gb)
}

fn python(setting: &Setting, script: &str, group: &str, words: &[&str], need_gb: f64) -> Entrant {
    let mut command = Command::new(setting.python);
    command.arg(setting.root.join("data/bench").join(script)).arg(group).args(words);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let label = match words {
        ["--style", style, ..] => style,
        _ => script.trim_end_matches(".py"),
    };
    entrant(setting, command, label.to_owned(), need_gb)
}

fn entrant(setting: &Setting, mut command: Command, label: String, need_gb: f64) -> Entrant {
    command.current_dir(setting.root).arg("--model").arg(setting.model);
    command.args(["--threads", &setting.threads.to_string()]);
    Entrant { label, command, need_gb: need_gb * setting.scale }
}
