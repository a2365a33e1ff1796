//! The order in which training sees the windows (chapter 1.3): batches, shuffled exactly as PyTorch's `DataLoader` shuffles them.

use anyhow::{Result, ensure};
use rand::Rng;
use rand_mt::Mt;
use tch::{Device, Kind, Tensor};

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

    /// Starts a pass over all items, which takes one number from libtorch's generator, and a second one if shuffled, as
    /// soon as the first batch is asked for.
    ///
    /// # Source
    /// PyTorch 2.13: `_BaseDataLoaderIter.__init__` in `torch/utils/data/dataloader.py` draws a seed for worker processes,
    /// even where there are none; `RandomSampler.__iter__` in `torch/utils/data/sampler.py` draws the seed of the order.
    pub fn pass(&self) -> Pass<'_> {
        draw_int64(); // the seed for workers; without this draw, all later numbers would be other ones than PyTorch's
        Pass { loader: self, order: None, batch: 0 }
    }
}

/// One pass over all items: yields the numbers of the items in each batch.
pub struct Pass<'a> {
    loader: &'a Loader,
    order: Option<Vec<usize>>,
    batch: usize,
}

impl Iterator for Pass<'_> {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let Loader { items, batch_size, shuffled, .. } = *self.loader;
        let order = self.order.get_or_insert_with(|| {
            if shuffled { random_permutation(items, draw_int64()) } else { (0..items).collect() }
        });
        if self.batch == self.loader.batches() {
            return None;
        }
        let start = self.batch * batch_size;
        self.batch += 1;
        Some(order[start..items.min(start + batch_size)].to_vec())
    }
}

/// A number from libtorch's default generator, as `torch.empty((), dtype=torch.int64).random_()` draws it.
fn draw_int64() -> i64 {
    Tensor::empty([], (Kind::Int64, Device::Cpu)).random_().int64_value(&[])
}

/// The numbers `0..items` in the order of `torch.randperm` with a generator of its own, seeded with `seed`.
///
/// # Source
/// PyTorch 2.13: `randperm_cpu` in `aten/src/ATen/native/TensorFactories.cpp`; its generator is the MT19937 of Matsumoto and
/// Nishimura 1998, seeded with the low 32 bits.
pub fn random_permutation(items: usize, seed: i64) -> Vec<usize> {
    permutation(items, &mut Mt::new(seed as u32))
}

/// The numbers `0..items` in a random order: each place takes one of those that are left, by one number of `generator`.
pub fn permutation(items: usize, generator: &mut impl Rng) -> Vec<usize> {
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

    fn loader(items: usize, batch_size: usize, shuffled: bool, complete_only: bool) -> Loader {
        Loader::new(items, batch_size, shuffled, complete_only).expect("a loader that works")
    }

    #[test]
    fn a_last_batch_that_is_not_full_is_kept_or_dropped() {
        let kept: Vec<_> = loader(5, 2, false, false).pass().collect();
        assert_eq!(kept, [vec![0, 1], vec![2, 3], vec![4]]);
        let dropped: Vec<_> = loader(5, 2, false, true).pass().collect();
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
