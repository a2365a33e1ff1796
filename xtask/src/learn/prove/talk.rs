//! The end of the scripted reader's way: their model is trained, learns to answer, and is asked something, all by their own code.

use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;
use serde_json::Value;

use crate::learn::programs::target;
use crate::run::{cargo, pass_through};

/// Two epochs over the tales, then a hundred instructions by heart: minutes on two cores.
const TRAINING: &str = "--model tales --max-steps 68 --out-dir runs/mine";
const FINE_TUNING: &str =
    "--weights runs/mine --sample 120 --epochs 12 --learning-rate 2e-3 --out-dir runs/answers";
const ANSWERING: &str = "respond question.json --weights runs/answers --out answer.json";
const QUESTION: &str = r#"[{"instruction": "Subtract 14 from 19."}]"#;

/// What goes wrong in a workspace in which everything is written.
pub fn check(folder: &Path) -> Result<Vec<String>> {
    run(folder, "train", TRAINING)?;
    run(folder, "finetune", FINE_TUNING)?;
    fs::write(folder.join("question.json"), QUESTION)?;
    run(folder, "finetune", ANSWERING)?;
    let told: Value = serde_json::from_str(&fs::read_to_string(folder.join("answer.json"))?)?;
    let answer = told[0]["model_response"].as_str();
    let answer = answer.with_context(|| format!("there is no answer in {told}"))?;
    println!("asked {QUESTION}\nthe reader's model says: {answer}");
    let mut findings = Vec::new();
    if answer.trim().is_empty() {
        findings.push("the model says nothing".to_owned());
    }
    for run in ["mine", "answers"] {
        let report = fs::read_to_string(folder.join("runs").join(run).join("report.md"))?;
        if !report.contains("| path | lesson |") {
            findings.push(format!("runs/{run} was not trained by the reader's own code"));
        }
    }
    Ok(findings)
}

/// Runs a command of the reader's workspace, which must take their code.
fn run(folder: &Path, krate: &str, arguments: &str) -> Result<()> {
    let mut command = cargo(folder);
    command.env("CARGO_TARGET_DIR", target(folder));
    command.args(["run", "--quiet", "--offline", "-p", krate, "--"]).args(arguments.split(' '));
    println!("\n$ cargo run -p {krate} -- {arguments}");
    pass_through(&mut command)
}
