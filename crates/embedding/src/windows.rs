//! A long text as many short lessons (chapter 1.3): what the network reads, and beside it the same text one token later.

use anyhow::{Result, ensure};
use tch::Tensor;

/// A text cut into windows of `context` tokens that start every `stride` tokens.
pub struct Windows {
    ids: Vec<i64>,
    context: usize,
    stride: usize,
}

impl Windows {
    /// Cuts `ids` into windows. What is left at the end and fills no window is not used.
    ///
    /// # Errors
    /// If `context` or `stride` is 0, or if the text has fewer than `context + 1` tokens: a window needs one more than it
    /// reads, for its last answer.
    pub fn new(ids: Vec<i64>, context: usize, stride: usize) -> Result<Self> {
        ensure!(
            context > 0,
            "a window of 0 tokens teaches nothing; choose a context of at least 1"
        );
        ensure!(stride > 0, "windows 0 tokens apart never move on; choose a stride of at least 1");
        ensure!(
            ids.len() > context,
            "a text of {} tokens fills no window of {context} tokens and the one after it; take a longer text or a \
             shorter context",
            ids.len()
        );
        Ok(Self { ids, context, stride })
    }

    /// The number of windows, never 0.
    #[expect(clippy::len_without_is_empty, reason = "there is always a window")]
    pub fn len(&self) -> usize {
        (self.ids.len() - self.context).div_ceil(self.stride)
    }

    /// The windows of the given numbers, one a row: what is read, and the same one token later.
    ///
    /// # Shapes
    /// - returns inputs and targets, both `[B, T]` with `B` the number of windows asked for and `T` the context
    ///
    /// # Panics
    /// If there is no window of such a number.
    pub fn batch(&self, windows: &[usize]) -> (Tensor, Tensor) {
        (self.rows(windows, 0), self.rows(windows, 1))
    }

    /// The tokens of some windows that are moved on by `shift` tokens, a window in each row.
    fn rows(&self, windows: &[usize], shift: usize) -> Tensor {
        let mut ids = Vec::new();
        for &window in windows {
            let last = self.len() - 1;
            assert!(window <= last, "there is no window {window}, the last is {last}");
            let start = window * self.stride + shift;
            ids.extend_from_slice(&self.ids[start..start + self.context]);
        }
        Tensor::from_slice(&ids).view([windows.len() as i64, self.context as i64]) // [B, T]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(tensor: &Tensor) -> Vec<Vec<i64>> {
        Vec::try_from(tensor).expect("a matrix of integers")
    }

    #[test]
    fn targets_are_the_inputs_one_token_later() {
        let windows = Windows::new((10..20).collect(), 4, 3).expect("two windows");
        assert_eq!(windows.len(), 2);
        let (inputs, targets) = windows.batch(&[1, 0]);
        assert_eq!(rows(&inputs), [[13, 14, 15, 16], [10, 11, 12, 13]]);
        assert_eq!(rows(&targets), [[14, 15, 16, 17], [11, 12, 13, 14]]);
    }

    #[test]
    fn a_text_one_token_longer_than_the_context_is_one_window_and_a_shorter_one_is_refused() {
        assert_eq!(Windows::new(vec![1, 2, 3, 4, 5], 4, 1).expect("one window").len(), 1);
        for length in 0..=4 {
            let error = Windows::new(vec![0; length], 4, 1).err().expect("too short").to_string();
            assert!(
                error.contains(&format!("{length} tokens")) && error.contains("4 tokens"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_context_or_stride_of_zero_is_refused() {
        assert!(Windows::new(vec![0; 9], 0, 1).is_err());
        assert!(Windows::new(vec![0; 9], 1, 0).is_err());
    }

    #[test]
    #[should_panic(expected = "there is no window 2, the last is 1")]
    fn a_window_that_is_not_there_is_named() {
        let _ = Windows::new((10..20).collect(), 4, 3).expect("two windows").batch(&[2]);
    }
}
