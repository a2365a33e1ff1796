//! `mutants`: the lesson, with one thing changed at a time, must be what runs.
//!
//! The crates are copied into a folder of their own under `target`, with changes in the lesson's files that an environment variable
//! turns on, and built once. Then each change is run twice, as a user would and with `--path lesson`: both must give the same numbers,
//! other numbers than the unchanged lesson's, and the first must say in one line what the fast path computes differently.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use crate::run::{capture, cargo, pass_through};

/// The environment variable that turns a change on.
const SWITCH: &str = "LESSON_CHANGED";

/// A change of the lesson.
struct Mutant {
    name: &'static str,
    file: &'static str,
    /// Stands once in the file.
    from: &'static str,
    /// What takes its place where the change is on; an expression, as is `from`.
    to: &'static str,
    /// What the fast path then computes differently.
    differs: &'static str,
    shown_by: Shown,
}

/// By what a change shows.
enum Shown {
    Training,
    Writing,
}

const MUTANTS: [Mutant; 5] = [
    Mutant {
        name: "no second shortcut",
        file: "crates/model/src/block.rs",
        from: "&x + processed.dropout(self.dropout, train)",
        to: "processed.dropout(self.dropout, train)",
        differs: "the loss",
        shown_by: Shown::Training,
    },
    Mutant {
        name: "a mask of half the context",
        file: "crates/attention/src/multi_head.rs",
        from: "attend_fused(q, k, v)",
        to: "{
            let (queries, keys) = (q.size()[2], k.size()[2]);
            let far = Tensor::ones([queries, keys], (tch::Kind::Bool, q.device())).tril(keys - queries - keys / 2);
            let hidden = crate::mask::causal_mask(queries, keys, q.device()).logical_or(&far);
            let scores = q.matmul(&k.transpose(-2, -1)) / (q.size()[3] as f64).sqrt();
            scores.masked_fill(&hidden, f64::NEG_INFINITY).softmax(-1, None).matmul(v)
        }",
        differs: "the loss",
        shown_by: Shown::Training,
    },
    Mutant {
        name: "half an output, in training only",
        file: "crates/model/src/block.rs",
        from: "let x = x + read.dropout(self.dropout, train);",
        to: "let x = x + read * if train { 0.5 } else { 1.0 };",
        differs: "the loss",
        shown_by: Shown::Training,
    },
    Mutant {
        name: "AdamW without its correction",
        file: "crates/train/src/adamw.rs",
        from: "1.0 - beta1.powi(self.steps)",
        to: "1.0",
        differs: "the updated",
        shown_by: Shown::Training,
    },
    Mutant {
        name: "a cached token at the position before",
        file: "crates/model/src/gpt2.rs",
        from: "self.embed.forward(ids, known)",
        to: "self.embed.forward(ids, (known - 1).max(0))",
        differs: "the logits after cached token 1",
        shown_by: Shown::Writing,
    },
];

/// Copies, changes, builds, and runs each change.
///
/// # Errors
/// If a change is not noticed, or not what runs.
pub fn run(root: &Path) -> Result<()> {
    let copy = Copy {
        folder: root.join("target/mutants/workspace"),
        target: root.join("target/mutants/target"),
    };
    copy.prepare(root)?;
    copy.build()?;
    let unchanged = copy.train("", &[])?;
    ensure!(!unchanged.stderr.contains("differs"), "the unchanged lesson: {}", unchanged.stderr);
    ensure!(
        unchanged.stderr.contains("path fast"),
        "the fast path was not taken: {}",
        unchanged.stderr
    );
    let written = copy.write("", &[])?;
    for mutant in &MUTANTS {
        let (command, original) = match mutant.shown_by {
            Shown::Training => (Copy::train as Attempt, &unchanged),
            Shown::Writing => (Copy::write as Attempt, &written),
        };
        let usual = command(&copy, mutant.name, &[])?;
        let lesson = command(&copy, mutant.name, &["--path", "lesson"])?;
        check(mutant, &usual, &lesson, original)?;
        println!("  {}: noticed, and the lesson ran", mutant.name);
    }
    Ok(())
}

/// Checks that the lesson ran, that it was another one, and that a line says so.
fn check(mutant: &Mutant, usual: &Ran, lesson: &Ran, original: &Ran) -> Result<()> {
    let Mutant { name, differs, .. } = mutant;
    let (ours, theirs) = (&usual.numbers, &lesson.numbers);
    ensure!(ours == theirs, "{name}: not the lesson ran:\n{ours}\n{theirs}");
    ensure!(*ours != original.numbers, "{name}: the change changes nothing");
    let line = format!("the fast path differs from the lesson: {differs}");
    ensure!(usual.stderr.contains(&line), "{name}: no line says that {line}:\n{}", usual.stderr);
    Ok(())
}

/// Runs a command with a change, and with more options.
type Attempt = fn(&Copy, &str, &[&str]) -> Result<Ran>;

