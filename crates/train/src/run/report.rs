//! The report card of a run, `report.md` in its folder (chapter 4.4): what went in, what it cost, what came out. Two can be laid side
//! by side.

use super::{
    card::{epochs, grouped, training_loss, validations},
    tokenizer::TextEncoder,
};
use crate::{checkpoint::libtorch_version, metrics::Validation, trainer::Trainer};
use anyhow::{Context, Result, ensure};
use embedding::fast::FastEncoder;
use std::{env, fmt::Write as _, fs, path::Path, time::Duration};

/// Its file in the folder of a run.
pub const REPORT: &str = "report.md";

/// Names and values.
pub type Rows = Vec<(String, String)>;

/// A report card.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Each with its title.
    sections: Vec<(String, Rows)>,
    /// What the model wrote.
    samples: Vec<String>,
}

impl Report {
    /// What there is to say of any training: the machine, the model, its losses.
    pub fn of(trainer: &Trainer, kept: Option<&Validation>) -> Self {
        let mut report = Self::default();
        let progress = &trainer.progress;
        report.add(
            "Machine",
            [
                ("system", format!("{} on {}", env::consts::OS, env::consts::ARCH)),
                ("processor", model::fast::proof::processor_name()),
                ("threads", tch::get_num_threads().to_string()),
                ("libtorch", libtorch_version()),
                ("path", trainer.origin.path.clone()),
            ],
        );
        report.add_model(trainer);
        let mut losses = Vec::new();
        if let Some(loss) = training_loss(&progress.history) {
            losses.push(("training, at the end", format!("{loss:.3}")));
        }
        if let Some((before, after)) = validations(&progress.history, kept) {
            losses.push(("validation, before", format!("{:.3}", before.validation_loss)));
            losses.push(("validation, after", format!("{:.3}", after.validation_loss)));
            let bits = after.bits_per_byte.map(|bits| format!("{bits:.3}"));
            losses.extend(bits.map(|bits| ("bits a byte, after", bits)));
            losses.push(("its weights are those of step", grouped(after.step as u64)));
        }
        report.add("Loss", losses);
        report
    }

    fn add_model(&mut self, trainer: &Trainer) {
        let (config, progress) = (&trainer.model.config, &trainer.progress);
        let sizes = format!(
            "{} blocks, {} heads, {} channels, {} positions",
            config.layers, config.heads, config.channels, config.context
        );
        let passes = progress.step as f64 / trainer.course.steps_per_epoch as f64;
        self.add(
            "Model",
            [
                ("parameters", grouped(config.parameters() as u64)),
                ("sizes", sizes),
                ("steps", grouped(progress.step as u64)),
                ("tokens learned from", grouped(progress.tokens)),
                ("passes over the data", epochs(passes)),
            ],
        );
    }

    /// Adds a table.
    pub fn add<'a>(&mut self, title: &str, rows: impl IntoIterator<Item = (&'a str, String)>) {
        let rows = rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.sections.push((title.to_owned(), rows));
    }

    /// Adds what the tokenizer makes of a text that nothing was learned from, beside GPT-2's.
    pub fn add_tokenizer(&mut self, encoder: &TextEncoder, text: &str) {
        let per_token = |tokens: usize| format!("{:.2}", text.len() as f64 / tokens.max(1) as f64);
        self.add(
            "Tokenizer",
            [
                ("entries", grouped(encoder.lesson().vocab_size() as u64)),
                ("bytes a token of the validation text", per_token(encoder.encode(text).len())),
                ("the same by GPT-2's 50,257", per_token(FastEncoder::gpt2().encode(text).len())),
            ],
        );
    }

    /// Adds how long each stage took.
    pub fn add_times<'a>(&mut self, stages: impl IntoIterator<Item = (&'a str, Duration)>) {
        let said =
            |time: Duration| format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60);
        self.add("Time", stages.into_iter().map(|(stage, time)| (stage, said(time))));
    }

    /// Adds a text by the model.
    pub fn add_sample(&mut self, text: &str) {
        self.samples.push(text.trim().to_owned());
    }

    /// The card as a page.
    pub fn markdown(&self, title: &str) -> String {
        let mut text = format!("# Report of {title}\n");
        for (title, rows) in &self.sections {
            let _ = write!(text, "\n## {title}\n\n| | |\n| --- | --- |\n"); // to a string, which cannot fail
            for (name, value) in rows {
                let _ = writeln!(text, "| {} | {} |", cell(name), cell(value));
            }
        }
        for sample in &self.samples {
            let quoted: Vec<String> = sample.lines().map(|line| format!("> {line}")).collect();
            let _ = write!(text, "\n## Sample\n\n{}\n", quoted.join("\n"));
        }
        text
    }
}

/// A text as it can be written in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// The rows of a card, each with its section.
fn rows(run: &Path) -> Result<Vec<(String, String)>> {
    let path = if run.is_dir() { run.join(REPORT) } else { run.to_owned() };
    let text = fs::read_to_string(&path)
        .with_context(|| format!("there is no report card to compare in {}", path.display()))?;
    let (mut section, mut rows) = ("", Vec::new());
    for line in text.lines() {
        section = line.strip_prefix("## ").unwrap_or(section);
        let row = line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |"));
        if let Some((name, value)) = row.and_then(|row| row.split_once(" | "))
            && name != "---"
        {
            rows.push((format!("{section}: {name}"), value.to_owned()));
        }
    }
    ensure!(!rows.is_empty(), "{} is no report card", path.display());
    Ok(rows)
}

/// Two cards side by side, all rows that either has; those that differ are marked.
///
/// # Errors
/// If a card cannot be read.
pub fn compare(first: &Path, second: &Path) -> Result<String> {
    let (ours, theirs) = (rows(first)?, rows(second)?);
    let value = |rows: &Rows, name: &str| {
        let found = rows.iter().find(|(known, _)| known == name);
        found.map_or("-".to_owned(), |(_, value)| value.clone())
    };
    let mut names: Vec<&str> = ours.iter().map(|(name, _)| name.as_str()).collect();
    for (name, _) in &theirs {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = format!("  {:<width$}  {:<28} {}\n", "", first.display(), second.display());
    for name in names {
        let (a, b) = (value(&ours, name), value(&theirs, name));
        let mark = if a == b { ' ' } else { '*' };
        let _ = writeln!(text, "{mark} {name:<width$}  {a:<28} {b}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(folder: &Path, steps: &str) -> std::path::PathBuf {
        let mut report = Report::default();
        report.add("Model", [("steps", steps.to_owned()), ("text", "a|b\nc".to_owned())]);
        report.add_sample("One day.\nThe end.");
        let path = folder.join(format!("{steps}.md"));
        fs::write(&path, report.markdown("a run")).expect("room");
        path
    }

    #[test]
    fn what_differs_between_two_cards_is_marked() {
        let folder = tempfile::tempdir().expect("a folder");
        let text =
            compare(&card(folder.path(), "40"), &card(folder.path(), "7")).expect("two cards");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("* Model: steps  40 ") && lines[1].ends_with(" 7"), "{text}");
        assert!(lines[2].starts_with("  Model: text   a\\|b c "), "{text}");
        assert_eq!(lines.len(), 3, "{text}");
    }

    #[test]
    fn what_is_no_card_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = compare(folder.path(), folder.path()).expect_err("nothing there").to_string();
        assert!(said.starts_with("there is no report card to compare in"), "{said}");
    }
}
