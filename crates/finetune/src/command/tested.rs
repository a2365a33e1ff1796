//! What `finetune` says of the test (chapter 5.7).

use super::{marks_line, plan::Prepared};
use crate::{
    answers::{Answered, Baselines, answer_loss, marks, marks_by_kind},
    collate::InstructionSet,
    instructions::Entry,
};
use anyhow::Result;
use embedding::bpe::BytePairEncoder;

/// What the answers of the test are worth, by their loss and by counting.
pub fn print_test(prepared: &Prepared, answered: &[Answered], baselines: &Baselines) -> Result<()> {
    let Prepared { trainer, plan, split, encoder, .. } = prepared;
    let after = answer_loss(&trainer.model, encoder.lesson(), &split.test)?;
    println!(
        "test        loss of the expected answers {} before, {} after",
        loss_words(plan.test_loss_before),
        loss_words(after)
    );
    if let Some(line) = left_out_line(&split.test, encoder.lesson(), trainer.model.config.context) {
        println!("{line}");
    }
    println!("{}", marks_line(answered));
    if let Some(before) = plan.marks_before.filter(|before| before.count > 0) {
        println!(
            "            before fine-tuning: exact match {:.1} %, token F1 {:.3}",
            100.0 * before.exact_match,
            before.token_f1
        );
    }
    for (what, answers) in [
        ("the nearest training instruction's answer", &baselines.nearest),
        ("the same with the differing words exchanged", &baselines.filled),
    ] {
        let marks = marks(answers);
        println!(
            "            {what}: exact match {:.1} %, token F1 {:.3}",
            100.0 * marks.exact_match,
            marks.token_f1
        );
    }
    print_parts(prepared, answered, baselines);
    print_kinds(answered);
    Ok(())
}

/// A loss, or a dash where there is none.
pub fn loss_words(loss: Option<f64>) -> String {
    loss.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.3}"))
}

/// How many expected answers have no part in their loss, if any.
pub fn left_out_line(entries: &[Entry], encoder: &BytePairEncoder, context: i64) -> Option<String> {
    let set = InstructionSet::of_those_that_fit(entries, encoder, context as usize, true);
    let left_out = set.left_out();
    (left_out > 0).then(|| {
        format!(
            "            without {left_out} of {} entries, whose questions alone fill the context of {context} tokens",
            entries.len()
        )
    })
}

/// Exact match by part of the test, with the shares between which the true one lies in 95 of 100 cases.
fn print_parts(prepared: &Prepared, answered: &[Answered], baselines: &Baselines) {
    let (mut rest, mut rest_filled) = (answered, &baselines.filled[..]);
    for part in &prepared.parts {
        let (answers, others) = rest.split_at(part.entries.len());
        rest = others;
        let (filled, others) = rest_filled.split_at(part.entries.len());
        rest_filled = others;
        let by_exchanging = marks(filled).exact_match;
        let marks = marks(answers);
        let (low, high) = marks.interval();
        println!(
            "            {:<17} {:>3.0} % of {:<3} ({:.0} to {:.0}), {:>2.0} % by exchanging words",
            part.name,
            100.0 * marks.exact_match,
            marks.count,
            100.0 * low,
            100.0 * high,
            100.0 * by_exchanging
        );
    }
}

/// Exact match by kind, three kinds a line.
fn print_kinds(answered: &[Answered]) {
    let kinds: Vec<String> = marks_by_kind(answered)
        .into_iter()
        .filter(|(kind, _)| !kind.is_empty())
        .map(|(kind, marks)| {
            format!("{kind:<15} {:>3.0} % of {:<3}", 100.0 * marks.exact_match, marks.count)
        })
        .collect();
    for line in kinds.chunks(3) {
        println!("            {}", line.join("  ").trim_end());
    }
}