/// What a run of a command gave.
struct Ran {
    /// Losses, or the text.
    numbers: String,
    stderr: String,
}

/// A copy of the workspace, with a target folder of its own.
struct Copy {
    folder: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// It lies inside the original, whose `.cargo/config.toml` holds for it too: so libtorch's binding need not be compiled anew.
    fn prepare(&self, root: &Path) -> Result<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        for part in ["Cargo.toml", "Cargo.lock", "crates", "data", "xtask", "rust-toolchain.toml"] {
            copy_all(&root.join(part), &self.folder.join(part))?;
        }
        for mutant in &MUTANTS {
            self.change(mutant)?;
        }
        self.take_over(root)
    }

    /// Lets an environment variable choose between the lesson and the change.
    fn change(&self, mutant: &Mutant) -> Result<()> {
        let path = self.folder.join(mutant.file);
        let text = fs::read_to_string(&path)?;
        let Mutant { name, file, from, to, .. } = mutant;
        ensure!(text.matches(from).count() == 1, "{file} must hold `{from}` once");
        let is_on = format!("std::env::var({SWITCH:?}).is_ok_and(|on| on == {name:?})");
        let chosen = match (from.strip_prefix("let x = "), to.strip_prefix("let x = ")) {
            (Some(from), Some(to)) => {
                let (from, to) = (from.trim_end_matches(';'), to.trim_end_matches(';'));
                format!("let x = if {is_on} {{ {to} }} else {{ {from} }};")
            }
            _ => format!("(if {is_on} {{ {to} }} else {{ {from} }})"),
        };
        Ok(fs::write(&path, text.replace(from, &chosen))?)
    }

    /// Takes over what cargo has built of other people's crates, by links, where it has built them already.
    fn take_over(&self, root: &Path) -> Result<()> {
        let (built, ours) = (root.join("target/debug"), self.target.join("debug"));
        if ours.exists() || !built.exists() {
            return Ok(());
        }
        fs::create_dir_all(&ours)?;
        for part in ["build", "deps", ".fingerprint"] {
            // Cargo writes over some of these files in place; such are copied.
            let by = if part == ".fingerprint" { "-a" } else { "-al" };
            let mut copy = Command::new("cp");
            pass_through(copy.arg(by).arg(built.join(part)).arg(ours.join(part)))?;
        }
        Ok(())
    }

    fn build(&self) -> Result<()> {
        let mut command = cargo(&self.folder);
        command.args(["build", "--quiet", "-p", "train", "-p", "finetune"]);
        command.env("CARGO_TARGET_DIR", &self.target).env_remove("LIBTORCH");
        let built = capture(&mut command)?; // with warnings about the changes' form
        ensure!(built.failure.is_none(), "the changed lesson does not compile: {}", built.stderr);
        Ok(())
    }

    /// Three steps of training.
    fn train(&self, change: &str, more: &[&str]) -> Result<Ran> {
        let mut command = self.command("train", change);
        let fixed = ["--text", "data/story.txt", "--context", "32", "--max-steps", "3"];
        let _ = fs::remove_dir_all(self.folder.join("run"));
        command.args(fixed).args(["--threads", "2", "--log-json", "--out-dir", "run"]).args(more);
        let ran = capture(&mut command)?;
        ensure!(ran.failure.is_none(), "{change}: {}", ran.stderr);
        let losses = ran.stdout.lines().filter_map(|line| line.split("\"loss\":").nth(1));
        let losses: Vec<&str> = losses.filter_map(|rest| rest.split(',').next()).collect();
        ensure!(
            losses.len() == 3,
            "{change}: three steps, {} losses:\n{}",
            losses.len(),
            ran.stdout
        );
        Ok(Ran { numbers: losses.join(" "), stderr: ran.stderr })
    }

    /// Some words by the model that the last training has left.
    fn write(&self, change: &str, more: &[&str]) -> Result<Ran> {
        let mut command = self.command("finetune", change);
        let fixed = ["--weights", "run", "--temperature", "0", "--max-new-tokens", "12"];
        command.args(["complete", "--prompt", "Once there was"]).args(fixed);
        let ran = capture(command.args(["--threads", "2"]).args(more))?;
        ensure!(ran.failure.is_none(), "{change}: {}", ran.stderr);
        Ok(Ran { numbers: ran.stdout, stderr: ran.stderr })
    }

    /// A command that finds no proof of another change.
    fn command(&self, name: &str, change: &str) -> Command {
        let _ = fs::remove_dir_all(self.target.join("proofs"));
        let mut command = Command::new(self.target.join("debug").join(name));
        command.current_dir(&self.folder).env(SWITCH, change);
        command
    }
}

/// Copies a file, or a folder with all that is in it.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    let parent = to.parent().context("the copy is inside a folder")?;
    fs::create_dir_all(parent)?;
    pass_through(Command::new("cp").arg("-a").arg(from).arg(to))
}
