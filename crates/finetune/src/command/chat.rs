//! Asking one thing after another at a prompt (chapter 5.7).

use super::{options::Generation, prepare, scorer, show};
use crate::{
    instructions::Entry,
    respond::{Limits, complete},
};
use anyhow::{Context, Result};
use embedding::fast::FastEncoder;
use rustyline::{DefaultEditor, error::ReadlineError};
use std::{
    io::{self, BufRead, IsTerminal},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use train::{
    run::{terminal, weights},
    sampling::known_tokens,
};

/// Reads questions from the terminal, with history and editing, or line by line from a pipe, and answers each. Ctrl-C breaks off an
/// answer, Ctrl-D ends the conversation.
pub fn chat(generation: &Generation) -> Result<()> {
    let device = prepare(&generation.common)?;
    let model = weights::load(&generation.weights, device)?.model;
    let mut reader = scorer(&model, generation.dtype, &generation.common)?;
    let sampling = generation.sampling(0.0);
    sampling.check(known_tokens(model.config.vocab_size))?;
    let limits =
        Limits { max_new_tokens: generation.max_new_tokens, stop: generation.stop.clone() };
    let broken_off = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&broken_off);
    ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst))
        .context("cannot listen for Ctrl-C")?;

    let mut answer = |question: &str| -> Result<()> {
        broken_off.store(false, Ordering::SeqCst);
        let entry = Entry { instruction: question.to_owned(), ..Entry::default() };
        terminal::warn_of_long_prompts([entry.prompt()], model.config.context);
        let prompt = FastEncoder::gpt2().encode(&entry.prompt());
        complete(&mut *reader, &prompt, &sampling, &limits, |piece| {
            if broken_off.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { show(piece) }
        })?;
        println!();
        Ok(())
    };

    if io::stdin().is_terminal() { converse(&mut answer) } else { answer_lines(&mut answer) }
}

/// Answers each line that comes from a pipe.
fn answer_lines(answer: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line.context("cannot read the questions as UTF-8 text")?;
        if !line.trim().is_empty() {
            answer(line.trim())?;
        }
    }
    Ok(())
}

/// Answers each line that is written at the terminal, until Ctrl-D.
fn converse(answer: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
    let mut editor = DefaultEditor::new().context("cannot use this terminal")?;
    eprintln!(
        "Ask something; Ctrl-C breaks off an answer, Ctrl-D ends. The model answers each question by itself."
    );
    loop {
        match editor.readline("> ") {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => {
                let _ = editor.add_history_entry(&line);
                answer(line.trim())?;
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(error).context("cannot read from the terminal"),
        }
    }
}
