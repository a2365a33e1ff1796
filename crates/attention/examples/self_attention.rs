//! Self-attention whose three projections can be trained (chapter 2.2); no mask yet.

use attention::{attend::attention_weights, linear::Linear};
use embedding::{embed::Embedding, show};
use tch::{Device, nn::VarStore};

fn main() {
    tch::set_num_threads(1);
    let store = VarStore::new(Device::Cpu);
    let root = store.root();

    tch::manual_seed(123);
    let x = Embedding::new(&(&root / "x"), 5, 4).weight; // [T, C]
    tch::manual_seed(123);
    let [w_q, w_k, w_v] = ["query", "key", "value"].map(|name| Linear::new(&(&root / name), 4, 4, false));
    println!("weight of W_Q, between -0.5 and 0.5\n{}", show::tensor(&w_q.weight));

    let (q, k, v) = (w_q.forward(&x), w_k.forward(&x), w_v.forward(&x)); // [T, D]
    let weights = attention_weights(&q, &k, 4_f64.sqrt(), None); // [T, T]
    println!("weights\n{}", show::tensor(&weights));
    println!("output\n{}", show::tensor(&weights.matmul(&v)));
}
