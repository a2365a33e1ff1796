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
/// Products of which the fastest counts.
const TRIES: usize = 5;

/// How many times as fast as in float32 a product is for layers of so many channels.
pub fn of_bf16(channels: i64) -> f64 {
    let channels = channels.min(MOST);
    let seconds = |kind| {
        let factor = |rows| Tensor::ones([rows, channels], (kind, Device::Cpu));
        let (x, weight) = (factor(ROWS), factor(channels));
        let product = || {
            let started = Instant::now();
            let _ = x.mm(&weight.tr());
            started.elapsed().as_secs_f64()
        };
        product(); // the first one chooses its instructions
        (0..TRIES).map(|_| product()).fold(f64::INFINITY, f64::min)
    };
    seconds(Kind::Float) / seconds(Kind::BFloat16)
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
