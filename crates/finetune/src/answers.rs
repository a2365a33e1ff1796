//! Answers to many entries, and what they are worth together (chapter 5.5).

use crate::{
    collate::InstructionSet,
    instructions::Entry,
    measure::{Lookup, exact_match, interval, slots_filled, token_f1},
    respond::answer,
};
use anyhow::Result;
use embedding::bpe::BytePairEncoder;
use model::{generate::TokenScorer, gpt2::Gpt2};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use train::evaluate::evaluate;

/// An entry with what the model answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// What was asked and expected.
    #[serde(flatten)]
    pub entry: Entry,
    /// What came.
    pub model_response: String,
}

/// Answers entries one after another; `tell` hears of each, and answers `false` to break off.
///
/// # Errors
/// If a prompt cannot be read by the model.
pub fn answer_all(
    reader: &mut dyn TokenScorer,
    encoder: &BytePairEncoder,
    entries: &[Entry],
    max_new_tokens: usize,
    mut tell: impl FnMut(&Answered) -> bool,
) -> Result<Vec<Answered>> {
    let mut answered = Vec::with_capacity(entries.len());
    for entry in entries {
        let model_response = answer(reader, encoder, entry, max_new_tokens)?;
        answered.push(Answered { entry: entry.clone(), model_response });
        if !answered.last().is_none_or(&mut tell) {
            break;
        }
    }
    Ok(answered)
}

/// Means over several answers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Marks {
    /// Answers.
    pub count: usize,
    /// The share of answers that are exactly as expected.
    pub exact_match: f64,
    /// Mean token F1.
    pub token_f1: f64,
}

impl Marks {
    /// Between which shares of exact answers the true one lies, with a probability of 95 %.
    pub fn interval(&self) -> (f64, f64) {
        interval((self.exact_match * self.count as f64).round() as usize, self.count)
    }
}

/// What the answers are worth, those to which an answer is expected.
pub fn marks<'a>(answers: impl IntoIterator<Item = &'a Answered>) -> Marks {
    means(
        answers
            .into_iter()
            .filter(|answered| !answered.entry.output.trim().is_empty())
            .map(|answered| (answered.model_response.as_str(), answered.entry.output.as_str())),
    )
}

/// What they are worth for each kind of task.
pub fn marks_by_kind(answers: &[Answered]) -> BTreeMap<&str, Marks> {
    let mut kinds: BTreeMap<&str, Vec<&Answered>> = BTreeMap::new();
    for answered in answers {
        kinds.entry(&answered.entry.kind).or_default().push(answered);
    }
    kinds.into_iter().map(|(kind, answers)| (kind, marks(answers))).collect()
}

/// What pupils without a model would answer to a test, in its order.
pub struct Baselines {
    /// The answers of the nearest training entries.
    pub nearest: Vec<Answered>,
    /// The same with the words exchanged in which the questions differ.
    pub filled: Vec<Answered>,
}

impl Baselines {
    /// By what these entries teach.
    pub fn new(training: &[Entry], test: &[Entry]) -> Self {
        let lookup = Lookup::new(training);
        let (mut nearest, mut filled) = (Vec::new(), Vec::new());
        for entry in test {
            let near = lookup.nearest(entry);
            let answered =
                |response: String| Answered { entry: entry.clone(), model_response: response };
            nearest.push(answered(near.output.clone()));
            filled.push(answered(slots_filled(near, entry)));
        }
        Self { nearest, filled }
    }
}

fn means<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Marks {
    let (mut count, mut exact, mut f1) = (0, 0, 0.0);
    for (answer, expected) in pairs {
        count += 1;
        exact += usize::from(exact_match(answer, expected));
        f1 += token_f1(answer, expected);
    }
    let divisor = count.max(1) as f64;
    Marks { count, exact_match: exact as f64 / divisor, token_f1: f1 / divisor }
}

/// The mean loss of the expected answers' tokens: what can be compared between runs, whatever they learned from. `None` if no token of
/// an answer is within the context.
///
/// # Units
/// Nats per token.
///
/// # Errors
/// Never in practice: where there is a target, there is a loss.
pub fn answer_loss(
    model: &Gpt2,
    encoder: &BytePairEncoder,
    entries: &[Entry],
) -> Result<Option<f64>> {
    let context = model.config.context as usize;
    let set = InstructionSet::of_those_that_fit(entries, encoder, context, true);
    if set.left_out() == entries.len() {
        return Ok(None);
    }
    evaluate(model, &set, 8, 0).map(Some)
}
