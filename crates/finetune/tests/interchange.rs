//! What we export, the field's own tools take and give back. Needs the Python environment of `cargo xtask reference`.

use embedding::{
    bpe::{BytePairEncoder, END_MARK},
    fast::FastEncoder,
    support::texts::{PROSE, STORY, project_root},
};
use finetune::{export, instructions::Entry};
use model::{
    config::Gpt2Config,
    format::{self, tokenizer_files},
    generate::greedy,
    gpt2::Gpt2,
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tch::{Device, Tensor};
use train::run::tokenizer;

const PROMPT: &str = "At the end of the";

/// libtorch has one generator for all threads: whoever draws from it waits here.
fn generator() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The interpreter with transformers, or a skip with one line; with `GPT2_REQUIRE_DATA=1` a skip is a failure.
fn python() -> Option<PathBuf> {
    let own = project_root().join(".venv/bin/python");
    let python =
        std::env::var_os("GPT2_PYTHON").map(PathBuf::from).or_else(|| own.exists().then_some(own));
    if python.is_none() {
        assert!(
            std::env::var_os("GPT2_REQUIRE_DATA").is_none(),
            "`cargo xtask reference` has made no .venv"
        );
        eprintln!("skipped: there is no .venv; `cargo xtask reference` makes it");
    }
    python
}

fn exported(folder: &Path) -> Gpt2 {
    let _lock = generator();
    tch::manual_seed(123);
    let config = Gpt2Config {
        context: 32,
        channels: 16,
        heads: 2,
        layers: 2,
        hidden: 64,
        ..Gpt2Config::SMALL
    };
    let model = Gpt2::new(config, Device::Cpu).expect("a possible model");
    model.initialize_as_gpt2();
    export::export(folder, &model).expect("a writable folder");
    model
}

fn json(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

fn ids(value: &Value) -> Vec<i64> {
    serde_json::from_value(value.clone()).expect("a list of ids")
}

/// Has a script of `data/reference/` read an exported folder and answer `PROMPT`: its ids, logits and greedy tokens must be ours.
/// Returns all that it said, and our greedy tokens.
fn agrees(python: &Path, script: &str) -> (Value, Vec<i64>) {
    let folder = tempfile::tempdir().expect("a folder");
    let model = exported(folder.path());
    let script = project_root().join("data/reference").join(script);
    let output = Command::new(python)
        .arg(script)
        .arg(folder.path())
        .arg(PROMPT)
        .output()
        .expect("Python runs");
    let theirs = json(&output);

    let prompt = BytePairEncoder::gpt2().encode(PROMPT);
    assert_eq!(ids(&theirs["ids"]), prompt);
    let logits: Vec<f64> = serde_json::from_value(theirs["logits"].clone()).expect("logits");
    let ours =
        model.forward(&Tensor::from_slice(&prompt).unsqueeze(0), false).select(1, -1).squeeze();
    let gap = (ours - Tensor::from_slice(&logits)).abs().max().double_value(&[]);
    println!("{}: largest difference of a logit {gap:e}", theirs["versions"]);
    assert!(gap < 1e-4, "largest difference {gap:e}");
    let written = greedy(&model, &prompt, 12);
    assert_eq!(ids(&theirs["greedy"]), written);
    (theirs, written)
}

#[test]
fn transformers_reads_the_exported_folder_and_gives_our_logits_text_and_prompt() {
    let Some(python) = python() else { return };
    let (theirs, written) = agrees(&python, "interchange.py");
    assert_eq!(theirs["text"], BytePairEncoder::gpt2().decode(&written).expect("known ids"));
    let entry = Entry { instruction: "Say hello.".into(), ..Entry::default() };
    assert_eq!(theirs["chat"], entry.prompt());
}

#[test]
fn transformers_reads_a_tokenizer_of_ones_own_and_gives_our_ids() {
    let Some(python) = python() else { return };
    let own = tokenizer::learn(&[STORY.to_owned(), PROSE.to_owned()], 1500, None).expect("pairs");
    let folder = tempfile::tempdir().expect("a folder");
    tokenizer_files::write_own(folder.path(), &own.encoder, 64).expect("room");
    // Not \u{85}, which is whitespace to Rust and to Python, but not to the library `tokenizers`.
    let mut texts = vec![
        "it's  we'LL\u{3000}nai\u{308}ve \u{4e00}\u{d55c} \u{1f468}\u{200d}\u{1f469} x\u{b2}\u{2167}\u{663}42".to_owned(),
        " \n\n\t  \r\n \u{a0}\u{2028} end".to_owned(),
        "\u{0}\u{fffd}\u{feff}\u{10ffff}__--unbelievability aaaaaaaaaaab".to_owned(),
        STORY.to_owned(),
    ];
    let shared = project_root().join("../shared/data/text");
    for entry in std::fs::read_dir(shared).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("a text");
        texts.push(text.replace(END_MARK, "")); // which transformers takes for the end of a text
    }
    let list = folder.path().join("texts.json");
    std::fs::write(&list, serde_json::to_string(&texts).expect("JSON")).expect("room");
    let script = project_root().join("data/reference/own_tokenizer.py");
    let output = Command::new(python).arg(script).arg(folder.path()).arg(list).output();
    let theirs = json(&output.expect("Python runs"));
    let fast = FastEncoder::proven(&own.encoder).expect("the lesson's ids");
    for theirs in theirs["both"].as_array().expect("two ways") {
        assert_eq!((&theirs["end"], &theirs["size"]), (&1499.into(), &1500.into()));
        for (number, text) in texts.iter().enumerate() {
            let ours = fast.encode(text);
            assert_eq!(ids(&theirs["ids"][number]), ours, "text {number}");
            assert_eq!(theirs["texts"][number], *text, "text {number}");
        }
    }
}

#[test]
fn training_goes_on_elsewhere_on_two_processes_and_comes_back() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    let before = exported(&ours);
    let text = folder.path().join("story.txt");
    std::fs::write(&text, STORY).expect("a file");
    let script = project_root().join("data/reference/continue_training.py");
    let mut command = Command::new(python);
    command.args(["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]);
    let output =
        command.arg(script).arg(&ours).arg(&text).arg(&theirs).output().expect("torchrun runs");
    let losses = json(&output);
    assert_eq!(losses["processes"], 2);
    let (first, last) =
        (losses["before"].as_f64().expect("a loss"), losses["after"].as_f64().expect("a loss"));
    println!("torchrun {}: loss {first:.3} before, {last:.3} after", losses["versions"]);
    assert!(last < first - 0.2, "{first} before, {last} after");

    let after = format::load(&theirs, Device::Cpu).expect("a folder of ours again");
    assert_eq!(after.config.parameters(), before.config.parameters());
    assert_ne!(after.parameters()[0].1, before.parameters()[0].1, "nothing was learned");
}
