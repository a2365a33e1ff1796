//! Asking one thing after another at a prompt (chapter 5.7).

use super::{RESPONSES, options::Generation, prepare, scorer, show};
use crate::{
    answers::Answered,
    instructions::Entry,
    measure::exact_match,
    respond::{Limits, complete},
    run::tasks,
};
use anyhow::{Context, Result};
use rustyline::{DefaultEditor, error::ReadlineError};
use std::{
    collections::BTreeSet,
    fs,
    io::{self, BufRead, IsTerminal},
    iter,
    ops::ControlFlow,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use train::{
    run::{
        newest::Maker,
        runs,
        terminal::say,
        tokenizer::TextEncoder,
        weights::{self, Brought},
    },
    sampling::known_tokens,
    support::shell,
};

/// What was asked in earlier conversations, beside the runs.
const HISTORY: &str = ".chat_history";
const HELP: &str = "\
/again   answer the last question once more; with --temperature above 0 in other words
/bye     end, as Ctrl-D does
/help    show this
Ctrl-C breaks off an answer; the arrow up brings back what was asked before.";

/// Reads questions from the terminal, with history and editing, or line by line from a pipe, and answers each. Ctrl-C breaks off an
/// answer, Ctrl-D or `/bye` ends the conversation.
pub fn chat(generation: &Generation) -> Result<()> {
    let device = prepare(&generation.common)?;
    let name = weights::named_or_newest(generation.weights.as_deref(), Some(Maker::Finetune));
    let Brought { model, folder, tokenizer } = weights::load(&name, device)?;
    if weights::only_continues(&name, &folder) {
        let words = ["complete", "--weights", &name];
        say(&format!(
            "note            {name} has only learned to continue texts; try: {}",
            shell::command("finetune", words)
        ));
    }
    let encoder = TextEncoder::new(tokenizer, generation.common.path)?;
    let mut reader = scorer(&model, generation.dtype, &generation.common)?;
    let sampling = generation.sampling(0.0);
    sampling.check(known_tokens(model.config.vocab_size, encoder.lesson()))?;
    let limits =
        Limits { max_new_tokens: generation.max_new_tokens, stop: generation.stop.clone() };
    let broken_off = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&broken_off);
    ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst))
        .context("cannot listen for Ctrl-C")?;

    let mut answer = |question: &str| -> Result<()> {
        broken_off.store(false, Ordering::SeqCst);
        let entry = Entry { instruction: question.to_owned(), ..Entry::default() };
        encoder.warn_of_long_prompts([entry.prompt()], model.config.context);
        let prompt = encoder.encode(&entry.prompt());
        complete(&mut *reader, encoder.lesson(), &prompt, &sampling, &limits, |piece| {
            if broken_off.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { show(piece) }
        })?;
        println!();
        Ok(())
    };

    if !io::stdin().is_terminal() {
        return answer_lines(&mut answer);
    }
    converse(&mut answer, &examples(&folder.join(RESPONSES)))
}

/// Three questions to begin with: what anybody may ask first, and two kinds of task at which the model did well in its test.
fn examples(answers: &Path) -> Vec<String> {
    let answers = tasks::load_answers(answers).unwrap_or_default(); // no test was made of a model from elsewhere
    let mut kinds = BTreeSet::new();
    let done_well = answers.into_iter().filter(|answered| {
        let Answered { entry, model_response } = answered;
        entry.input.is_empty()
            && exact_match(model_response, &entry.output)
            && kinds.insert(entry.kind.clone())
    });
    let tasks = done_well.map(|answered| answered.entry.instruction).take(2);
    iter::once("Who are you?".to_owned()).chain(tasks).collect()
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

/// Answers each line that is written at the terminal, until `/bye` or Ctrl-D.
fn converse(answer: &mut dyn FnMut(&str) -> Result<()>, examples: &[String]) -> Result<()> {
    eprintln!("Ask something, or /help. The model answers each question by itself. For example:");
    for example in examples {
        eprintln!("  {example}");
    }
    let mut editor = DefaultEditor::new().context("cannot use this terminal")?;
    let history = runs::root().join(HISTORY);
    let _ = editor.load_history(&history); // there is none before the first conversation
    let mut last = None;
    loop {
        let line = match editor.readline("> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(error).context("cannot read from the terminal"),
        };
        let question = match Wish::of(&line) {
            Wish::Nothing => continue,
            Wish::Leave => return Ok(()),
            Wish::Help => {
                eprintln!("{HELP}");
                continue;
            }
            Wish::Unknown(command) => {
                eprintln!("there is no {command}; /help says what there is");
                continue;
            }
            Wish::Again => last.clone(),
            Wish::Answer(question) => Some(question.to_owned()),
        };
        let _ = editor.add_history_entry(&line);
        keep(&mut editor, &history);
        match &question {
            Some(question) => answer(question)?,
            None => eprintln!("nothing was asked yet"),
        }
        last = question;
    }
}

/// Adds what was typed to the history on the disk; a conversation does not end where that fails.
fn keep(editor: &mut DefaultEditor, history: &Path) {
    let folder = history.parent().unwrap_or(Path::new(""));
    let _ = fs::create_dir_all(folder).map(|()| editor.append_history(history));
}

/// What somebody wants who has typed a line.
#[derive(Debug, PartialEq, Eq)]
enum Wish<'a> {
    /// An answer.
    Answer(&'a str),
    /// Another answer to the last question.
    Again,
    Help,
    Leave,
    /// A word that begins as the others do.
    Unknown(&'a str),
    Nothing,
}

impl<'a> Wish<'a> {
    /// Only a single word can be a command, so that a question may begin with a path.
    fn of(line: &'a str) -> Self {
        let line = line.trim();
        match line {
            "" => Self::Nothing,
            "/again" => Self::Again,
            "/help" | "/?" => Self::Help,
            "/bye" | "/exit" | "/quit" => Self::Leave,
            word if word.starts_with('/') && word[1..].chars().all(char::is_alphabetic) => {
                Self::Unknown(word)
            }
            question => Self::Answer(question),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_introduced_by_what_it_did_well_in_its_test_each_of_another_kind() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("responses.json");
        assert_eq!(examples(&file), ["Who are you?"]);
        let entry = |instruction: &str, kind: &str, response: &str| {
            format!(
                r#"{{"instruction": "{instruction}", "output": "yes", "kind": "{kind}", "model_response": "{response}"}}"#
            )
        };
        let entries = [
            entry("a", "1", "no"),
            entry("b", "1", "yes"),
            entry("c", "1", "yes"),
            entry("d", "2", "yes"),
        ];
        fs::write(&file, format!("[{}]", entries.join(","))).expect("room");
        assert_eq!(examples(&file), ["Who are you?", "b", "d"]);
    }

    #[test]
    fn a_line_is_a_question_unless_it_is_one_word_behind_a_slash() {
        for (line, wish) in [
            ("  What is red? ", Wish::Answer("What is red?")),
            ("/usr/bin", Wish::Answer("/usr/bin")),
            ("/again and again", Wish::Answer("/again and again")),
            (" \t", Wish::Nothing),
            ("/again ", Wish::Again),
            ("/help", Wish::Help),
            ("/?", Wish::Help),
            ("/bye", Wish::Leave),
            ("/exit", Wish::Leave),
            ("/clear", Wish::Unknown("/clear")),
        ] {
            assert_eq!(Wish::of(line), wish, "{line:?}");
        }
    }
}
