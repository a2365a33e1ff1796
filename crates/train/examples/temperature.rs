//! How bold the draw is: the same scores at three temperatures (chapter 4.5); draws `chapters/figures/temperature.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;
mod toy;

use anyhow::Result;
use embedding::support::show;
use figure::{BLUE, ORANGE, Svg};
use tch::Tensor;
use toy::{WORDS, draw_counts};
use train::sampling::Sampling;

const TEMPERATURES: [f64; 3] = [1.0, 0.3, 1.5];

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let logits = toy::logits(); // [V]
    println!("words {}", WORDS.join(" "));
    println!("logits\n{}", show::tensor(&logits));
    let at = |temperature| Sampling { temperature, top_k: None, top_p: None };
    let mut rows = Vec::new();
    for temperature in TEMPERATURES {
        let probabilities = at(temperature).probabilities(&logits); // [V]
        println!("temperature {temperature:.1}\n{}", show::tensor(&probabilities));
        let counts = draw_counts(at(temperature), &logits).map(|count| count.to_string());
        println!("100 draws {}", counts.join(" "));
        rows.push(probabilities);
    }
    draw(&rows)
}

/// Draws a group of bars for each word, one bar for each temperature, from cold to hot.
fn draw(rows: &[Tensor]) -> Result<()> {
    const LEFT: f64 = 56.0;
    const BOTTOM: f64 = 276.0;
    const UNIT: f64 = 300.0; // the height of a probability of 1
    const GROUP: f64 = 82.0;
    const BAR: f64 = 20.0;
    let mut svg =
        Svg::new(740.0, 336.0, "Probabilities of eight words at temperatures 0.3, 1.0 and 1.5");
    for tenths in (0..=8).step_by(2) {
        let y = BOTTOM - UNIT * f64::from(tenths) / 10.0;
        svg.line(
            (LEFT, y),
            (LEFT + GROUP * WORDS.len() as f64, y),
            if tenths == 0 { 1.0 } else { 0.3 },
        );
        svg.text((LEFT - 8.0, y + 4.5), "end", &format!("{:.1}", f64::from(tenths) / 10.0));
    }
    svg.text((8.0, 16.0), "start", "probability");
    let bars = [(1, BLUE), (0, "#7d7d7d"), (2, ORANGE)];
    for (place, word) in WORDS.iter().enumerate() {
        let start = LEFT + GROUP * place as f64 + 11.0;
        for (slot, &(row, color)) in bars.iter().enumerate() {
            let height = UNIT * rows[row].double_value(&[place as i64]);
            svg.field(
                (start + BAR * slot as f64, BOTTOM - height),
                (BAR - 2.0, height),
                color,
                color,
                "",
            );
        }
        svg.text((start + 1.5 * BAR - 1.0, BOTTOM + 20.0), "middle", word);
    }
    for (slot, (row, color)) in bars.into_iter().enumerate() {
        let x = 420.0 + 110.0 * slot as f64;
        svg.field((x, BOTTOM + 36.0), (14.0, 14.0), color, color, "");
        svg.text((x + 20.0, BOTTOM + 48.0), "start", &format!("T = {:.1}", TEMPERATURES[row]));
    }
    svg.write("temperature")
}
