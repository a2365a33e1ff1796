//! What a model can be trained on (chapter 4.1): anything that can be numbered and turned into batches.

use anyhow::Result;
use embedding::{loader::Loader, support::generators::Libtorch, windows::Windows};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use tch::{Kind, Tensor};

/// A numbered set of training examples.
#[expect(clippy::len_without_is_empty, reason = "a set of examples is never empty")]
pub trait Examples {
    /// How many there are, never 0.
    fn len(&self) -> usize;

    /// The examples of the given numbers, one a row: what is read, and what should be answered at each position.
    ///
    /// # Shapes
    /// - returns inputs and targets, both `[B, T]`; a target may be [`IGNORED`](crate::loss::IGNORED)
    fn batch(&self, items: &[usize]) -> (Tensor, Tensor);

    /// The batches of one pass over the examples, in an order drawn from libtorch's generator. Each pass has as many batches.
    ///
    /// By default they are shuffled as PyTorch's `DataLoader` shuffles them, and a last batch that is not full is dropped.
    ///
    /// # Errors
    /// If there are too few examples for a single batch.
    fn pass(&self, batch_size: usize) -> Result<Vec<Vec<usize>>> {
        Ok(Loader::new(self.len(), batch_size, true, true)?.pass(Libtorch).collect())
    }

    /// SHA-256 of all inputs and targets: two sets that teach the same have the same one.
    fn data_hash(&self) -> String {
        let mut hasher = Sha256::new();
        for item in 0..self.len() {
            let (inputs, targets) = self.batch(&[item]);
            for ids in [inputs, targets] {
                let ids: Vec<i64> =
                    Vec::try_from(ids.to_kind(Kind::Int64).reshape([-1])).expect("a vector of ids");
                hasher.update(ids.len().to_le_bytes());
                for id in ids {
                    hasher.update(id.to_le_bytes());
                }
            }
        }
        hex(&hasher.finalize())
    }
}

/// Bytes as digits of base 16.
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in bytes {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

impl Examples for Windows {
    fn len(&self) -> usize {
        Windows::len(self)
    }

    fn batch(&self, items: &[usize]) -> (Tensor, Tensor) {
        Windows::batch(self, items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_other_token_makes_another_fingerprint() {
        let of =
            |last: i64| Windows::new(vec![1, 2, 3, 4, last], 2, 2).expect("windows").data_hash();
        assert_eq!(of(5), of(5));
        assert_ne!(of(5), of(6));
    }
}
