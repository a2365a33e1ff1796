//! What `train` says before and after a run (chapter 4.4).

use super::{Command, Prepared};
use crate::{
    metrics::{Line, Validation},
    run::{
        card::{Card, epochs, grouped, seconds_of_steps, training_loss, validations},
        corpus,
        report::Report,
        terminal::{print_curves, print_kept, say, say_settings},
    },
    settings::flat,
    support::shell,
};
use anyhow::Result;
use std::{path::Path, time::Duration};

/// Prints everything that decides the run, before it begins.
pub fn print_settings(prepared: &Prepared) -> Result<()> {
    let Prepared { trainer, folder, command, encoder, .. } = prepared;
    let bytes_per_token = trainer.course.bytes_per_token.unwrap_or_default();
    let config = &trainer.model.config;
    let text =
        if command.text.is_empty() { corpus::EMBEDDED.to_owned() } else { command.text.join(", ") };
    say(&format!("text            {text}"));
    say(&format!(
        "model           {} parameters: {} blocks, {} heads, {} channels, begun with {}",
        grouped(config.parameters() as u64),
        config.layers,
        config.heads,
        config.channels,
        command.begun_with
    ));
    say(&format!(
        "run             {} steps, {} an epoch; written to {}",
        trainer.course.schedule.total_steps,
        trainer.course.steps_per_epoch,
        folder.path().display()
    ));
    say(&format!(
        "tokenizer       {}{} entries, {bytes_per_token:.2} bytes a token of the validation text",
        if encoder.tokenizer.is_gpt2() { "GPT-2's, " } else { "" },
        grouped(encoder.lesson().vocab_size() as u64)
    ));
    let mut settings = flat(&serde_json::to_value(&trainer.course.settings)?);
    settings.push(("context".to_owned(), command.context.into()));
    settings.push(("dropout".to_owned(), config.dropout.into()));
    settings.push(("threads".to_owned(), tch::get_num_threads().into()));
    settings.push(("path".to_owned(), trainer.origin.path.clone().into()));
    say_settings(&settings);
    Ok(())
}

/// Prints how the run went, in that many seconds.
pub fn report(prepared: &Prepared, seconds: f64, plot: bool) -> Result<()> {
    let Prepared { trainer, folder, command, .. } = prepared;
    let folder = folder.path();
    let history = &trainer.progress.history;
    let seconds = seconds as u64;
    println!(
        "trained     {} steps, {} epochs, {} tokens in {} min {:02} s",
        trainer.progress.step,
        epochs(trainer.progress.step as f64 / trainer.course.steps_per_epoch as f64),
        grouped(trainer.progress.tokens),
        seconds / 60,
        seconds % 60
    );
    print_losses(history, prepared.kept.as_ref());
    if trainer.progress.step < trainer.course.schedule.total_steps {
        println!("ended       early, as the validation loss fell no lower");
    }
    if trainer.progress.skipped_batches > 0 {
        println!("skipped     {} batches without a target", trainer.progress.skipped_batches);
    }
    if let Some(sample) = last_sample(history) {
        println!("sample      {}", sample.replace('\n', " "));
    }
    println!(
        "wrote       {}: model.safetensors, README.md, report.md, loss.svg, samples.txt, metrics.jsonl",
        folder.display()
    );
    if plot {
        print_curves(history)?;
    }
    println!("next        {}", usage(command, folder));
    Ok(())
}

/// Prints the losses of the training and of the validation.
fn print_losses(history: &[Line], kept: Option<&Validation>) {
    if let Some(loss) = training_loss(history) {
        println!("training    loss {loss:.3} (mean of the last steps)");
    }
    if let Some((before, after)) = validations(history, kept) {
        let loss = after.validation_loss;
        let bits = after.bits_per_byte.map(|bits| format!(", {bits:.3} bits a byte"));
        println!(
            "validation  loss {:.3} before, {loss:.3} after (perplexity {:.1}{})",
            before.validation_loss,
            loss.exp(),
            bits.unwrap_or_default()
        );
    }
    print_kept(kept);
}

/// The command that lets the model write.
fn usage(command: &Command, folder: &Path) -> String {
    let folder = shell::path(folder);
    let words = ["complete", "--weights", &folder, "--prompt", &command.prompt];
    // What would move a terminal's cursor cannot be pasted either.
    let printable = !command.prompt.contains(|c: char| c.is_control() && c != '\n');
    shell::command("finetune", words.into_iter().take(if printable { 5 } else { 3 }))
}

/// The report card.
pub fn report_card(prepared: &Prepared, seconds: f64) -> String {
    let Prepared { trainer, folder, command, encoder, kept, validation } = prepared;
    let history = &trainer.progress.history;
    let mut report = Report::of(trainer, kept.as_ref());
    report.add("Data", [("text", text_name(command)), ("begun with", command.begun_with.clone())]);
    report.add_tokenizer(encoder, validation);
    let [steps, all] = [seconds_of_steps(history), seconds].map(Duration::from_secs_f64);
    report.add_times([("steps", steps), ("everything else", all.saturating_sub(steps))]);
    if let Some(sample) = last_sample(history) {
        report.add_sample(sample);
    }
    report.markdown(&folder.path().file_name().unwrap_or_default().to_string_lossy())
}

fn text_name(command: &Command) -> String {
    if command.text.is_empty() { corpus::EMBEDDED.to_owned() } else { command.text.join(", ") }
}

/// What the model wrote last.
fn last_sample(history: &[Line]) -> Option<&str> {
    history.iter().rev().find_map(|line| match line {
        Line::Sample(sample) => Some(sample.sample.as_str()),
        _ => None,
    })
}

/// The words on the model's card.
pub fn card(prepared: &Prepared) -> Card {
    let Prepared { trainer, command, .. } = prepared;
    let folder = prepared.folder.path();
    let text = if command.text.is_empty() {
        "the tales that come with the project".to_owned()
    } else {
        command.text.join(", ")
    };
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let from = if command.begun_with == "scratch" {
        "from random weights".to_owned()
    } else {
        format!("from the weights of {}", command.begun_with)
    };
    Card {
        title: name.into_owned(),
        about: format!(
            "Trained {from} on {text}, in windows of {} tokens, with seed {}.",
            command.context, trainer.course.settings.seed
        ),
        usage: usage(command, folder),
        kept: prepared.kept.clone(),
    }
}
