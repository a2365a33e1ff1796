//! A table with a vector for each position: learned, as in GPT-2, and sinusoidal, as in the first Transformer.

use embedding::embed::Embedding;
use embedding::support::show;
use tch::nn::VarStore;
use tch::{Device, Tensor};

fn main() {
    tch::set_num_threads(1);
    let store = VarStore::new(Device::Cpu);
    tch::manual_seed(123);
    let small = Embedding::new(&(store.root() / "small"), 5, 4);
    println!("a table of 5 positions with 4 channels each");
    println!("{}", show::tensor(&small.weight));
    println!("its first rows, for an input of 3 tokens");
    println!("{}", show::tensor(&small.weight.narrow(0, 0, 3)));

    tch::manual_seed(123);
    let large = Embedding::new(&(store.root() / "large"), 1024, 768);
    println!("a table of 1024 positions with 768 channels, shape {:?}", large.weight.size());
    println!("{}", show::tensor(&large.weight));

    println!("sinusoidal: 5 positions with 4 channels");
    println!("{}", show::tensor(&sinusoidal(5, 4)));
    println!("sinusoidal: 1024 positions with 768 channels");
    println!("{}", show::tensor(&sinusoidal(1024, 768)));
}

/// The positions of the original Transformer: sines and cosines of ever longer waves, which need no training.
///
/// # Shapes
/// - returns `[T, C]` with `T = context`
///
/// # Source
/// Vaswani et al. 2017 (<https://arxiv.org/abs/1706.03762>), section 3.5.
fn sinusoidal(context: i64, channels: i64) -> Tensor {
    let mut table = Vec::with_capacity((context * channels) as usize);
    for position in 0..context {
        for channel in 0..channels {
            let exponent = (channel - channel % 2) as f64 / channels as f64;
            let angle = position as f64 / 10_000_f64.powf(exponent);
            table.push(if channel % 2 == 0 { angle.sin() } else { angle.cos() } as f32);
        }
    }
    Tensor::from_slice(&table).view([context, channels])
}
