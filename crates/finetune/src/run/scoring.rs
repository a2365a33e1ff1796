//! Judging many answers without losing a mark (chapter 5.5): each is written down as soon as it is given, so that a broken-off
//! judging goes on where it stopped. An answer for which the judge failed is counted, and asked for again the next time.

use crate::{
    answers::Answered,
    judge::{Verdict, question},
    run::journal::{Journal, check_writable},
    run::judge::Judge,
};
use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;
use train::examples::hex;

/// A judge that fails so often in a row will not mark the next answer either.
const MOST_FAILURES: usize = 3;

/// With what each line of the file begins.
const BEGINNING: &str = r#"{"answer":"#;

/// One mark, as it is written on a line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Which answer, counted from 0.
    pub answer: usize,
    /// Which time it was asked, counted from 0.
    pub repeat: usize,
    /// SHA-256 of the judge's model and the whole question: a mark for anything else must not be taken for this one's.
    #[serde(default)]
    pub asked: String,
    /// What was judged.
    pub model_response: String,
    /// The mark, if it was one.
    pub score: Option<u8>,
    /// What the judge said instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable: Option<String>,
    /// Why the judge said nothing whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Score {
    fn of(
        verdict: Verdict,
        answer: usize,
        repeat: usize,
        asked: &str,
        answered: &Answered,
    ) -> Self {
        let (score, unusable, failed) = match verdict {
            Verdict::Mark(mark) => (Some(mark), None, None),
            Verdict::Unusable(text) => (None, Some(text), None),
            Verdict::Failed(why) => (None, None, Some(why)),
        };
        let (asked, model_response) = (asked.to_owned(), answered.model_response.clone());
        Self { answer, repeat, asked, model_response, score, unusable, failed }
    }
}

/// Marks in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Answers that were given a mark at least once.
    pub marked: usize,
    /// Replies of the judge that were no mark.
    pub unusable: usize,
    /// Times that the judge failed.
    pub failed: usize,
    /// Mean of all marks.
    pub mean: f64,
    /// Standard deviation between the means of repeats; 0 for one.
    pub spread: f64,
    /// The lowest mark.
    pub min: u8,
    /// The highest mark.
    pub max: u8,
}

/// Has the judge mark every answer `repeats` times, leaving out what `file` has already; `tell` hears of each new mark.
///
/// # Errors
/// If the judge cannot be asked, fails three times in a row, or the disk refuses; the marks so far are in the file.
pub fn score_all(
    judge: &Judge,
    answers: &[Answered],
    repeats: usize,
    file: &Path,
    mut tell: impl FnMut(&Score),
) -> Result<Vec<Score>> {
    let asked: Vec<String> = answers.iter().map(|answered| fingerprint(judge, answered)).collect();
    // A reply that was no mark is asked for again, as a failure is: the judge may have been replaced by a better one.
    let belongs = |score: &Score| {
        score.repeat < repeats
            && score.score.is_some()
            && asked.get(score.answer) == Some(&score.asked)
    };
    check_writable(file)?;
    let (mut log, earlier) = Journal::open::<Score>(file, BEGINNING)?;
    let mut scores: Vec<Score> = earlier.into_iter().filter(belongs).collect();
    let mut failures = 0;
    for repeat in 0..repeats {
        for (number, answered) in answers.iter().enumerate() {
            if scores.iter().any(|score| score.answer == number && score.repeat == repeat) {
                continue;
            }
            let verdict = judge.mark(&answered.entry, &answered.model_response)?;
            let score = Score::of(verdict, number, repeat, &asked[number], answered);
            log.add(&score)?;
            tell(&score);
            failures = if score.failed.is_some() { failures + 1 } else { 0 };
            if let (Some(why), MOST_FAILURES..) = (&score.failed, failures) {
                bail!("the judge at {} failed {failures} times in a row: {why}", judge.address());
            }
            scores.push(score);
        }
    }
    Ok(scores)
}

fn fingerprint(judge: &Judge, answered: &Answered) -> String {
    let asked =
        format!("{}\n{}", judge.model(), question(&answered.entry, &answered.model_response));
    hex(&Sha256::digest(asked))
}

/// Mean, spread and extremes; `None` if nothing was marked.
pub fn summarize(scores: &[Score]) -> Option<Summary> {
    let marks = |repeat: Option<usize>| -> Vec<f64> {
        let asked =
            scores.iter().filter(|score| repeat.is_none_or(|repeat| score.repeat == repeat));
        asked.filter_map(|score| score.score).map(f64::from).collect()
    };
    let all = marks(None);
    let mut marked: Vec<usize> =
        scores.iter().filter(|score| score.score.is_some()).map(|score| score.answer).collect();
    marked.sort_unstable();
    marked.dedup();
    let repeats = scores.iter().map(|score| score.repeat + 1).max().unwrap_or(0);
    let means: Vec<f64> = (0..repeats).filter_map(|repeat| mean(&marks(Some(repeat)))).collect();
    let overall = mean(&all)?;
    let center = mean(&means)?;
    let squares: f64 = means.iter().map(|mean| (mean - center).powi(2)).sum();
    Some(Summary {
        marked: marked.len(),
        unusable: scores.iter().filter(|score| score.unusable.is_some()).count(),
        failed: scores.iter().filter(|score| score.failed.is_some()).count(),
        mean: overall,
        spread: if means.len() > 1 { (squares / (means.len() - 1) as f64).sqrt() } else { 0.0 },
        min: scores.iter().filter_map(|score| score.score).min()?,
        max: scores.iter().filter_map(|score| score.score).max()?,
    })
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(answer: usize, repeat: usize, score: Option<u8>) -> Score {
        let unusable = score.is_none().then(|| "good".to_owned());
        let (asked, model_response) = (String::new(), String::new());
        Score { answer, repeat, asked, model_response, score, unusable, failed: None }
    }

    #[test]
    fn replies_that_are_no_mark_and_failures_are_counted_apart_and_never_as_zero() {
        let failed = Score {
            unusable: None,
            failed: Some("it took too long".to_owned()),
            ..score(3, 0, None)
        };
        let scores = [score(0, 0, Some(80)), score(1, 0, None), score(2, 0, Some(40)), failed];
        let summary = summarize(&scores).expect("two marks");
        assert_eq!((summary.marked, summary.unusable, summary.failed), (2, 1, 1));
        assert_eq!((summary.min, summary.max), (40, 80));
        assert!((summary.mean - 60.0).abs() < 1e-12);
        assert_eq!(summarize(&[score(0, 0, None)]), None);
    }

    #[test]
    fn the_spread_is_that_between_repeats() {
        let scores = [score(0, 0, Some(50)), score(0, 1, Some(60)), score(0, 2, Some(70))];
        assert!((summarize(&scores).expect("marks").spread - 10.0).abs() < 1e-12);
    }
}
