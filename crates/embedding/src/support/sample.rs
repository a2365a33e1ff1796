//! Python's `random.sample` (chapter 5.2), draw by draw, so that a sample of a dataset is the one a Python script takes.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use rand::Rng;

/// The places that `random.sample(data, size)` picks from a list of `items` entries, in its order. With the generator
/// [`python`](super::generators::python) they are those of a Python script with the same seed.
///
/// # Errors
/// If more items are asked for than there are.
///
/// # Source
/// `CPython` 3.11: `Random.sample` and `Random._randbelow_with_getrandbits` in `Lib/random.py`.
pub fn python_sample(generator: &mut impl Rng, items: usize, size: usize) -> Result<Vec<usize>> {
    ensure!(
        size <= items,
        "a sample of {size} cannot be taken from {items} items; ask for at most {items}"
    );
    let mut picked = Vec::with_capacity(size);
    if items <= table_size(size) {
        // A list of what is left: the last item moves into the gap that a chosen one leaves.
        let mut left: Vec<usize> = (0..items).collect();
        for _ in 0..size {
            let place = below(generator, left.len());
            picked.push(left.swap_remove(place));
        }
        return Ok(picked);
    }
    // A set of what has been chosen: an item drawn a second time is drawn anew.
    let mut chosen = HashSet::new();
    while picked.len() < size {
        let place = below(generator, items);
        if chosen.insert(place) {
            picked.push(place);
        }
    }
    Ok(picked)
}

/// Up to how many items Python keeps a list, because a set of `size` entries would take more memory.
fn table_size(size: usize) -> usize {
    let quarters = ((size * 3) as f64).ln() / 4_f64.ln();
    21 + if size > 5 { 4_usize.pow(quarters.ceil() as u32) } else { 0 }
}

/// A number below `limit`: as many bits as `limit` has, drawn again until they are small enough.
fn below(generator: &mut impl Rng, limit: usize) -> usize {
    let bits = usize::BITS - limit.leading_zeros();
    loop {
        let drawn = (generator.next_u32() >> (32 - bits)) as usize;
        if drawn < limit {
            return drawn;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::generators::python;
    use super::*;

    #[test]
    fn more_than_there_is_cannot_be_drawn() {
        let error = python_sample(&mut python(123), 9, 10).expect_err("ten of nine").to_string();
        assert!(error.contains("10") && error.contains("9 items"), "{error}");
    }

    #[test]
    fn all_items_or_none_can_be_drawn() {
        let mut all = python_sample(&mut python(123), 9, 9).expect("nine of nine");
        all.sort_unstable();
        assert_eq!(all, (0..9).collect::<Vec<_>>());
        assert_eq!(python_sample(&mut python(123), 9, 0).expect("none of nine"), [0; 0]);
        assert_eq!(python_sample(&mut python(123), 0, 0).expect("none of none"), [0; 0]);
    }
}
