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
use figure::{BLUE, ORANGE, Svg};
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

/// The table of all channels on the left, its two slices on the right.
fn draw_split(before: &Tensor, after: &Tensor) -> Result<()> {
    const FIELD: (f64, f64) = (52.0, 26.0);
    let mut svg = Svg::new(
        760.0,
        380.0,
        "Six channels of queries are split into two heads of three channels",
    );
    let (color, ink) = (
        |head: i64| [BLUE, ORANGE][head as usize],
        |head: i64| ["#ffffff", "#1a1a1a"][head as usize],
    );
    let field =
        |svg: &mut Svg, left: f64, top: f64, row: i64, column: i64, head: i64, value: f64| {
            let at = (left + column as f64 * (FIELD.0 + 2.0), top + row as f64 * (FIELD.1 + 2.0));
            svg.field(at, FIELD, color(head), ink(head), &format!("{value:.2}"));
        };
    svg.text((222.0, 100.0), "middle", "T = 5 rows, C = 6 columns");
    for row in 0..5 {
        svg.text((52.0, 128.0 + row as f64 * 28.0), "end", &format!("{row}"));
        for column in 0..6 {
            field(
                &mut svg,
                60.0,
                110.0,
                row,
                column,
                column / 3,
                before.double_value(&[row, column]),
            );
        }
        for head in 0..2 {
            for column in 0..3 {
                let value = after.double_value(&[head, row, column]);
                field(&mut svg, 560.0, 40.0 + 180.0 * head as f64, row, column, head, value);
            }
        }
    }
    for head in 0..2 {
        let top = 28.0 + 180.0 * head as f64;
        svg.colored_text(
            (640.0, top),
            "middle",
            &format!("head {head}: T = 5, D = 3"),
            color(head),
        );
    }
    svg.text((472.0, 170.0), "middle", "view, then");
    svg.text((472.0, 188.0), "middle", "transpose");
    svg.text((472.0, 206.0), "middle", "→");
    svg.write("split-heads")
}

fn draw_weights(weights: &Tensor, hidden: &Tensor) -> Result<()> {
    const POSITIONS: [&str; 5] = ["0", "1", "2", "3", "4"];
    let mut svg =
        Svg::new(720.0, 260.0, "Attention weights of two heads on the same five positions");
    for head in 0..2 {
        let left = 40.0 + 370.0 * head as f64;
        svg.text((left + 139.0, 20.0), "middle", &format!("head {head}"));
        svg.heat_map((left, 60.0), &weights.get(head), Some(hidden), &POSITIONS);
    }
    svg.write("two-heads")
}
