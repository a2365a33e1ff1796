//! A table with a vector for each position: learned, as in GPT-2, and sinusoidal, as in the first Transformer.

use embedding::embed::{Embedding, sinusoidal};
use embedding::support::show;
use tch::Device;
use tch::nn::VarStore;

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
