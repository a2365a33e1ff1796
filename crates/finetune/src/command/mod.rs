//! `cargo run -p finetune`: makes a GPT-2 answer, and talks to it (chapter 5.7).

mod chat;
mod options;
mod report;
mod start;
mod whole;

use crate::{
    answers::{self, Answered, answer_all, answer_loss, marks},
    export, info,
    instructions::{self, Entry},
    judge::Judge,
    respond::{Limits, complete},
    scoring,
};
use anyhow::{Context, Result, ensure};
use clap::{CommandFactory, Parser};
use model::{
    fast,
    fast::decode::Dtype,
    format::{self, CONFIG, WEIGHTS},
    generate::TokenScorer,
    gpt2::Gpt2,
};
use options::{Command, Common, Complete, Export, JudgeOptions, Options, Respond, Score};
use std::{
    fs::OpenOptions,
    io::{self, Write},
    ops::ControlFlow,
    path::Path,
    process::ExitCode,
};
use tch::Device;
use train::run::{
    hub::Hub,
    terminal::{self, AnswerProgress, say},
};

/// Runs the command.
pub fn main() -> ExitCode {
    model::fast::cpu::allocator::keep();
    let options = Options::parse();
    let verbose = match &options.command {
        None => options.whole.common.verbose,
        Some(Command::Complete(complete)) => complete.generation.common.verbose,
        Some(Command::Chat(chat)) => chat.generation.common.verbose,
        Some(Command::Respond(respond)) => respond.common.verbose,
        Some(Command::Score(score)) => score.verbose,
        Some(Command::Export(export)) => export.verbose,
        Some(Command::Info(info)) => info.verbose,
        Some(Command::Completions { .. }) => false,
    };
    if matches!(options.command, None | Some(Command::Chat(_) | Command::Respond(_))) {
        model::fast::cpu::allocator::in_large_pages(); // the others are over in a moment
    }
    terminal::run(verbose, || match &options.command {
        None => whole::run(&options.whole),
        Some(command) => run(command).map(|()| ExitCode::SUCCESS),
    })
}

