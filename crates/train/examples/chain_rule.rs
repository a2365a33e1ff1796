//! Three operations, their slopes, and one step against them (chapter 4.2); draws `chapters/figures/chain-rule.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use figure::{BLUE, ORANGE, Svg};
use tch::{Device, Kind, Tensor};

const INPUT: f64 = 2.0;
const WANTED: f64 = 5.0;

/// The results of the three operations, each made of the one before.
struct Graph {
    product: Tensor,
    error: Tensor,
    loss: Tensor,
}

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let weight = Tensor::full([1], 1.5, (Kind::Double, Device::Cpu)).set_requires_grad(true);
    let graph = forward(&weight);
    let Graph { product, error, loss } = &graph;
    let numbers = [product, error, loss].map(number);
    println!("forward: product, error, loss\n{}", line(&numbers));

    let slopes = Tensor::run_backward(&[loss], &[error, product, &weight], true, false);
    let slopes = [&slopes[0], &slopes[1], &slopes[2]].map(number);
    println!("slope of the loss for error, product, weight\n{}", line(&slopes));

    let nudged = forward(&(&weight + 0.001));
    println!("loss with the weight 0.001 larger {:.6}", number(&nudged.loss));
    println!("change per unit {:.4}", (number(&nudged.loss) - number(loss)) / 0.001);

    let better = forward(&(&weight - 0.1 * slopes[2]));
    println!("weight after a step of 0.1 {:.4}", number(&weight) - 0.1 * slopes[2]);
    println!("loss after it {:.4}", number(&better.loss));
    draw(numbers, slopes)
}

/// Multiplies the input by the weight, takes off what is wanted, and squares.
fn forward(weight: &Tensor) -> Graph {
    let product = weight * INPUT;
    let error = &product - WANTED;
    let loss = error.square();
    Graph { product, error, loss }
}

fn number(one: &Tensor) -> f64 {
    one.double_value(&[0])
}

fn line(numbers: &[f64]) -> String {
    numbers.iter().map(|number| format!("{number:.4}")).collect::<Vec<_>>().join(" ")
}

/// Three boxes from left to right: numbers of the way forward above the arrows, slopes of the way back below them.
fn draw(numbers: [f64; 3], slopes: [f64; 3]) -> Result<()> {
    const TOP: f64 = 76.0;
    const BOX: (f64, f64) = (92.0, 46.0);
    const STEP: f64 = 148.0;
    let title = "Forward, a weight of 1.5 becomes 3, -2 and a loss of 4; backward, the slopes are 1, -4, -4 and -8";
    let [product, error, loss] = numbers;
    let told = format!(
        "Three boxes in a row. Forward, from left to right: the weight 1.5 times {INPUT} makes the product {product}, less \
         {WANTED} makes the error {error}, squared makes the loss {loss}. Backward, from right to left, the slope of the loss: 1 \
         for itself, {} for the error, {} for the product, {} for the weight.",
        slopes[0], slopes[1], slopes[2]
    );
    let mut svg = Svg::new((530.0, 176.0), title, &told);
    svg.text((20.0, 20.0), "start", "forward, from left to right: results");
    svg.colored_text(
        (20.0, 166.0),
        "start",
        "backward, from right to left: slopes of the loss",
        ORANGE,
    );
    let words = [format!("times {INPUT}"), format!("less {WANTED}"), "squared".to_owned()];
    let carried = [
        ("weight", 1.5, slopes[2]),
        ("product", numbers[0], slopes[1]),
        ("error", numbers[1], slopes[0]),
        ("loss", numbers[2], 1.0),
    ];
    let y = TOP + BOX.1 / 2.0;
    for (place, (name, number, slope)) in carried.into_iter().enumerate() {
        let (start, end) = (STEP * place as f64 + 14.0, STEP * place as f64 + 66.0);
        let middle = f64::midpoint(start, end);
        svg.line((start, y), (end, y), 1.0);
        for barb in [-4.0, 4.0] {
            svg.line((end - 7.0, y + barb), (end, y), 1.0);
        }
        svg.text((middle, TOP - 16.0), "middle", name);
        svg.text((middle, y - 10.0), "middle", &format!("{number}"));
        svg.colored_text((middle, y + 22.0), "middle", &format!("{slope}"), ORANGE);
        if let Some(word) = words.get(place) {
            svg.field((end + 2.0, TOP), BOX, BLUE, word);
        }
    }
    svg.write("chain-rule")
}
