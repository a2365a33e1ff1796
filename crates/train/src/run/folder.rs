//! The folder that a run leaves behind (chapter 4.4).
//!
//! `metrics.jsonl` grows line by line; `loss.svg` and `samples.txt` are made anew from the same lines at each checkpoint, and the model
//! with its tokenizer and its card, `README.md`, at the end.

use crate::{
    checkpoint,
    metrics::{Line, to_jsonl},
    run::{plot::Curves, runs},
    settings::flat,
    trainer::Trainer,
};
use anyhow::{Context, Result, bail, ensure};
use model::format::tokenizer_files;
use model::{format, format::safetensors};
use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions, TryLockError},
    io::Write as _,
    path::{Path, PathBuf},
};

const METRICS: &str = "metrics.jsonl";
const LOCK: &str = ".lock";

/// The folder of one run, which belongs to one process as long as this value lives.
pub struct RunFolder {
    path: PathBuf,
    metrics: File,
    _lock: File,
}

/// What only the command knows of a model: the words on its card.
#[derive(Debug, Clone, Default)]
pub struct Card {
    /// What the model is, in a few words.
    pub title: String,
    /// What it was made from, in one sentence or more.
    pub about: String,
    /// Commands that put it to use.
    pub usage: String,
}

impl RunFolder {
    /// Opens or creates the folder, with `history` as its metrics so far.
    ///
    /// # Errors
    /// If it cannot be written, or another process is writing it.
    pub fn open(path: &Path, history: &[Line]) -> Result<Self> {
        let cannot = || format!("cannot write to {}; choose another --out-dir", path.display());
        fs::create_dir_all(path).with_context(cannot)?;
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK));
        let lock = lock.with_context(cannot)?;
        // Some network file systems know no locks; there we go on without one.
        if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            bail!("another process is training in {}; choose another --out-dir", path.display());
        }
        fs::write(path.join(METRICS), to_jsonl(history)?).with_context(cannot)?;
        let metrics =
            OpenOptions::new().append(true).open(path.join(METRICS)).with_context(cannot)?;
        Ok(Self { path: path.to_owned(), metrics, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a folder holds a model or a checkpoint, which another run must not overwrite.
    pub fn is_taken(path: &Path) -> bool {
        checkpoint::is_in(path) || path.join(format::WEIGHTS).exists()
    }

    /// Whether a folder holds what no run has left there, which a run must not mix with its own files; hidden files are passed over.
    fn is_foreign(path: &Path) -> bool {
        let mut entries = fs::read_dir(path).into_iter().flatten().flatten();
        let begun = path.join(LOCK).exists() && path.join(METRICS).exists();
        !begun && entries.any(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
    }

    /// A folder that holds no run yet: the one asked for, else the first free of `runs/NAME`, `runs/NAME-2` and so on.
    ///
    /// # Errors
    /// If there is a run in the folder asked for, or, without `force`, anything else.
    pub fn unused(asked_for: Option<&Path>, name: &str, force: bool) -> Result<PathBuf> {
        if let Some(folder) = asked_for {
            ensure!(
                !Self::is_taken(folder),
                "there is a run in {} already; go on with it by --resume, or choose another --out-dir",
                folder.display()
            );
            ensure!(
                force || !Self::is_foreign(folder),
                "{} holds files that no run has written; choose another --out-dir, or say --force to write beside and over them",
                folder.display()
            );
            return Ok(folder.to_owned());
        }
        let root = runs::root();
        let numbered = |number| {
            root.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") })
        };
        let free = (1..1_000_000)
            .map(numbered)
            .find(|folder| !Self::is_taken(folder) && !Self::is_foreign(folder));
        free.with_context(|| format!("every name in {} is taken", root.display()))
    }

    /// Adds a line to the metrics.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn append(&mut self, line: &Line) -> Result<()> {
        let text = to_jsonl(std::slice::from_ref(line))?;
        self.metrics
            .write_all(text.as_bytes())
            .with_context(|| format!("cannot write to {}", self.path.display()))
    }

    /// Writes a text file, whole or not at all.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        safetensors::replace(&self.path.join(name), |temporary| Ok(fs::write(temporary, text)?))
    }

    /// Draws the curve and collects the samples of the run so far.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_progress(&self, history: &[Line]) -> Result<()> {
        let curves = Curves::from_history(history);
        if !curves.training.is_empty() {
            self.write("loss.svg", &curves.svg("Loss in training")?)?;
        }
        let samples = samples(history);
        if samples.is_empty() { Ok(()) } else { self.write("samples.txt", &samples) }
    }

    /// Writes the model's card.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_card(&self, trainer: &Trainer, card: &Card) -> Result<()> {
        self.write("README.md", &card_text(trainer, card)?)
    }

    /// Writes the model with its tokenizer and card.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn write_model(&self, trainer: &Trainer, card: &Card) -> Result<()> {
        self.write_progress(&trainer.progress.history)?;
        self.write_card(trainer, card)?;
        tokenizer_files::write(&self.path, trainer.model.config.context)?;
        format::save(&self.path, &trainer.model)
    }
}