fn run(command: &Command) -> Result<()> {
    match command {
        Command::Complete(options) => continue_text(options),
        Command::Chat(options) => chat::chat(&options.generation),
        Command::Respond(options) => respond_to_file(options),
        Command::Score(options) => score_file(options),
        Command::Export(options) => export_model(options),
        Command::Info(options) => {
            let path = Path::new(&options.weights);
            let is_model = path.ends_with(WEIGHTS) && path.with_file_name(CONFIG).is_file();
            let text = if path.is_file() && !is_model {
                info::describe_file(path)?
            } else {
                info::describe(&look_at(&options.weights, Device::Cpu)?)?
            };
            print!("{text}");
            Ok(())
        }
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

fn load(weights: &str, device: Device) -> Result<Gpt2> {
    format::load(&Hub::from_environment().find(weights)?, device)
}

/// The same for a command that is over in a moment.
fn look_at(weights: &str, device: Device) -> Result<Gpt2> {
    match device {
        Device::Cpu => format::map(&Hub::from_environment().find(weights)?),
        other => load(weights, other),
    }
}

fn continue_text(options: &Complete) -> Result<()> {
    let generation = &options.generation;
    let device = prepare(&generation.common)?;
    let model = match generation.dtype {
        Dtype::F32 => look_at(&generation.weights, device)?,
        _ => load(&generation.weights, device)?, // to be packed, for which they are better read in order
    };
    let mut reader = scorer(&model, generation.dtype, &generation.common)?;
    let sampling = generation.sampling(1.0);
    sampling.check(model.config.vocab_size)?;
    terminal::warn_of_long_prompts([&options.prompt], model.config.context);
    let limits =
        Limits { max_new_tokens: generation.max_new_tokens, stop: generation.stop.clone() };
    for number in 0..options.num_samples {
        if number > 0 {
            println!("---");
        }
        print!("{}", options.prompt);
        let mut show = |piece: &str| {
            if options.no_stream { ControlFlow::Continue(()) } else { show(piece) }
        };
        let text = complete(&mut *reader, &options.prompt, &sampling, &limits, &mut show)?;
        println!("{}", if options.no_stream { &text } else { "" });
    }
    Ok(())
}

/// Prints a piece of text at once; breaks off where nobody listens any more.
fn show(piece: &str) -> ControlFlow<()> {
    let mut stdout = io::stdout();
    match stdout.write_all(piece.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

fn respond_to_file(options: &Respond) -> Result<()> {
    let entries = instructions::load(&options.file)?;
    // Better to learn now than after an hour of answering that the answers cannot be kept.
    let out = OpenOptions::new().append(true).create(true).open(&options.out);
    out.with_context(|| format!("cannot write {}; choose another --out", options.out.display()))?;
    let device = prepare(&options.common)?;
    let model = load(&options.weights, device)?;
    let mut reader = scorer(&model, options.dtype, &options.common)?;
    terminal::warn_of_long_prompts(entries.iter().map(Entry::prompt), model.config.context);
    let stop = terminal::stop_at_signal()?;
    let mut progress = AnswerProgress::new(entries.len());
    let answered = answer_all(&mut *reader, &entries, options.max_new_tokens, |_| {
        progress.add();
        !stop.load(std::sync::atomic::Ordering::SeqCst)
    })?;
    drop((progress, reader)); // the reader holds the weights a second time
    answers::save(&options.out, &answered)?;
    println!("answered    {} of {} entries", answered.len(), entries.len());
    print_marks(&answered);
    println!("test        loss of the expected answers {:.3}", answer_loss(&model, &entries)?);
    println!("wrote       {}", options.out.display());
    Ok(())
}

/// What the answers are worth by counting, for which nobody needs to be asked.
fn print_marks(answered: &[Answered]) {
    let marks = marks(answered);
    println!(
        "test        exact match {:.1} %, token F1 {:.3}, over {} answers",
        100.0 * marks.exact_match,
        marks.token_f1,
        marks.count
    );
}

/// The judge that the options and the environment name.
fn judge(options: &JudgeOptions) -> Judge {
    match &options.judge_url {
        Some(address) => Judge::openai(address, &options.judge_model),
        None => Judge::ollama(std::env::var("OLLAMA_HOST").ok().as_deref(), &options.judge_model),
    }
}

fn score_file(options: &Score) -> Result<()> {
    let answered = answers::load(&options.file)?;
    ensure!(!answered.is_empty(), "{} holds no answer to mark", options.file.display());
    print_marks(&answered);
    let judge = judge(&options.judge);
    let beside = options.file.parent().unwrap_or(Path::new("")).join("scores.jsonl");
    let out = options.out.clone().unwrap_or(beside);
    score_and_report(&judge, &answered, options.repeat, &out)
}

fn score_and_report(
    judge: &Judge,
    answered: &[Answered],
    repeats: usize,
    out: &Path,
) -> Result<()> {
    let total = answered.len() * repeats;
    let scores = scoring::score_all(judge, answered, repeats, out, |score| {
        let verdict = match (&score.score, &score.unusable, &score.failed) {
            (Some(mark), ..) => mark.to_string(),
            (None, Some(text), _) => format!("no mark but {text:?}"),
            (None, None, why) => {
                format!("no mark, as the judge failed: {}", why.as_deref().unwrap_or_default())
            }
        };
        say(&format!(
            "answer {} of {total}: {verdict}",
            score.repeat * answered.len() + score.answer + 1
        ));
    })
    .with_context(|| {
        format!("not all answers are marked; `finetune score` goes on from {}", out.display())
    })?;
    match scoring::summarize(&scores) {
        Some(summary) => println!(
            "judge       {:.1} of 100 on average, {} to {}, over {} answers ({} replies were no mark, {} failed, spread {:.1})",
            summary.mean,
            summary.min,
            summary.max,
            summary.marked,
            summary.unusable,
            summary.failed,
            summary.spread
        ),
        None => println!(
            "judge       gave no mark; its {} replies are in {}",
            scores.len(),
            out.display()
        ),
    }
    Ok(())
}

fn export_model(options: &Export) -> Result<()> {
    let model = look_at(&options.weights, Device::Cpu)?;
    export::export(&options.out, &model)?;
    println!(
        "wrote {}: weights, tokenizer, generation settings, chat template, Modelfile",
        options.out.display()
    );
    Ok(())
}
