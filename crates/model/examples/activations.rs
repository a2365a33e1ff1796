//! Four ways to bend a line (chapter 3.3); draws `chapters/figures/activations.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use figure::{BLUE, GRAY, GREEN, ORANGE, Svg, in_words};
use model::{config::Gelu, feed_forward};
use tch::Tensor;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let at = Tensor::from_slice(&[-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0]);
    println!("x relu gelu gelu_tanh x*silu(x)");
    for row in
        Tensor::stack(&[at.shallow_clone(), at.relu(), exact(&at), tanh(&at), x_silu(&at)], 1)
            .unbind(0)
    {
        let words: Vec<String> =
            values(&row).iter().map(|value| format!("{:.4}", value + 0.0)).collect();
        println!("{}", words.join(" "));
    }

    let grid = Tensor::linspace(-5.0, 5.0, 1001, tch::kind::DOUBLE_CPU);
    let gap = (exact(&grid) - tanh(&grid)).abs();
    println!(
        "largest difference between the two forms of GELU from -5 to 5: {:.6} at x or -x {:.2}",
        gap.max().double_value(&[]),
        grid.double_value(&[gap.argmax(None, false).int64_value(&[])]).abs()
    );
    for (form, by_hand) in [
        (Gelu::Exact, feed_forward::gelu_exact(&grid)),
        (Gelu::Tanh, feed_forward::gelu_tanh(&grid)),
    ] {
        let same = (form.forward(&grid) - by_hand).abs().max().double_value(&[]) < 1e-12;
        println!("{form:?} form by its formula equals libtorch's within 1e-12: {same}");
    }
    draw(&grid)
}

fn exact(x: &Tensor) -> Tensor {
    Gelu::Exact.forward(x)
}

fn tanh(x: &Tensor) -> Tensor {
    Gelu::Tanh.forward(x)
}

/// What the article calls `SwiGLU`; the gated unit of that name has three weight matrices.
fn x_silu(x: &Tensor) -> Tensor {
    x * x.silu()
}

fn values(x: &Tensor) -> Vec<f64> {
    Vec::try_from(x).expect("a rank-1 tensor of 64-bit floats")
}

fn draw(grid: &Tensor) -> Result<()> {
    const LEFT: f64 = 50.0;
    const TOP: f64 = 20.0;
    const UNIT: (f64, f64) = (54.0, 38.0);
    const HIGHEST: f64 = 6.0;
    let place = |x: f64, y: f64| (LEFT + (x + 5.0) * UNIT.0, TOP + (HIGHEST - y) * UNIT.1);
    let at = Tensor::from_slice(&[-3.0, -1.0, 1.0, 3.0]);
    let mut svg = Svg::new(
        (620.0, 330.0),
        "ReLU, both forms of GELU and x times SiLU of x, for x from -5 to 5",
        &format!(
            "Four curves. At x of {}: ReLU is {}; both forms of GELU lie on each other, {}; x times SiLU of x is {}, above zero \
             on both sides, and leaves the picture at the top before the others.",
            in_words(&at),
            in_words(&at.relu()),
            in_words(&exact(&at)),
            in_words(&x_silu(&at)),
        ),
    );
    for y in (-1..=6).map(f64::from) {
        svg.line(place(-5.0, y), place(5.0, y), if y == 0.0 { 1.0 } else { 0.3 });
        let (x_left, y_left) = place(-5.0, y);
        svg.text((x_left - 10.0, y_left + 4.5), "end", &format!("{y:.0}"));
    }
    for x in (-5..=5).map(f64::from) {
        let (x_below, y_below) = place(x, -1.0);
        svg.text((x_below, y_below + 20.0), "middle", &format!("{x:.0}"));
    }
    let curves = [
        (grid.relu(), GRAY, "ReLU", (-4.7, 4.6)),
        (x_silu(grid), GREEN, "x · SiLU(x)", (-4.7, 5.4)),
        (exact(grid), BLUE, "GELU, exact", (-4.7, 3.8)),
        (tanh(grid), ORANGE, "GELU, tanh form (on top of the exact one)", (-4.7, 3.0)),
    ];
    for (curve, color, label, (label_x, label_y)) in curves {
        let points: Vec<(f64, f64)> = values(grid)
            .into_iter()
            .zip(values(&curve))
            .step_by(5)
            .filter(|&(_, y)| y <= HIGHEST)
            .map(|(x, y)| place(x, y))
            .collect();
        svg.curve(&points, color);
        let (x, y) = place(label_x, label_y);
        svg.curve(&[(x, y - 4.5), (x + 24.0, y - 4.5)], color);
        svg.colored_text((x + 32.0, y), "start", label, color);
    }
    svg.write("activations")
}
