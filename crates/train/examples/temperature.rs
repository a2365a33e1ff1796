//! How bold the draw is: the same scores at three temperatures (chapter 4.5); draws `chapters/figures/temperature.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;
mod toy;

use anyhow::Result;
use embedding::support::show;
use figure::{BLUE, GRAY, ORANGE, Svg, in_words};
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
    const LEFT: f64 = 100.0;
    const TOP: f64 = 40.0;
    const UNIT: f64 = 640.0; // the length of a probability of 1
    const GROUP: f64 = 56.0;
    const BAR: f64 = 15.0;
    let bars = [(1, BLUE), (0, GRAY), (2, ORANGE)];
    let told =
        bars.map(|(row, _)| format!("at {:.1}: {}", TEMPERATURES[row], in_words(&rows[row])));
    let mut svg = Svg::new(
        (640.0, 534.0),
        "Probabilities of eight words at temperatures 0.3, 1.0 and 1.5",
        &format!("Bars for {}; {}.", WORDS.join(", "), told.join("; ")),
    );
    let bottom = TOP + GROUP * WORDS.len() as f64;
    for tenths in (0..=8).step_by(2) {
        let x = LEFT + UNIT * f64::from(tenths) / 10.0;
        svg.line((x, TOP - 6.0), (x, bottom), if tenths == 0 { 1.0 } else { 0.3 });
        svg.text((x, bottom + 20.0), "middle", &format!("{:.1}", f64::from(tenths) / 10.0));
    }
    svg.text((LEFT + UNIT * 0.4, bottom + 42.0), "middle", "probability");
    for (place, word) in WORDS.iter().enumerate() {
        let y = TOP + GROUP * place as f64;
        svg.text((LEFT - 8.0, y + 1.5 * BAR + 4.0), "end", word);
        for (slot, &(row, color)) in bars.iter().enumerate() {
            let length = UNIT * rows[row].double_value(&[place as i64]);
            svg.bar((LEFT, y + BAR * slot as f64), (length, BAR - 2.0), color);
        }
    }
    for (slot, (row, color)) in bars.into_iter().enumerate() {
        let x = LEFT + 110.0 * slot as f64;
        svg.bar((x, 6.0), (14.0, 14.0), color);
        svg.text((x + 20.0, 18.0), "start", &format!("T = {:.1}", TEMPERATURES[row]));
    }
    svg.write("temperature")
}
