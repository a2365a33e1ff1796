//! Dropout, on a square of ones and on attention weights (chapter 2.4).

use attention::{attend::attention_weights, mask::causal_mask};
use embedding::{embed::Embedding, support::show};
use tch::{Device, Kind, Tensor, nn::VarStore};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

fn main() {
    tch::set_num_threads(1);

    let ones = Tensor::ones([5, 5], CPU);
    tch::manual_seed(123);
    let dropped = ones.dropout(0.2, true);
    println!("ones after dropout 0.2\n{}", show::tensor(&dropped));
    println!("zeros {} of {}", dropped.eq(0.0).sum(Kind::Int64).int64_value(&[]), dropped.numel());
    println!("mean {:.4}", dropped.mean(None).double_value(&[]));

    tch::manual_seed(123);
    let x = Embedding::new(&VarStore::new(Device::Cpu).root(), 5, 4).weight.detach(); // [T, C]
    tch::manual_seed(123);
    let [w_q, w_k] = [(); 2].map(|()| Tensor::rand([4, 4], CPU)); // [C, D]
    let hidden = causal_mask(5, 5, Device::Cpu); // [T, T]
    let weights = attention_weights(&x.matmul(&w_q), &x.matmul(&w_k), Some(&hidden)); // [T, T]
    println!("masked weights\n{}", show::tensor(&weights));

    tch::manual_seed(123);
    let dropped = weights.dropout(0.2, true);
    println!("masked weights after dropout 0.2\n{}", show::tensor(&dropped));
    println!("sum of each row\n{}", show::tensor(&dropped.sum_dim_intlist(-1, false, None)));
    println!(
        "outside training the weights are untouched: {}",
        weights.dropout(0.2, false) == weights
    );
}
