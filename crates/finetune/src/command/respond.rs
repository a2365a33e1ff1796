//! Answering every entry of a file (chapter 5.7).

use super::{RESPONSES, marks_line, options::Respond, prepare, scorer, tested};
use crate::{
    answers::{Answered, answer_loss},
    instructions::Entry,
    run::answer_file::{AnswerFile, answer_into},
    run::journal::{check_writable, followed, is_stream},
    run::records::{self, Record},
};
use anyhow::{Context, Result, ensure};
use embedding::bpe::BytePairEncoder;
use model::{format, generate::TokenScorer, gpt2::Gpt2};
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::Ordering,
};
use train::run::{
    newest::Maker,
    terminal::{self, CountProgress, INTERRUPTED, say},
    tokenizer::TextEncoder,
    weights::{self, Brought},
};

/// Answers a file of tasks.
pub fn respond_to_file(options: &Respond) -> Result<ExitCode> {
    let records = records::load(&options.file)?;
    let out = options.out.clone().unwrap_or_else(|| PathBuf::from(RESPONSES));
    // Better to learn now than after an hour of answering that the answers cannot be kept.
    check_writable(&out)?;
    if options.out.is_none() && !options.force {
        refuse_other_answers(&out, &records)?;
    }
    let device = prepare(&options.common)?;
    let name = weights::named_or_newest(options.weights.as_deref(), Some(Maker::Finetune));
    let Brought { model, folder, tokenizer } = weights::load(&name, device)?;
    let encoder = TextEncoder::new(tokenizer, options.common.path)?;
    let mut reader = scorer(&model, options.dtype, &options.common)?;
    encoder.warn_of_long_prompts(
        records.iter().map(|record| record.entry.prompt()),
        model.config.context,
    );
    let mut file = AnswerFile::open(&out, &identity(options, &folder)?)?;
    let Some(responses) = answer(options, &records, &mut *reader, encoder.lesson(), &mut file)?
    else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    drop(reader); // it holds the weights a second time
    finish(file, &records, &responses, options, &out)?;
    let answered: Vec<Answered> = records
        .into_iter()
        .zip(responses)
        .map(|(record, model_response)| Answered { entry: record.entry, model_response })
        .collect();
    print_results(&model, encoder.lesson(), &answered, &out)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the answers as one file.
fn finish(
    file: AnswerFile,
    records: &[Record],
    responses: &[String],
    options: &Respond,
    out: &Path,
) -> Result<()> {
    let kept = file.journal().map(|journal| journal.display().to_string());
    let finished = file.finish(records, responses, !options.force);
    let finished = finished.with_context(|| match &kept {
        Some(journal) => format!(
            "all {} answers are kept in {journal}; make room, and the same command goes on",
            responses.len()
        ),
        None => "the answers went through all but their end".to_owned(),
    });
    if let Some(copy) = finished? {
        say(&format!("{} held something else, which is now {}", out.display(), copy.display()));
    }
    Ok(())
}

/// The answers; none if Ctrl-C broke them off, which is said.
fn answer(
    options: &Respond,
    records: &[Record],
    reader: &mut dyn TokenScorer,
    encoder: &BytePairEncoder,
    file: &mut AnswerFile,
) -> Result<Option<Vec<String>>> {
    let known = file.answered(records);
    if known > 0 {
        say(&format!("{known} of {} entries were answered before; going on", records.len()));
    }
    let stop = terminal::stop_at_signal()?;
    let mut progress = CountProgress::new("answer", records.len());
    let responses = answer_into(file, reader, encoder, records, options.max_new_tokens, || {
        progress.add();
        !stop.load(Ordering::SeqCst)
    })?;
    drop(progress);
    if responses.len() == records.len() {
        return Ok(Some(responses));
    }
    let place = file.journal().map_or_else(String::new, |journal| {
        format!(" and kept in {}; the same command goes on from there", journal.display())
    });
    say(&format!("{} of {} entries are answered{place}", responses.len(), records.len()));
    Ok(None)
}

fn print_results(
    model: &Gpt2,
    encoder: &BytePairEncoder,
    answered: &[Answered],
    out: &Path,
) -> Result<()> {
    let mut lines = vec![format!("answered    {0} of {0} entries", answered.len())];
    lines.push(marks_line(answered));
    let expected: Vec<Entry> = answered
        .iter()
        .filter(|answered| !answered.entry.output.trim().is_empty())
        .map(|answered| answered.entry.clone())
        .collect();
    if !expected.is_empty() {
        let loss = tested::loss_words(answer_loss(model, encoder, &expected)?);
        lines.push(format!("test        loss of the expected answers {loss}"));
        lines.extend(tested::left_out_line(&expected, encoder, model.config.context));
    }
    lines.push(format!("wrote       {}", out.display()));
    let to_stdout = is_stream(&followed(out)); // whose reader may be that of stdout
    for line in &lines {
        if to_stdout {
            say(line);
        } else {
            println!("{line}");
        }
    }
    Ok(())
}

/// The name that stands for who answers and how: the same weights, type and length give the same answers.
fn identity(options: &Respond, folder: &Path) -> Result<String> {
    let folder = fs::canonicalize(folder)?;
    let weights = folder.join(format::WEIGHTS);
    let data = fs::metadata(&weights).or_else(|_| fs::metadata(&folder))?;
    let changed = data.modified()?;
    Ok(format!(
        "{} {} {changed:?} {} {}",
        folder.display(),
        data.len(),
        options.dtype,
        options.max_new_tokens
    ))
}

/// Refuses to write over answers to other tasks where nobody has named the file.
fn refuse_other_answers(out: &Path, records: &[Record]) -> Result<()> {
    if fs::metadata(out).map_or(0, |data| data.len()) == 0 {
        return Ok(());
    }
    let asked: HashSet<String> = records.iter().map(|record| record.entry.prompt()).collect();
    let theirs = records::load(out).context("it is not ours").unwrap_or_default();
    let ours = theirs.iter().filter(|record| asked.contains(&record.entry.prompt())).count();
    ensure!(
        ours > 0 && ours == theirs.len(),
        "{} holds something other than answers to these tasks; name another file with --out, or this one, of which a copy is then kept",
        out.display()
    );
    Ok(())
}
