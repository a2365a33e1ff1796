//! One causal head, four channels in and four out (chapter 2.5).

use attention::head::CausalHead;
use embedding::support::show;
use tch::{Device, Kind, Tensor, nn::VarStore};

fn main() {
    tch::set_num_threads(1);

    tch::manual_seed(123);
    let x = Tensor::randn([2, 5, 4], (Kind::Float, Device::Cpu)); // [B, T, C]
    let head = CausalHead::new(&VarStore::new(Device::Cpu).root(), 4, 4, 0.0);
    println!("x: two sequences of five positions\n{}", show::tensor(&x));

    let output = head.forward(&x, false); // [B, T, D]
    let [b, t, d] = output.size()[..] else { unreachable!("a head returns [B, T, D]") };
    println!("shape {b} {t} {d}\n{}", show::tensor(&output));

    let changed = x.copy();
    let _ = changed.narrow(1, 3, 1).g_add_scalar_(1.0);
    let moved =
        head.forward(&changed, false).ne_tensor(&output).any_dim(2, false).any_dim(0, false); // [T]
    let moved: Vec<_> = (0..t).filter(|&position| moved.int64_value(&[position]) == 1).collect();
    let moved: Vec<_> = moved.iter().map(ToString::to_string).collect();
    println!("after an edit of position 3 the output changes at: {}", moved.join(" "));
}
