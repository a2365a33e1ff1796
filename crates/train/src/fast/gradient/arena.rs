//! Memory that a step uses twice.
//!
//! On its way forward a step remembers something of each block. On its way back, from the last block to the first, it finds each
//! block's gradient, and then needs what it remembered of the block no more. So one stretch of memory serves both:
//!
//! ```text
//! forward    [saved 0][saved 1] … [saved 11][logits]
//! back       [saved 0][saved 1] …     [gradient 10][gradient 11]
//! at the end     [gradient 0][gradient 1] … [gradient 10][gradient 11]
//! ```
//!
//! A step of the 124M model with 2 sequences of 256 tokens takes 2.3 GB; it took 2.5 when the gradients had places of their own, and
//! then it remembered less. Freeing the one and allocating the other, in hundreds of pieces, did not help: what is free is scattered,
//! and the next gradient fits nowhere.
//!
//! `cargo xtask bench train --only train-2x256` measures the memory too.

use std::cell::Cell;
use tch::Tensor;

/// How many numbers each thing takes.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub blocks: i64,
    /// What is remembered of a block.
    pub saved: i64,
    /// The gradients of a block; 0 if they are kept elsewhere.
    pub gradient: i64,
    /// The logits that exist at a time. They are needed before any block's gradient is found.
    pub logits: i64,
}

impl Sizes {
    /// The least memory in which nothing is overwritten too early: at the last block and at the first one, between which the
    /// distance grows or shrinks evenly.
    pub fn total(self) -> i64 {
        let Self { blocks, saved, gradient, logits } = self;
        (blocks * saved + gradient.max(logits)).max(blocks * gradient + saved)
    }
}

/// Memory for one batch.
pub struct Arena {
    sizes: Sizes,
    memory: Tensor, // [total]
}

impl Arena {
    pub fn new(sizes: Sizes, memory: &Tensor) -> Self {
        Self { sizes, memory: memory.narrow(0, 0, sizes.total()) }
    }

    /// Where block `number` puts what it remembers.
    pub fn saved(&self, number: usize) -> Shelf {
        self.shelf(number as i64 * self.sizes.saved, self.sizes.saved)
    }

    /// Where the gradients of block `number` belong.
    pub fn gradients(&self, number: usize) -> Shelf {
        let Sizes { blocks, gradient, .. } = self.sizes;
        self.shelf(self.sizes.total() - (blocks - number as i64) * gradient, gradient)
    }

    /// Where the logits belong.
    pub fn logits(&self) -> Shelf {
        let Sizes { blocks, saved, logits, .. } = self.sizes;
        self.shelf(blocks * saved, logits)
    }

    fn shelf(&self, start: i64, numbers: i64) -> Shelf {
        Shelf { memory: self.memory.narrow(0, start, numbers), taken: Cell::new(0) }
    }
}

/// A stretch of an arena that is filled from its beginning.
pub struct Shelf {
    memory: Tensor,
    taken: Cell<i64>,
}

impl Shelf {
    /// The next place for a tensor of this shape.
    ///
    /// # Panics
    /// If the shelf is full.
    pub fn place(&self, shape: &[i64]) -> Tensor {
        let (start, numbers) = (self.taken.get(), shape.iter().product::<i64>());
        self.taken.set(start + numbers);
        self.memory.narrow(0, start, numbers).view(shape)
    }

    /// A tensor's copy in the next place.
    pub fn keep(&self, tensor: &Tensor) -> Tensor {
        let mut place = self.place(&tensor.size());
        place.copy_(tensor);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Range;
    use tch::{Device, Kind};

    fn addresses(shelf: &Shelf) -> Range<usize> {
        let start = shelf.memory.data_ptr() as usize;
        start..start + 4 * shelf.memory.numel()
    }

    #[test]
    fn nothing_is_overwritten_before_it_is_used() {
        for (blocks, saved, gradient, logits) in [
            (1, 5, 5, 5),
            (12, 39, 71, 128),
            (12, 71, 39, 128),
            (3, 40, 40, 500),
            (5, 8, 0, 6),
            (4, 1, 90, 2),
            (0, 3, 3, 7),
        ] {
            let sizes = Sizes { blocks, saved, gradient, logits };
            let memory = Tensor::zeros(sizes.total(), (Kind::Float, Device::Cpu));
            let arena = Arena::new(sizes, &memory);
            let apart = |one: &Shelf, other: &Shelf, what: &str| {
                let (one, other) = (addresses(one), addresses(other));
                let empty = one.is_empty() || other.is_empty();
                assert!(
                    empty || one.end <= other.start || other.end <= one.start,
                    "{sizes:?}: {what}"
                );
            };
            for block in 0..blocks as usize {
                let remembered = arena.saved(block);
                apart(&remembered, &arena.logits(), "logits over what is remembered");
                for later in block..blocks as usize {
                    apart(
                        &remembered,
                        &arena.gradients(later),
                        "a gradient over what is remembered",
                    );
                }
                for other in 0..block {
                    apart(&remembered, &arena.saved(other), "two blocks remember in one place");
                    apart(
                        &arena.gradients(block),
                        &arena.gradients(other),
                        "two gradients in one place",
                    );
                }
            }
        }
    }

    #[test]
    fn a_shelf_is_filled_in_order() {
        let memory = Tensor::zeros(10, (Kind::Float, Device::Cpu));
        let shelf =
            Arena::new(Sizes { blocks: 1, saved: 10, gradient: 0, logits: 0 }, &memory).saved(0);
        let kept = shelf.keep(&Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0]).view([2, 2]));
        let _ = shelf.place(&[3]).fill_(5.0);
        assert_eq!(kept.size(), [2, 2]);
        assert_eq!(
            memory,
            Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 5.0, 5.0, 0.0, 0.0, 0.0])
        );
    }
}
