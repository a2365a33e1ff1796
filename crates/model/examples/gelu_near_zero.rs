//! The GELU between -3 and 1, where it dips below zero (chapter 3.3); draws `chapters/figures/gelu-near-zero.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use figure::{BLUE, GRAY, Svg};
use model::feed_forward::gelu_exact;
use tch::Tensor;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let x = Tensor::from_slice(&[-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0]);
    let share = ((&x / std::f64::consts::SQRT_2).erf() + 1.0) / 2.0; // how many normal numbers are smaller
    let (relu, gelu) = (x.relu(), gelu_exact(&x));
    for at in 0..x.size()[0] {
        let [x, relu, share, gelu] =
            [&x, &relu, &share, &gelu].map(|values| values.double_value(&[at]) + 0.0);
        println!("x {x:.1} relu {relu:.4} share {share:.4} gelu {gelu:.4}");
    }

    let grid = Tensor::linspace(-3.0, 1.0, 4001, tch::kind::DOUBLE_CPU);
    let curve = gelu_exact(&grid);
    let at = curve.argmin(None, false).int64_value(&[]);
    let least = (grid.double_value(&[at]), curve.double_value(&[at]));
    println!("least value {:.4} at x {:.3}", least.1, least.0);
    draw(&grid, &curve, least)
}

fn draw(grid: &Tensor, curve: &Tensor, least: (f64, f64)) -> Result<()> {
    let place = |x: f64, y: f64| (70.0 + (x + 3.0) * 135.0, 20.0 + (1.0 - y) * 220.0);
    let [at_minus_3, at_1] = [0, -1].map(|at| curve.get(at).double_value(&[]));
    let mut svg = Svg::new(
        (640.0, 350.0),
        "GELU and ReLU from -3 to 1",
        &format!(
            "ReLU is 0 up to x = 0 and then x. GELU is {at_minus_3:.3} at -3, falls to its lowest point, {:.3} at {:.3}, rises \
             through 0 at 0, and is {at_1:.3} at 1, where ReLU is 1.",
            least.1, least.0,
        ),
    );
    for y in [-0.25, 0.0, 0.25, 0.5, 0.75, 1.0] {
        svg.line(place(-3.0, y), place(1.0, y), if y == 0.0 { 1.0 } else { 0.3 });
        let (left, middle) = place(-3.0, y);
        svg.text((left - 10.0, middle + 5.0), "end", &format!("{y:.2}"));
    }
    for x in (-3..=1).map(f64::from) {
        let (middle, bottom) = place(x, -0.25);
        svg.text((middle, bottom + 22.0), "middle", &format!("{x:.0}"));
    }
    svg.curve(&[place(-3.0, 0.0), place(0.0, 0.0), place(1.0, 1.0)], GRAY);
    let points: Vec<_> = (0..grid.size()[0])
        .step_by(20)
        .map(|at| place(grid.double_value(&[at]), curve.double_value(&[at])))
        .collect();
    svg.curve(&points, BLUE);
    let (x, y) = place(least.0, least.1);
    svg.bar((x - 4.0, y - 4.0), (8.0, 8.0), BLUE);
    svg.colored_text(
        (x, y - 58.0),
        "end",
        &format!("lowest: {:.3} at {:.3}", least.1, least.0),
        BLUE,
    );
    svg.line((x, y - 52.0), (x, y - 6.0), 1.0);
    svg.colored_text((place(0.4, 0.6).0, place(0.4, 0.6).1), "end", "GELU", BLUE);
    svg.text((place(0.4, 0.75).0, place(0.4, 0.75).1), "end", "ReLU (gray)");
    svg.write("gelu-near-zero")
}
