//! Two causal heads of width 3 on the same input, their outputs side by side (chapter 2.6).

use attention::{attend::attend, head::CausalHead};
use embedding::support::show;
use tch::{Device, Kind, Tensor, nn::VarStore};

fn main() {
    tch::set_num_threads(1);
    let store = VarStore::new(Device::Cpu);
    let root = store.root();

    tch::manual_seed(123);
    let x = Tensor::randn([2, 5, 6], (Kind::Float, Device::Cpu)); // [B, T, C]
    let heads = [0, 1].map(|number| CausalHead::new(&(&root / number), 6, 3, 0.0));

    let outputs = heads.each_ref().map(|head| head.forward(&x, false)); // [B, T, D]
    for (number, output) in outputs.iter().enumerate() {
        println!("head {number} shape {}\n{}", shape(output), show::tensor(output));
    }
    let side_by_side = Tensor::cat(&outputs, -1); // [B, T, C]
    println!(
        "side by side, scores divided by the root of 3, the width of a head; shape {}\n{}",
        shape(&side_by_side),
        show::tensor(&side_by_side)
    );

    // The article divides by the root of the width of all heads together. Queries made shorter by as much give the same scores.
    let as_the_article = heads.each_ref().map(|head| {
        let (q, k, v) = head.project(&x); // [B, T, D]
        attend(&(q * (3_f64 / 6.0).sqrt()), &k, &v, 0.0, false)
    });
    let side_by_side = Tensor::cat(&as_the_article, -1); // [B, T, C]
    println!(
        "side by side, scores divided by the root of 6, the width of all heads; shape {}\n{}",
        shape(&side_by_side),
        show::tensor(&side_by_side)
    );
}

fn shape(values: &Tensor) -> String {
    values.size().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
