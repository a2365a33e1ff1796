//! `cargo run -p finetune`: makes a GPT-2 answer, and talks to it (chapter 5.7).

mod begin;
mod chat;
mod eval;
mod export;
mod options;
mod page;
mod plan;
mod report;
mod report_card;
mod respond;
mod resume;
mod runs;
mod score;
mod start;
mod tested;
mod whole;

use crate::{
    answers::{Answered, marks},
    info,
    respond::{Limits, complete},
};
use anyhow::{Context, Result};
use clap::{CommandFactory, Parser};
use model::{
    fast,
    fast::decode::Dtype,
    format::{self, CONFIG, WEIGHTS},
    generate::TokenScorer,
    gpt2::Gpt2,
};
use options::{Command, Common, Complete, Info, Options};
use std::{
    io::{self, IsTerminal, Write},
    ops::ControlFlow,
    path::Path,
    process::ExitCode,
};
use tch::Device;
use train::{
    run::{
        hub::Hub,
        report::compare,
        terminal::{self, say},
        tokenizer::TextEncoder,
        weights::{self, Brought},
    },
    sampling::known_tokens,
};

/// Where answers go if nothing else is said: for a whole run, within its folder.
const RESPONSES: &str = "responses.json";

/// Runs the command.
pub fn main() -> ExitCode {
    model::fast::cpu::allocator::keep();
    let options = Options::parse();
    let verbose = match &options.command {
        None => options.whole.common.verbose,
        Some(Command::Complete(complete)) => complete.generation.common.verbose,
        Some(Command::Chat(chat)) => chat.generation.common.verbose,
        Some(Command::Serve(serve)) => serve.common.verbose,
        Some(Command::Inspect(inspect)) => inspect.common.verbose,
        Some(Command::Respond(respond)) => respond.common.verbose,
        Some(Command::Eval(eval)) => eval.common.verbose,
        Some(Command::Score(score)) => score.verbose,
        Some(Command::Export(export)) => export.verbose,
        Some(Command::Info(info)) => info.verbose,
        Some(Command::Runs { verbose }) => *verbose,
        Some(Command::Completions { .. }) => false,
    };
    if matches!(
        options.command,
        None | Some(Command::Chat(_) | Command::Serve(_) | Command::Respond(_))
    ) {
        model::fast::cpu::allocator::in_large_pages(); // the others are over in a moment
    }
    terminal::run(verbose, || match &options.command {
        None => whole::run(&options.whole),
        Some(Command::Respond(options)) => respond::respond_to_file(options),
        Some(command) => run(command).map(|()| ExitCode::SUCCESS),
    })
}

fn run(command: &Command) -> Result<()> {
    match command {
        Command::Complete(options) => continue_text(options),
        Command::Chat(options) => chat::chat(&options.generation),
        Command::Serve(options) => page::serve(options),
        Command::Inspect(options) => page::inspect(options),
        Command::Eval(options) => eval::eval(options),
        Command::Respond(_) => Ok(()), // it has an exit code of its own
        Command::Score(options) => score::score_file(options),
        Command::Export(options) => export::export_model(options),
        Command::Info(Info { weights, other: Some(other), .. }) => {
            print!("{}", compare(Path::new(weights), Path::new(other))?);
            Ok(())
        }
        Command::Info(options) => {
            let path = Path::new(&options.weights);
            let is_model = path.ends_with(WEIGHTS) && path.with_file_name(CONFIG).is_file();
            let text = if path.is_file() && !is_model {
                info::describe_file(path)?
            } else {
                info::describe(&format::map(&Hub::from_environment().find(&options.weights)?)?)?
            };
            print!("{text}");
            Ok(())
        }
        Command::Runs { .. } => runs::list(),
        Command::Completions { shell } => {
            terminal::print_completions(*shell, Options::command(), "finetune");
            Ok(())
        }
    }
}

/// Sets threads and seed, and finds the device.
fn prepare(common: &Common) -> Result<Device> {
    let device = terminal::device(&common.device)?;
    tch::set_num_threads(common.threads.unwrap_or_else(terminal::physical_cores));
    tch::manual_seed(i64::from(common.seed));
    Ok(device)
}

/// What reads for answers: the fast path or the lesson, and why not the fast one where it could have been.
fn scorer<'a>(model: &'a Gpt2, dtype: Dtype, common: &Common) -> Result<Box<dyn TokenScorer + 'a>> {
    let (scorer, reason) = fast::scorer(model, dtype, common.path)?;
    if let Some(reason) = reason {
        say(&reason);
    }
    Ok(scorer)
}

fn continue_text(options: &Complete) -> Result<()> {
    let generation = &options.generation;
    let device = prepare(&generation.common)?;
    let name = weights::named_or_newest(generation.weights.as_deref(), None);
    let model = match generation.dtype {
        Dtype::F32 => weights::look_at(&name, device)?,
        _ => weights::load(&name, device)?, // to be packed, for which they are better read in order
    };
    let Brought { model, tokenizer, .. } = model;
    let encoder = TextEncoder::new(tokenizer, generation.common.path)?;
    let mut reader = scorer(&model, generation.dtype, &generation.common)?;
    let sampling = generation.sampling(1.0);
    sampling.check(known_tokens(model.config.vocab_size, encoder.lesson()))?;
    let prompt = prompt(options)?;
    encoder.warn_of_long_prompts([&prompt], model.config.context);
    let limits =
        Limits { max_new_tokens: generation.max_new_tokens, stop: generation.stop.clone() };
    let ids = encoder.encode(&prompt);
    for number in 0..options.num_samples {
        if number > 0 {
            println!("---");
        }
        print!("{prompt}");
        let mut show = |piece: &str| {
            if options.no_stream { ControlFlow::Continue(()) } else { show(piece) }
        };
        let text = complete(&mut *reader, encoder.lesson(), &ids, &sampling, &limits, &mut show)?;
        println!("{}", if options.no_stream { &text } else { "" });
    }
    Ok(())
}

/// The text to go on from: what was given, else what comes from a pipe, without the end of its last line.
fn prompt(options: &Complete) -> Result<String> {
    if let Some(text) =
        options.text.as_ref().or(options.prompt.as_ref()).filter(|text| *text != "-")
    {
        return Ok(text.clone());
    }
    if io::stdin().is_terminal() {
        return Ok(String::new());
    }
    let text = io::read_to_string(io::stdin())
        .context("cannot read the prompt from standard input as UTF-8 text")?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

/// Prints a piece of text at once; breaks off where nobody listens any more.
fn show(piece: &str) -> ControlFlow<()> {
    let mut stdout = io::stdout();
    match stdout.write_all(piece.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

/// What the answers are worth by counting, for which nobody needs to be asked.
fn marks_line(answered: &[Answered]) -> String {
    let marks = marks(answered);
    if marks.count == 0 {
        return "test        nothing to compare with: no entry has an output".to_owned();
    }
    format!(
        "test        exact match {:.1} %, token F1 {:.3}, over {} answers",
        100.0 * marks.exact_match,
        marks.token_f1,
        marks.count
    )
}
