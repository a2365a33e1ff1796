//! Attention before queries, keys and values: each vector is compared with every other (chapter 2.1), and the future is
//! hidden in two ways (chapter 2.3).

use attention::mask::causal_mask;
use embedding::support::show;
use tch::{Device, Kind, Tensor};

fn main() {
    tch::set_num_threads(1);

    let x = Tensor::from_slice2(&[[1.0_f32, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, 0.0]]); // [T, C]
    let scores = x.matmul(&x.tr()); // [T, T]
    println!("scores X X^T\n{}", show::tensor(&scores));
    let weights = scores.softmax(-1, None); // [T, T]
    println!("weights\n{}", show::tensor(&weights));
    println!("output: weights times X\n{}", show::tensor(&weights.matmul(&x)));

    large_scores();

    let hidden = causal_mask(4, 4, Device::Cpu); // [T, T]
    let masked = &weights * hidden.logical_not().to_kind(Kind::Float);
    println!("weights times 1 or 0\n{}", show::tensor(&masked));
    let again = &masked / masked.sum_dim_intlist(-1, true, None);
    println!("each row divided by its sum\n{}", show::tensor(&again));
    let at_once = scores.masked_fill(&hidden, f64::NEG_INFINITY).softmax(-1, None);
    let same = (at_once - again).abs().max().double_value(&[]) < 1e-6;
    println!("minus infinity before softmax gives the same within 1e-6: {same}");
}

/// What 32-bit numbers make of large scores.
fn large_scores() {
    let scores = Tensor::from_slice(&[88.0_f32, 89.0]);
    let powers = scores.exp();
    println!("e to the power of 88 and of 89\n{}", show::tensor(&powers));
    let shares = &powers / powers.sum(None);
    println!(
        "weights by the formula that are not numbers\n{}",
        shares.isnan().sum(None).int64_value(&[])
    );
    let lowered = (&scores - scores.max()).exp();
    println!(
        "softmax after the largest score is subtracted\n{}",
        show::tensor(&(&lowered / lowered.sum(None)))
    );
}
