//! How the model writes (chapter 3.7): it finds the logits of the next token, one is chosen, and the text is one token longer.

use crate::{cache::Cache, gpt2::Gpt2};
use anyhow::{Result, ensure};
use tch::Tensor;

/// Continues `prompt` by `new_tokens` tokens, each time the most probable one, and returns the whole.
///
/// This is the lesson: each step runs the whole text, cut to its last `context` tokens, through the model. [`Generator`] gives the same
/// tokens without the repeated work.
///
/// # Panics
/// If `prompt` is empty or holds an id outside the vocabulary.
pub fn greedy(model: &Gpt2, prompt: &[i64], new_tokens: usize) -> Vec<i64> {
    let _guard = tch::no_grad_guard();
    let mut ids = prompt.to_vec();
    for _ in 0..new_tokens {
        let visible = &ids[ids.len().saturating_sub(model.config.context as usize)..];
        let visible = Tensor::from_slice(visible).unsqueeze(0).to_device(model.store.device()); // [1, T]
        let logits = model.forward(&visible, false); // [1, T, V]
        ids.push(most_probable(&logits.select(1, -1).squeeze_dim(0)));
    }
    ids
}

/// The id with the highest logit; the first of several equals.
///
/// # Shapes
/// - `logits`: `[V]`
pub fn most_probable(logits: &Tensor) -> i64 {
    logits.argmax(-1, false).int64_value(&[])
}

/// What reads a text piece by piece and gives the logits of its next token.
pub trait TokenScorer {
    /// The model that is read with.
    fn model(&self) -> &Gpt2;

    /// Reads tokens behind those read before, and returns the logits of the successor of the last.
    ///
    /// # Shapes
    /// - returns `[V]`
    fn read(&mut self, ids: &[i64]) -> Tensor;

    /// Forgets everything that was read.
    fn clear(&mut self);
}

/// A model with its cache.
pub struct CachedModel<'a> {
    model: &'a Gpt2,
    cache: Cache,
}

impl<'a> CachedModel<'a> {
    /// Allocates the cache for one text.
    pub fn new(model: &'a Gpt2) -> Self {
        Self { model, cache: Cache::new(&model.config, 1, model.store.device()) }
    }
}

impl TokenScorer for CachedModel<'_> {
    fn model(&self) -> &Gpt2 {
        self.model
    }

    fn read(&mut self, ids: &[i64]) -> Tensor {
        let ids = Tensor::from_slice(ids).unsqueeze(0).to_device(self.model.store.device()); // [1, new]
        let hidden = self.model.hidden(&ids, Some(&mut self.cache), false); // [1, new, C]
        self.model.logits(&hidden.select(1, -1)).squeeze_dim(0)
    }

    fn clear(&mut self) {
        self.cache.clear();
    }
}

/// Writes on and on, one token for each call of `next`, each chosen by a function of the logits.
///
/// Ending the text is the caller's business: `take(50)`, `take_while(|id| …)`. When the context is full, the older half of what the
/// model sees is dropped and the rest read again.
///
/// # Differs
/// [`greedy`] drops one token at a time, which costs a full pass for each token from then on. Within the context
/// both give the same.
pub struct Generator<'a, Choose> {
    reader: &'a mut dyn TokenScorer,
    visible: Vec<i64>,
    known: usize, // how many of the visible tokens the reader has read
    choose: Choose,
}

impl<'a, Choose: FnMut(&Tensor) -> i64> Generator<'a, Choose> {
    /// Starts after `prompt`, of which the model sees the last `context` tokens; what `reader` knew before is forgotten. `choose`
    /// gets the logits `[V]` of the next token and returns its id.
    ///
    /// # Errors
    /// If the prompt is empty or holds an id outside the vocabulary.
    pub fn new(reader: &'a mut dyn TokenScorer, prompt: &[i64], choose: Choose) -> Result<Self> {
        ensure!(!prompt.is_empty(), "the prompt has no token; give at least one");
        let model = reader.model();
        let visible = prompt[prompt.len().saturating_sub(model.config.context as usize)..].to_vec();
        model.check_ids(&Tensor::from_slice(&visible).unsqueeze(0), 0)?;
        reader.clear();
        Ok(Self { reader, visible, known: 0, choose })
    }
}

impl<Choose: FnMut(&Tensor) -> i64> Iterator for Generator<'_, Choose> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let _guard = tch::no_grad_guard();
        let context = self.reader.model().config.context as usize;
        if self.visible.len() > context {
            self.visible.drain(..self.visible.len() - context.div_ceil(2));
            self.reader.clear();
            self.known = 0;
        }
        let logits = self.reader.read(&self.visible[self.known..]); // [V]
        self.known = self.visible.len();
        let id = (self.choose)(&logits);
        self.visible.push(id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_equal_scores_wins() {
        assert_eq!(most_probable(&Tensor::from_slice(&[0.5, 2.0, -1.0, 2.0])), 1);
        assert_eq!(most_probable(&Tensor::from_slice(&[-3.0])), 0);
    }
}
