//! Layer normalization, once by hand and once by libtorch (chapter 3.2); draws `chapters/figures/norm-axis.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use embedding::support::show;
use figure::{BLUE, ORANGE, Svg, in_words};
use model::norm::normalize;
use tch::{Device, Kind, Tensor};

const EPSILON: f64 = 1e-5;

fn main() -> Result<()> {
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
    draw(&x, &by_hand)
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

/// Along which axis mean and variance are taken.
fn draw(x: &Tensor, normalized: &Tensor) -> Result<()> {
    let told = |at: i64| {
        let (from, to) = (in_words(&x.get(at)), in_words(&normalized.get(at)));
        format!("the row {from} becomes {to}")
    };
    let mut svg = Svg::new(
        (640.0, 250.0),
        "Mean and variance are taken along each row",
        &format!(
            "Two rows of five channels, one for each position. Each row has its own mean and variance, and becomes a row of \
             mean 0 and variance 1: {}; {}. Nothing is computed down a column.",
            told(0),
            told(1),
        ),
    );
    svg.text((72.0, 24.0), "start", "channels: mean and variance along a row →");
    for (position, color) in (0_i64..).zip([BLUE, ORANGE]) {
        let y = 40.0 + 80.0 * position as f64;
        svg.colored_text((4.0, y + 19.0), "start", &format!("pos. {position}"), color);
        svg.numbers((60.0, y), &x.narrow(0, position, 1), color);
        svg.text((322.0, y + 19.0), "middle", "→");
        svg.numbers((345.0, y), &normalized.narrow(0, position, 1), color);
        let row = x.get(position);
        let (mean, variance) = (row.mean(None), row.var(false));
        svg.text((60.0, y + 50.0), "start", &format!("mean {}", rounded(&mean)));
        svg.text((185.0, y + 50.0), "start", &format!("variance {}", rounded(&variance)));
        svg.text((345.0, y + 50.0), "start", "mean 0");
        svg.text((470.0, y + 50.0), "start", "variance 1");
    }
    svg.text((60.0, 220.0), "start", "Never down a column: one position must not change another.");
    svg.write("norm-axis")
}
