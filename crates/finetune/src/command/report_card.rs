//! The report card of a whole run, `report.md` in its folder (chapter 5.7).

use super::{
    plan::Prepared,
    report::one_line,
    tested::{Tested, loss_words},
};
use crate::answers::{Marks, marks, marks_by_kind};
use std::time::Duration;
use train::{
    metrics::{self, Line},
    run::{
        card::seconds_of_steps,
        folder::{METRICS, PRETRAINING},
        report::Report,
    },
};

/// The card of a run whose test is answered, after so many seconds in all.
pub fn report_card(prepared: &Prepared, tested: &Tested, seconds: f64) -> String {
    let Prepared { trainer, folder, plan, split, encoder, kept, .. } = prepared;
    let mut report = Report::of(trainer, kept.as_ref());
    report.add(
        "Data",
        [
            ("data", plan.data.clone()),
            ("training entries", split.training.len().to_string()),
            ("test entries", split.test.len().to_string()),
            ("begun with", plan.begun_with.clone()),
        ],
    );
    let validation: String =
        split.validation.iter().map(|entry| entry.prompt() + &entry.output).collect();
    report.add_tokenizer(encoder, &validation);
    let pretraining = std::fs::read_to_string(folder.path().join(PRETRAINING).join(METRICS));
    let pretraining: Vec<Line> =
        metrics::from_jsonl(&pretraining.unwrap_or_default()).unwrap_or_default();
    let [first, steps, all] =
        [seconds_of_steps(&pretraining), seconds_of_steps(&trainer.progress.history), seconds]
            .map(Duration::from_secs_f64);
    report.add_times([
        ("steps of the first model", first),
        ("steps of fine-tuning", steps),
        ("answers and everything else", all.saturating_sub(first + steps)),
    ]);
    add_test(&mut report, prepared, tested);
    let answered = &tested.answered;
    for answered in answered.iter().step_by(answered.len().div_ceil(3).max(1)) {
        report.add_sample(&format!("{} => {}", one_line(&answered.entry), answered.model_response));
    }
    report.markdown(&folder.path().file_name().unwrap_or_default().to_string_lossy())
}

/// What the answers are worth, in all, by part and by kind.
fn add_test(report: &mut Report, prepared: &Prepared, tested: &Tested) {
    let Tested { answered, baselines, loss } = tested;
    let Prepared { plan, parts, .. } = prepared;
    let mut rows = vec![
        ("loss of the expected answers, before", loss_words(plan.test_loss_before)),
        ("loss of the expected answers, after", loss_words(*loss)),
    ];
    rows.extend(plan.marks_before.map(|before| ("before fine-tuning", words(&before))));
    rows.push(("after", words(&marks(answered))));
    rows.push(("by the nearest training answer", words(&marks(&baselines.nearest))));
    rows.push(("by that answer with words exchanged", words(&marks(&baselines.filled))));
    report.add("Test", rows);
    let parts = tested.marks_by_part(parts);
    report.add("Test by part", parts.into_iter().map(|(name, marks, _)| (name, words(&marks))));
    let kinds = marks_by_kind(answered).into_iter().filter(|(kind, _)| !kind.is_empty());
    report.add("Test by kind", kinds.map(|(kind, marks)| (kind, words(&marks))));
}

fn words(marks: &Marks) -> String {
    let (low, high) = marks.interval();
    format!(
        "exact match {:.1} % of {} ({:.0} to {:.0}), token F1 {:.3}",
        100.0 * marks.exact_match,
        marks.count,
        100.0 * low,
        100.0 * high,
        marks.token_f1
    )
}
