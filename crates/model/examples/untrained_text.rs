//! The whole model before it has learned anything: its logits, and what it writes (chapter 3.7); draws
//! `chapters/figures/writing-loop.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use embedding::{bpe::BytePairEncoder, support::show};
use figure::{BLUE, ORANGE, Svg};
use model::{config::Gpt2Config, generate::greedy, gpt2::Gpt2};
use tch::{Device, Tensor};

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();
    let encoder = BytePairEncoder::gpt2();
    let rows =
        ["Once upon a time there", "were four little Rabbits"].map(|text| encoder.encode(text));

    tch::manual_seed(123);
    let model = Gpt2::new(Gpt2Config::ARTICLE, Device::Cpu)?;
    let logits = model.forward(&Tensor::from_slice2(&rows), false); // [B, T, V]
    let [b, t, v] = logits.size()[..] else {
        unreachable!("a score for each entry at each position")
    };
    println!("logits with dropout off, shape {b} {t} {v}\n{}", show::tensor(&logits));

    let ids = greedy(&model, &rows[0], 6);
    println!("ids of the prompt {}", words(&ids[..rows[0].len()]));
    println!("ids that follow {}", words(&ids[rows[0].len()..]));
    println!("text\n{}", encoder.decode(&ids)?);
    draw(encoder, &ids, rows[0].len())
}

fn words(ids: &[i64]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Three turns of the loop: the text goes in, the most probable token comes out and is written behind it.
fn draw(encoder: &BytePairEncoder, ids: &[i64], prompt: usize) -> Result<()> {
    let (text, turns) = (encoder.decode(&ids[..prompt])?, &ids[prompt..prompt + 3]);
    let written: Vec<String> = turns
        .iter()
        .map(|&id| Ok(format!("{id} {}", encoder.decode(&[id])?.trim())))
        .collect::<Result<_>>()?;
    let mut svg = Svg::new(
        (640.0, 330.0),
        "Three turns of the loop that writes",
        &format!(
            "In each turn the whole text goes through the model, and the token with the highest logit is written behind it. \
             Turn 1 begins with {text} and the three turns add {}.",
            written.join(", "),
        ),
    );
    for turn in 0..3 {
        let y = 40.0 + 100.0 * turn as f64;
        svg.text((10.0, y - 12.0), "start", &format!("turn {}", turn + 1));
        let mut x = 10.0;
        for (at, &id) in ids[..prompt + turn].iter().enumerate() {
            let piece = encoder.decode(&[id])?;
            let width = 14.0 + 8.6 * piece.trim().len() as f64;
            let color = if at < prompt { BLUE } else { ORANGE };
            svg.field((x, y), (width, 28.0), color, piece.trim());
            x += width + 4.0;
        }
        let next = ids[prompt + turn];
        let piece = encoder.decode(&[next])?;
        svg.text((26.0, y + 48.0), "start", "↓ through the model; highest at the end:");
        let width = 14.0 + 8.6 * (piece.trim().len() + 6) as f64;
        let words = format!("{next} {}", piece.trim());
        svg.field((345.0, y + 33.0), (width, 26.0), ORANGE, &words);
    }
    svg.write("writing-loop")
}
