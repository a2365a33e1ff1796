//! A table with a vector for each token, and the look-up as a product of matrices.

use anyhow::{Result, ensure};
use embedding::embed::Embedding;
use embedding::support::show;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let ids = Tensor::from_slice(&[2_i64, 3, 5]);

    let store = VarStore::new(Device::Cpu);
    tch::manual_seed(123);
    let small = Embedding::new(&(store.root() / "small"), 10, 4);
    println!("a table of 10 tokens with 4 channels each");
    println!("{}", show::tensor(&small.weight));
    let rows = small.forward(&ids); // [3, C]
    println!("rows 2, 3, 5");
    println!("{}", show::tensor(&rows));

    let one_hot = ids.one_hot(10).to_kind(Kind::Float); // [3, V]
    println!("their one-hot vectors");
    println!("{}", show::tensor(&one_hot));
    let product = one_hot.matmul(&small.weight); // [3, C]
    println!("one-hot vectors times the table");
    println!("{}", show::tensor(&product));
    ensure!(product == rows, "the product is not the look-up");
    println!("equal bit for bit to the rows looked up");

    tch::manual_seed(123);
    let large = Embedding::new(&(store.root() / "large"), 50257, 768);
    let rows = large.forward(&ids); // [3, C]
    println!("rows 2, 3, 5 of a table of 50257 tokens with 768 channels, shape {:?}", rows.size());
    println!("{}", show::tensor(&rows));
    Ok(())
}
