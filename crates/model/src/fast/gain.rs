//! What products in bfloat16 gain on the processor at hand.
//!
//! Where it has a unit for them they take a sixth of the time (AMX), where it has none several times as long (an AMD Zen 3). Which
//! instructions libtorch uses is its own affair, so this is measured rather than looked up. It takes some milliseconds.
//!
//! What a step of training and a prompt gain: `cargo xtask bench train --only train-bf16`, `cargo xtask bench prefill`.

use std::time::Instant;
use tch::{Device, Kind, Tensor};

/// Rows of the product, and most terms and columns: enough to keep a processor busy, and soon done.
const ROWS: i64 = 256;
const MOST: i64 = 768;
/// Products of each kind of which the fastest counts: over a time in which a busy machine lets both threads at it once.
const TRIES: usize = 20;

/// How many times as fast as in float32 a product is for layers of so many channels.
pub fn of_bf16(channels: i64) -> f64 {
    let channels = channels.min(MOST);
    let kinds = [Kind::Float, Kind::BFloat16];
    let factors = kinds.map(|kind| {
        [ROWS, channels].map(|rows| Tensor::ones([rows, channels], (kind, Device::Cpu)))
    });
    let seconds = |[x, weight]: &[Tensor; 2]| {
        let started = Instant::now();
        let _ = x.mm(&weight.tr());
        started.elapsed().as_secs_f64()
    };
    let in_turns = || factors.each_ref().map(seconds); // so that both meet the same machine
    in_turns(); // the first one chooses its instructions
    let [single, half] = (0..TRIES).fold([f64::INFINITY; 2], |[single, half], _| {
        let [now_single, now_half] = in_turns();
        [single.min(now_single), half.min(now_half)]
    });
    single / half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_is_a_ratio_of_times() {
        let gain = of_bf16(128);
        assert!(gain > 1e-3 && gain < 1e3, "{gain}");
    }
}
