//! What `finetune` says of the test (chapter 5.7).

use super::{marks_line, plan::Prepared};
use crate::{
    answers::{Answered, Baselines, Marks, answer_loss, marks, marks_by_kind},
    collate::InstructionSet,
    instructions::Entry,
    run::embedded::Part,
};
use anyhow::Result;
use embedding::bpe::BytePairEncoder;

/// An answered test, and what its answers are to be read beside.
pub struct Tested {
    /// The answers, part by part.
    pub answered: Vec<Answered>,
    /// What pupils without a model would answer.
    pub baselines: Baselines,
    /// The loss of the expected answers after training; none where no token of an answer is within the context.
    pub loss: Option<f64>,
}

impl Tested {
    /// Of a run whose test is answered.
    ///
    /// # Errors
    /// As [`answer_loss`].
    pub fn of(prepared: &Prepared, answered: Vec<Answered>) -> Result<Self> {
        let Prepared { trainer, split, encoder, .. } = prepared;
        let loss = answer_loss(&trainer.model, encoder.lesson(), &split.test)?;
        Ok(Self { answered, baselines: Baselines::new(&split.training, &split.test), loss })
    }

    /// For each part its name, the marks of its answers, and those of answers by exchanging words.
    pub fn marks_by_part<'a>(&self, parts: &'a [Part]) -> Vec<(&'a str, Marks, Marks)> {
        let mut begin = 0;
        let mut by_part = Vec::new();
        for part in parts {
            let places = begin..begin + part.entries.len();
            begin = places.end;
            let answered = marks(&self.answered[places.clone()]);
            by_part.push((part.name.as_str(), answered, marks(&self.baselines.filled[places])));
        }
        by_part
    }
}

/// What the answers of the test are worth, by their loss and by counting.
pub fn print_test(prepared: &Prepared, tested: &Tested) {
    let Prepared { trainer, plan, split, encoder, .. } = prepared;
    println!(
        "test        loss of the expected answers {} before, {} after",
        loss_words(plan.test_loss_before),
        loss_words(tested.loss)
    );
    if let Some(line) = left_out_line(&split.test, encoder.lesson(), trainer.model.config.context) {
        println!("{line}");
    }
    println!("{}", marks_line(&tested.answered));
    if let Some(before) = plan.marks_before.filter(|before| before.count > 0) {
        println!(
            "            before fine-tuning: exact match {:.1} %, token F1 {:.3}",
            100.0 * before.exact_match,
            before.token_f1
        );
    }
    for (what, answers) in [
        ("the nearest training instruction's answer", &tested.baselines.nearest),
        ("the same with the differing words exchanged", &tested.baselines.filled),
    ] {
        let marks = marks(answers);
        println!(
            "            {what}: exact match {:.1} %, token F1 {:.3}",
            100.0 * marks.exact_match,
            marks.token_f1
        );
    }
    print_parts(prepared, tested);
    print_kinds(&tested.answered);
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
fn print_parts(prepared: &Prepared, tested: &Tested) {
    for (name, marks, filled) in tested.marks_by_part(&prepared.parts) {
        let (low, high) = marks.interval();
        println!(
            "            {name:<17} {:>3.0} % of {:<3} ({:.0} to {:.0}), {:>2.0} % by exchanging words",
            100.0 * marks.exact_match,
            marks.count,
            100.0 * low,
            100.0 * high,
            100.0 * filled.exact_match
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
