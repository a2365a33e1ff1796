//! What decides a whole run and is the same when it goes on (chapter 5.7): its data, how they are cut, and what it began with.

use crate::{
    answers::{Answered, Marks},
    collate::InstructionSet,
    data,
    instructions::Split,
    run::{
        embedded::{self, Part},
        tasks::{self, EMBEDDED_NAME},
    },
};
use anyhow::Result;
use embedding::bpe::BytePairEncoder;
use model::config::Gpt2Config;
use serde::{Deserialize, Serialize};
use train::{
    examples::Examples,
    metrics::Validation,
    run::{folder::RunFolder, terminal::say, tokenizer::TextEncoder},
    trainer::Trainer,
};

/// What a resumed run must know beside its settings; each checkpoint holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub data: String,
    pub sample: Option<usize>,
    pub seed: u32,
    pub mask_prompt: bool,
    pub begun_with: String,
    /// What the model answered to the shown entries before it was fine-tuned.
    pub before: Vec<Answered>,
    /// What its answers to the whole test were worth then; earlier checkpoints have not asked.
    #[serde(default)]
    pub marks_before: Option<Marks>,
    /// Its loss on the expected answers of the test then; none if no token of an answer is within the context.
    pub test_loss_before: Option<f64>,
}

/// A run that can be taken up, with what it learns from and is asked.
pub struct Prepared {
    pub trainer: Trainer,
    pub folder: RunFolder,
    pub plan: Plan,
    pub split: Split,
    /// The test in its parts, where it has any.
    pub parts: Vec<Part>,
    pub encoder: TextEncoder,
    /// The measurement of the weights that it ends with, where they are not the last ones.
    pub kept: Option<Validation>,
}

/// A set as the trainer takes it.
pub fn boxed(validation: Option<InstructionSet>) -> Option<Box<dyn Examples>> {
    validation.map(|set| Box::new(set) as Box<dyn Examples>)
}

/// The entries of a run: those of `data`, or a sample of them, for training, validation and test; and the test in its parts, where it
/// has any.
pub fn split(data: &str, sample: Option<usize>, seed: u32) -> Result<(Split, Vec<Part>)> {
    let all = tasks::read(data)?;
    let total = all.len();
    let entries = match sample {
        Some(count) => data::sample(&all, count, seed)?,
        None => all,
    };
    if data == EMBEDDED_NAME {
        return embedded::split(&entries, total);
    }
    Ok((data::split(&entries)?, Vec::new()))
}

/// What is learned and what is measured on, the latter only where an answer is within the context.
pub fn sets(
    split: &Split,
    encoder: &BytePairEncoder,
    config: &Gpt2Config,
    mask_prompt: bool,
) -> Result<(InstructionSet, Option<InstructionSet>)> {
    let context = config.context as usize;
    let training = InstructionSet::new(&split.training, encoder, context, mask_prompt)?;
    let validation =
        InstructionSet::of_those_that_fit(&split.validation, encoder, context, mask_prompt);
    for (part, entries, set) in
        [("training", &split.training, &training), ("validation", &split.validation, &validation)]
    {
        if set.left_out() > 0 {
            say(&format!(
                "left out        {} of {} {part} entries, whose questions alone fill the context of {context} tokens",
                set.left_out(),
                entries.len()
            ));
        }
    }
    let nothing = validation.left_out() == split.validation.len();
    Ok((training.in_similar_lengths(), (!nothing).then_some(validation)))
}
