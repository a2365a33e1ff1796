//! The order in which training sees the windows (chapter 1.3): batches, shuffled exactly as PyTorch's `DataLoader` shuffles them.

use anyhow::{Result, ensure};
use rand::Rng;
use rand_mt::Mt;

/// How a set of items is dealt out in batches, pass after pass.
pub struct Loader {
    items: usize,
    batch_size: usize,
    shuffled: bool,
    complete_only: bool,
}

impl Loader {
    /// Deals out the numbers `0..items` in batches; `complete_only` drops a last batch that is not full.
    ///
    /// # Errors
    /// If `batch_size` is 0, or if there are too few items for a single batch.
    pub fn new(
        items: usize,
        batch_size: usize,
        shuffled: bool,
        complete_only: bool,
    ) -> Result<Self> {
        ensure!(
            batch_size > 0,
            "a batch of 0 items teaches nothing; choose a batch size of at least 1"
        );
        let loader = Self { items, batch_size, shuffled, complete_only };
        ensure!(
            loader.batches() > 0,
            "{items} items fill no batch of {batch_size}; choose a smaller batch or more data"
        );
        Ok(loader)
    }

    /// The number of batches in a pass.
    pub fn batches(&self) -> usize {
        if self.complete_only {
            self.items / self.batch_size
        } else {
            self.items.div_ceil(self.batch_size)
        }
    }

    /// Starts a pass over all items, which takes one number from `generator`, and a second one if shuffled, as soon as the
    /// first batch is asked for.
    ///
    /// # Source
    /// PyTorch 2.13: `_BaseDataLoaderIter.__init__` in `torch/utils/data/dataloader.py` draws a seed for worker processes,
    /// even where there are none; `RandomSampler.__iter__` in `torch/utils/data/sampler.py` draws the seed of the order.
    pub fn pass<R: Rng>(&self, mut generator: R) -> Pass<'_, R> {
        generator.next_u64(); // the seed for workers; without this draw, all later numbers would be other ones than PyTorch's
        Pass { loader: self, generator, order: Vec::new(), batch: 0 }
    }

    /// The items in the order of a pass. A shuffled one has a generator of its own, whose seed is drawn from `generator`.
    fn order(&self, generator: &mut impl Rng) -> Vec<usize> {
        if self.shuffled {
            let seed = generator.next_u64() as u32; // PyTorch's generator is seeded with the low 32 bits, too
            random_permutation(self.items, &mut Mt::new(seed))
        } else {
            (0..self.items).collect()
        }
    }
}

/// One pass over all items: yields the numbers of the items in each batch.
pub struct Pass<'a, R> {
    loader: &'a Loader,
    generator: R,
    /// Empty until the first batch is asked for.
    order: Vec<usize>,
    batch: usize,
}

impl<R: Rng> Iterator for Pass<'_, R> {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        if self.batch == self.loader.batches() {
            return None;
        }
        if self.batch == 0 {
            self.order = self.loader.order(&mut self.generator);
        }
        let start = self.batch * self.loader.batch_size;
        let end = self.order.len().min(start + self.loader.batch_size);
        self.batch += 1;
        Some(self.order[start..end].to_vec())
    }
}

/// The numbers `0..items` in a random order, which is that of `torch.randperm` if the generator is PyTorch's.
///
/// # Source
/// PyTorch 2.13: `randperm_cpu` in `aten/src/ATen/native/TensorFactories.cpp`; its generator is the MT19937 of Matsumoto and
/// Nishimura 1998.
pub fn random_permutation(items: usize, generator: &mut impl Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..items).collect();
    for place in 0..items.saturating_sub(1) {
        let chosen = place + generator.next_u32() as usize % (items - place);
        order.swap(place, chosen);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::generators::Libtorch;

    fn loader(items: usize, batch_size: usize, shuffled: bool, complete_only: bool) -> Loader {
        Loader::new(items, batch_size, shuffled, complete_only).expect("a loader that works")
    }

    #[test]
    fn a_last_batch_that_is_not_full_is_kept_or_dropped() {
        let kept: Vec<_> = loader(5, 2, false, false).pass(Libtorch).collect();
        assert_eq!(kept, [vec![0, 1], vec![2, 3], vec![4]]);
        let dropped: Vec<_> = loader(5, 2, false, true).pass(Libtorch).collect();
        assert_eq!(dropped, [[0, 1], [2, 3]]);
        assert_eq!(
            (loader(5, 2, false, false).batches(), loader(5, 2, false, true).batches()),
            (3, 2)
        );
    }

    #[test]
    fn a_loader_without_a_batch_is_refused() {
        assert!(Loader::new(5, 0, false, false).is_err());
        assert!(Loader::new(0, 1, false, false).is_err());
        let error = Loader::new(5, 6, true, true).err().expect("no complete batch").to_string();
        assert!(error.contains("5 items") && error.contains("batch of 6"), "{error}");
    }
}
