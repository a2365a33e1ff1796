//! Multi-head attention as one layer (chapter 2.7); draws `chapters/figures/split-heads.svg` and
//! `chapters/figures/two-heads.svg`.

mod figure;

use anyhow::Result;
use attention::{
    attend::{attend, attend_fused, attention_weights},
    mask::causal_mask,
    multi_head::MultiHeadAttention,
};
use embedding::support::show;
use figure::{BLUE, GRAY, ORANGE, STEP, Svg, in_words};
use tch::{Device, Kind, Tensor, nn::VarStore};

fn main() -> Result<()> {
    tch::set_num_threads(1);

    tch::manual_seed(123);
    let x = Tensor::randn([2, 5, 6], (Kind::Float, Device::Cpu)); // [B, T, C]
    let layer = MultiHeadAttention::new(&VarStore::new(Device::Cpu).root(), 6, 2, false, 0.0);

    let (q, k, v) = layer.project(&x); // [B, H, T, D]
    let rejoined = q.get(0).transpose(0, 1).reshape([5, 6]); // [T, C]
    println!(
        "queries of the first sequence before the split, shape 5 6\n{}",
        show::tensor(&rejoined)
    );
    println!("the same after the split, shape 2 5 3\n{}", show::tensor(&q.get(0)));

    let hidden = causal_mask(5, 5, Device::Cpu); // [T, T]
    let weights = attention_weights(&q, &k, Some(&hidden)).get(0); // [H, T, T]
    println!("weights of both heads on the first sequence\n{}", show::tensor(&weights));

    let output = layer.forward(&x, false); // [B, T, C]
    println!(
        "scores divided by the root of 3, the width of a head; output shape {}\n{}",
        shape(&output),
        show::tensor(&output)
    );
    // The article divides by the root of all channels. Queries made shorter by as much give the same scores.
    let as_the_article = layer.mix(&(&q * (3_f64 / 6.0).sqrt()), &k, &v, false); // [B, T, C]
    println!(
        "scores divided by the root of 6, all channels; output shape {}\n{}",
        shape(&as_the_article),
        show::tensor(&as_the_article)
    );

    let gap =
        (attend_fused(&q, &k, &v) - attend(&q, &k, &v, 0.0, false)).abs().max().double_value(&[]);
    println!("fused equals explicit within 1e-6: {}", gap <= 1e-6);

    draw_split(&rejoined, &q.get(0))?;
    draw_weights(&weights, &hidden)
}

fn shape(values: &Tensor) -> String {
    values.size().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The queries of one sequence in three stages: all channels, grouped by head, and the heads in front.
fn draw_split(before: &Tensor, after: &Tensor) -> Result<()> {
    let mut svg = Svg::new(
        (640.0, 470.0),
        "Six channels become two heads of three, in three stages",
        &format!(
            "A table of five rows and six columns, [T, C]; row 0 is {}. The view [T, H, D] groups the columns by threes, and \
             nothing moves. The transposition [H, T, D] puts the heads in front: a table of five rows and three columns for \
             each. Row 0 of head 0 is {}; of head 1, {}.",
            in_words(&before.get(0)),
            in_words(&after.get(0).get(0)),
            in_words(&after.get(1).get(0)),
        ),
    );
    let head = |head: i64| before.narrow(1, 3 * head, 3); // [T, D]
    svg.text((32.0, 18.0), "start", "[T, C] = [5, 6]");
    svg.text((345.0, 18.0), "start", "view: [T, H, D] = [5, 2, 3]");
    svg.text((60.0, 262.0), "start", "transpose: [H, T, D] = [2, 5, 3]");
    for row in 0..5 {
        svg.text((18.0, 51.0 + STEP.1 * f64::from(row)), "middle", &row.to_string());
    }
    svg.text((328.0, 108.0), "middle", "→");
    svg.text((32.0, 262.0), "start", "↓");
    svg.numbers((32.0, 32.0), before, GRAY);
    for (number, color) in (0_i64..).zip([BLUE, ORANGE]) {
        svg.numbers((345.0 + 150.0 * number as f64, 32.0), &head(number), color);
        let left = 60.0 + 250.0 * number as f64;
        svg.colored_text((left, 292.0), "start", &format!("head {number}"), color);
        svg.numbers((left, 304.0), &after.get(number), color);
    }
    svg.write("split-heads")
}

fn draw_weights(weights: &Tensor, hidden: &Tensor) -> Result<()> {
    const POSITIONS: [&str; 5] = ["0", "1", "2", "3", "4"];
    let last = |head: i64| in_words(&weights.get(head).get(4));
    let mut svg = Svg::new(
        (640.0, 240.0),
        "Attention weights of two heads on the same five positions",
        &format!(
            "Two tables, a row for each position that reads and a column for each that is read. Both are lower left triangles, \
             since what comes later is hidden; each row sums to 1. The last row of head 0 is {}; of head 1, {}.",
            last(0),
            last(1),
        ),
    );
    for head in 0..2 {
        let left = 30.0 + 340.0 * head as f64;
        svg.text((left + 134.0, 20.0), "middle", &format!("head {head}"));
        svg.heat_map((left, 60.0), &weights.get(head), Some(hidden), &POSITIONS);
    }
    svg.write("two-heads")
}
