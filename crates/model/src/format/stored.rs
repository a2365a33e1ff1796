//! What a weight file calls its tensors: which of them are a GPT-2's, under whatever prefix, and which are something else.

use super::weights::Weights;
use crate::config::Gpt2Config;
use anyhow::{Result, bail};
use std::collections::BTreeMap;

/// What wraps a model puts its name before those of the tensors: transformers itself, `torch.compile`, parallel training, Lightning.
const WRAPPERS: [&str; 5] = ["transformer.", "_orig_mod.", "module.", "model.", "base_model."];
/// Heads of other tasks, which are beside the language model in the files of reward and classification models.
const OTHER_HEADS: [&str; 3] = ["v_head.", "score.", "multiple_choice_head."];
/// The output head's name in a file.
pub(super) const HEAD: &str = "lm_head.weight";
const EMBEDDING: &str = "wte.weight";

/// The tensors of the files by their place in a GPT-2.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// The public name without prefix, then the name and the shape in the file.
    pub places: BTreeMap<String, (String, Vec<i64>)>,
    /// Heads of other tasks, which are not read.
    pub other_heads: Vec<String>,
}

impl Stored {
    /// Finds the place of each tensor and decides whether the head is tied: stored causal masks and a stored copy of a tied head
    /// are left out, and a head that differs from the embedding unties the model.
    ///
    /// # Errors
    /// If two tensors claim one place, or one that has to be looked at cannot be read.
    ///
    /// # Source
    /// `tie_weights` of transformers 5, which keeps a stored head that is not the embedding; its predecessors dropped it.
    pub fn of(weights: &Weights, config: &mut Gpt2Config) -> Result<Self> {
        let is_mask =
            |name: &str| name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
        let mut stored = Self::default();
        for (name, shape) in weights.shapes() {
            let short = without_wrappers(&name).to_owned();
            if OTHER_HEADS.iter().any(|head| short.starts_with(head)) {
                stored.other_heads.push(name);
            } else if let Some((twin, _)) = if is_mask(&short) {
                None
            } else {
                stored.places.insert(short, (name.clone(), shape))
            } {
                bail!("{name} and {twin} claim the same place; the file must hold one of them");
            }
        }
        if config.tied {
            stored.decide_tie(weights, config)?;
        }
        Ok(stored)
    }

    fn decide_tie(&mut self, weights: &Weights, config: &mut Gpt2Config) -> Result<()> {
        let Some(head) = self.places.get(HEAD).cloned() else { return Ok(()) };
        match self.places.get(EMBEDDING) {
            // `save_model` of safetensors keeps one name of a shared tensor, the first by the alphabet.
            None => drop(self.places.insert(EMBEDDING.to_owned(), head)),
            Some(embedding) if !weights.are_equal(&embedding.0, &head.0)? => {
                config.tied = false;
                return Ok(());
            }
            Some(_) => {}
        }
        self.places.remove(HEAD);
        Ok(())
    }
}

/// A name without what wraps the model.
pub(super) fn without_wrappers(name: &str) -> &str {
    let mut short = name;
    while let Some(rest) = WRAPPERS.iter().find_map(|wrapper| short.strip_prefix(wrapper)) {
        short = rest;
    }
    short
}
