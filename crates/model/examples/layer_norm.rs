//! Layer normalization, once by hand and once by libtorch (chapter 3.2).

use embedding::support::show;
use model::norm::normalize;
use tch::{Device, Kind, Tensor};

const EPSILON: f64 = 1e-5;

fn main() {
    tch::set_num_threads(1);

    tch::manual_seed(123);
    let x = Tensor::randn([2, 5], (Kind::Float, Device::Cpu)); // two positions of five channels
    println!("two positions of five channels\n{}", show::tensor(&x));
    describe(&x);

    let by_hand = normalize(&x, EPSILON);
    println!("normalised by hand\n{}", show::tensor(&by_hand));
    describe(&by_hand);

    let by_libtorch = x.layer_norm([5], None::<Tensor>, None::<Tensor>, EPSILON, false);
    println!("normalised by layer_norm\n{}", show::tensor(&by_libtorch));

    let scaled = &by_hand * 2.0 + 1.0;
    println!("scaled by 2 and shifted by 1\n{}", show::tensor(&scaled));
    describe(&scaled);
}

/// Prints mean and variance of each row; the variance divides by the number of channels.
fn describe(x: &Tensor) {
    for row in 0..x.size()[0] {
        let channels = x.get(row);
        let mean = channels.mean(None);
        let variance = (&channels - &mean).square().mean(None);
        println!("row {row} mean {} variance {}", rounded(&mean), rounded(&variance));
    }
}

/// Four decimals, and no minus sign before a zero.
fn rounded(value: &Tensor) -> String {
    format!("{:.4}", (value.double_value(&[]) * 1e4).round() / 1e4 + 0.0)
}
