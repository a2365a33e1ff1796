//! What `finetune` says before and after a run (chapter 5.7).

use super::{
    plan::{Plan, Prepared},
    start::SCRATCH,
    tested::{Tested, print_test},
};
use crate::{
    answers::{Answered, Marks},
    instructions::{Entry, Split},
};
use anyhow::Result;
use std::path::Path;
use train::{
    run::{
        card::{Card, grouped, loss_words as loss_and_bits, validations},
        terminal::{print_curves, print_kept, say, say_settings},
    },
    settings::flat,
    support::shell,
    trainer::Trainer,
};

/// Prints everything that decides the run, before it begins.
pub fn print_settings(
    plan: &Plan,
    trainer: &Trainer,
    split: &Split,
    truncated: usize,
    folder: &Path,
) -> Result<()> {
    let config = &trainer.model.config;
    say(&format!(
        "model           {}: {} parameters, {} blocks, {} channels, context {}",
        plan.begun_with,
        grouped(config.parameters() as u64),
        config.layers,
        config.channels,
        config.context
    ));
    say(&format!(
        "data            {}: {} entries for training, {} for the test, {} for validation",
        plan.data,
        split.training.len(),
        split.test.len(),
        split.validation.len()
    ));
    if truncated > 0 {
        say(&format!(
            "truncated       {truncated} training entries are longer than the context and were cut off"
        ));
    }
    say(&format!("folder          {}", folder.display()));
    let mut settings = flat(&serde_json::to_value(&trainer.course.settings)?);
    settings.push(("mask_prompt".to_owned(), plan.mask_prompt.into()));
    settings.push(("dropout".to_owned(), config.dropout.into()));
    settings.push(("threads".to_owned(), tch::get_num_threads().into()));
    settings.push(("path".to_owned(), trainer.origin.path.clone().into()));
    say_settings(&settings);
    Ok(())
}

/// Prints how the run went, on one screen; in how many seconds, those of earlier sessions with it.
pub fn report(prepared: &Prepared, tested: &Tested, seconds: f64, plot: bool) -> Result<()> {
    let Prepared { trainer, plan, kept, .. } = prepared;
    let seconds = seconds as u64;
    println!(
        "fine-tuned  {} for {} steps, {} min {:02} s in all",
        plan.begun_with,
        trainer.progress.step,
        seconds / 60,
        seconds % 60
    );
    if let Some((before, after)) = validations(&trainer.progress.history, kept.as_ref()) {
        println!(
            "validation  loss {:.3} before, {} after",
            before.validation_loss,
            loss_and_bits(after.validation_loss, after.bits_per_byte)
        );
    }
    print_kept(kept.as_ref());
    print_test(prepared, tested);
    print_examples(plan, &tested.answered);
    if plot {
        print_curves(&trainer.progress.history)?;
    }
    Ok(())
}

/// Prints where everything is, and what to do with it.
pub fn print_next(folder: &Path) {
    println!(
        "\nwrote       {}: model.safetensors, config.json, tokenizer, responses.json, loss.svg, README.md, report.md",
        folder.display()
    );
    println!("next        {}", usage(folder));
}

/// The answers to a few instructions, before and after.
fn print_examples(plan: &Plan, answered: &[Answered]) {
    for before in &plan.before {
        let after = answered.iter().find(|answered| answered.entry == before.entry);
        println!("\nasked       {}", one_line(&before.entry));
        println!("  before    {}", shortened(&before.model_response));
        println!(
            "  after     {}",
            shortened(after.map_or("", |answered| &answered.model_response))
        );
        println!("  expected  {}", shortened(&before.entry.output));
    }
}

/// An instruction with its input, on one line.
pub fn one_line(entry: &Entry) -> String {
    let input = if entry.input.is_empty() { String::new() } else { format!(" | {}", entry.input) };
    shortened(&format!("{}{input}", entry.instruction))
}

/// A text on one line of at most 100 characters.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return "(nothing but whitespace)".to_owned();
    }
    match line.char_indices().nth(100) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

/// The words on the model's card, once its answers are there with what they are worth.
pub fn card(prepared: &Prepared, marks: Option<&Marks>) -> Card {
    let Prepared { plan, kept, .. } = prepared;
    let folder = prepared.folder.path();
    let weights = if plan.begun_with == SCRATCH {
        "a small model that had read the project's tales and tasks".to_owned()
    } else {
        format!("the weights of {}", plan.begun_with)
    };
    let worth = marks.filter(|marks| marks.count > 0).map_or_else(String::new, |marks| {
        format!(
            " On held-out instructions its answers are exactly the expected ones in {:.1} % of {} cases, with a mean token F1 of {:.3}.",
            100.0 * marks.exact_match,
            marks.count,
            marks.token_f1
        )
    });
    Card {
        title: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        about: format!(
            "Fine-tuned to answer instructions, from {weights}, on the data `{}`, with seed {}.{worth}",
            plan.data, plan.seed
        ),
        usage: usage(folder),
        kept: kept.clone(),
    }
}

/// The command that talks to the model.
fn usage(folder: &Path) -> String {
    shell::command("finetune", ["chat", "--weights", &shell::path(folder)])
}
