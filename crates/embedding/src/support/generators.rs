//! The generators that others draw from, behind the traits of the crate `rand`: libtorch's own, and Python's.

use std::convert::Infallible;

use rand::{TryRng, rand_core::utils};
use rand_mt::Mt;
use tch::{Device, Kind, Tensor};

/// libtorch's generator for the CPU, which `tch::manual_seed` seeds and all of libtorch's random tensors are drawn from.
#[derive(Debug, Clone, Copy)]
pub struct Libtorch;

impl TryRng for Libtorch {
    type Error = Infallible;

    /// The lower half of [`try_next_u64`](Self::try_next_u64): tch can ask for 64 bits, but not for 32.
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| number as u32)
    }

    /// The number whose lower 63 bits are those of `torch.empty((), dtype=torch.int64).random_()`.
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let empty = || Tensor::empty([], (Kind::Int64, Device::Cpu));
        Ok(empty().random_from_(i64::MIN, None).int64_value(&[]) as u64)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u64())
    }
}

/// Python's generator after `random.seed(seed)`: an MT19937 keyed with the seed's 32-bit digits, lowest first.
///
/// # Source
/// `CPython` 3.11: `random_seed` in `Modules/_randommodule.c`.
pub fn python(seed: u64) -> Mt {
    let (low, high) = (seed as u32, (seed >> 32) as u32);
    if high == 0 { Mt::new_with_key([low]) } else { Mt::new_with_key([low, high]) }
}