fn samples(history: &[Line]) -> String {
    let mut text = String::new();
    for line in history {
        if let Line::Sample(sample) = line {
            let _ = writeln!(
                text,
                "--- step {}, epoch {:.1}, {} tokens seen\n{}\n",
                sample.step,
                sample.epoch,
                sample.tokens,
                sample.sample.trim_end()
            );
        }
    }
    text
}

/// The folder of the run that a checkpoint belongs to.
pub fn run_of(checkpoint: &Path) -> &Path {
    checkpoint.parent().and_then(Path::parent).unwrap_or(checkpoint)
}

/// The first and the last validation loss of a run.
pub fn validation_losses(history: &[Line]) -> Option<(f64, f64)> {
    let mut losses = history.iter().filter_map(|line| match line {
        Line::Validation(measured) => Some(measured.validation_loss),
        _ => None,
    });
    let first = losses.next()?;
    Some((first, losses.next_back().unwrap_or(first)))
}

/// The mean loss of the last steps of a run, at most 20 of them.
pub fn training_loss(history: &[Line]) -> Option<f64> {
    let last = history.iter().rev().filter_map(|line| match line {
        Line::Step(step) => Some(step.loss),
        _ => None,
    });
    let losses: Vec<f64> = last.take(20).collect();
    (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
}

fn card_text(trainer: &Trainer, card: &Card) -> Result<String> {
    let config = &trainer.model.config;
    let mut text = String::from(
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- gpt2\n---\n\n",
    );
    let _ = writeln!(text, "# {}\n\n{}\n", card.title, card.about);
    let _ = writeln!(
        text,
        "A GPT-2 with {} parameters: {} blocks, {} heads, {} channels, {} positions, {} tokens in its vocabulary.\n",
        grouped(config.parameters() as u64),
        config.layers,
        config.heads,
        config.channels,
        config.context,
        config.vocab_size
    );
    let _ = writeln!(text, "## How it was trained\n\n![Training and validation loss](loss.svg)\n");
    let _ = writeln!(text, "| | |\n| --- | --- |");
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "| {name} | {value} |");
    };
    row(
        "steps",
        format!(
            "{} of {}",
            grouped(trainer.progress.step as u64),
            grouped(trainer.course.schedule.total_steps as u64)
        ),
    );
    row("tokens seen", grouped(trainer.progress.tokens));
    row(
        "passes over the data",
        format!("{:.1}", trainer.progress.step as f64 / trainer.course.steps_per_epoch as f64),
    );
    if let Some(loss) = training_loss(&trainer.progress.history) {
        row("training loss (mean of the last steps)", format!("{loss:.3}"));
    }
    if let Some((before, after)) = validation_losses(&trainer.progress.history) {
        row("validation loss, before and after", format!("{before:.3}, {after:.3}"));
        row("perplexity on the validation data", format!("{:.1}", after.exp()));
    }
    let length = ["epochs", "steps"]; // the first row says it already
    for (name, value) in flat(&serde_json::to_value(&trainer.course.settings)?) {
        if length.contains(&name.as_str()) {
            continue;
        }
        row(&name, value.to_string());
    }
    let _ = writeln!(
        text,
        "\nLosses are in nats per token.\n\n## How to use it\n\n{0}sh\n{1}\n{0}\n",
        fence(&card.usage),
        card.usage.trim_end()
    );
    let _ = writeln!(
        text,
        "## What it cannot do\n\nIt writes what is likely in texts like those it has read, which need not be true. It was trained for \
         study; nobody has checked what it says."
    );
    Ok(text)
}

/// A fence that ends at nothing inside the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// A number with a comma before each group of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!(
            [7, 1234, 123_456, 1_234_567].map(grouped),
            ["7", "1,234", "123,456", "1,234,567"]
        );
    }

    #[test]
    fn a_folder_belongs_to_one_run_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = RunFolder::open(folder.path(), &[]).expect("free");
        let said = RunFolder::open(folder.path(), &[]).err().expect("taken").to_string();
        assert!(said.starts_with("another process is training in"), "{said}");
        drop(first);
        assert!(RunFolder::open(folder.path(), &[]).is_ok());
    }
}
