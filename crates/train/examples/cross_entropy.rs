//! How wrong the untrained model is: probability of each target, its logarithm, their mean (chapter 4.1); draws
//! `chapters/figures/picked-targets.svg` from the embedded text.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use embedding::{
    bpe::BytePairEncoder,
    loader::Loader,
    support::{generators::Libtorch, show, texts::chapter_text},
    windows::Windows,
};
use figure::{BLUE, PALE, Svg};
use model::{config::Gpt2Config, gpt2::Gpt2};
use tch::{Device, Tensor};
use train::loss;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();
    let text = chapter_text(4)?;
    println!("text {}", text.file);
    let windows = Windows::new(BytePairEncoder::gpt2().encode(&text.content), 4, 1)?;
    let first = Loader::new(windows.len(), 2, false, true)?
        .pass(Libtorch)
        .next()
        .expect("a loader has a batch");
    let (inputs, targets) = windows.batch(&first); // [B, T]

    tch::manual_seed(123);
    let model = Gpt2::new(Gpt2Config::ARTICLE, Device::Cpu)?;
    let logits = model.forward(&inputs, false); // [B, T, V]
    let probabilities = logits.softmax(-1, None);
    let of_targets = probabilities.gather(-1, &targets.unsqueeze(-1), false).squeeze_dim(-1); // [B, T]
    let logarithms = of_targets.log();
    println!("targets\n{}", show::tensor(&targets));
    println!("probability of each target\n{}", show::tensor(&of_targets));
    println!("minus its logarithm\n{}", show::tensor(&-&logarithms));
    println!("their mean {:.4}", -logarithms.mean(None).double_value(&[]));

    let [b, t, v] = logits.size()[..] else {
        unreachable!("a score for each entry at each position")
    };
    println!("logits, shape {b} {t} {v}, flattened to {} {v}; targets to {}", b * t, b * t);
    let loss = loss::cross_entropy(&logits, &targets).double_value(&[]);
    println!("loss by cross_entropy {loss:.4}");
    println!("perplexity {:.1}", loss.exp());
    println!("loss if all {v} entries were alike {:.4}", (v as f64).ln());
    if text.file == "data/prose.txt" { draw(&probabilities, &inputs, &targets) } else { Ok(()) }
}

/// The first window as a table: a row for each position, a column for each of its targets, the place of its own target filled.
fn draw(probabilities: &Tensor, inputs: &Tensor, targets: &Tensor) -> Result<()> {
    const LEFT: f64 = 92.0;
    const TOP: f64 = 74.0;
    const FIELD: (f64, f64) = (76.0, 34.0);
    let word =
        |id: i64| Ok::<_, anyhow::Error>(BytePairEncoder::gpt2().decode(&[id])?.trim().to_owned());
    let p = |row, column| probabilities.double_value(&[0, row, targets.int64_value(&[0, column])]);
    let told: Vec<String> = (0..4)
        .map(|at| {
            let (after, target) =
                (word(inputs.int64_value(&[0, at]))?, targets.int64_value(&[0, at]));
            let (p, loss) = (p(at, at) * 1e5, -p(at, at).ln());
            Ok(format!("after {after}, {} has {p:.2}, a loss of {loss:.4}", word(target)?))
        })
        .collect::<Result<_>>()?;
    let mut svg = Svg::new(
        (560.0, 232.0),
        "Of each row of probabilities, the one of the target is picked, and its logarithm counts",
        &format!(
            "Four rows and columns of probabilities in 100,000ths; the picked ones lie on the diagonal: {}.",
            told.join("; "),
        ),
    );
    svg.text(
        (LEFT + 2.0 * FIELD.0, 20.0),
        "middle",
        "probability of the next token, in 100,000ths",
    );
    svg.text((LEFT - 8.0, TOP - 12.0), "end", "after");
    svg.text((LEFT + 4.0 * FIELD.0 + 100.0, TOP - 12.0), "middle", "loss");
    for row in 0..4 {
        let y = TOP + (FIELD.1 + 4.0) * row as f64;
        svg.text((LEFT - 8.0, y + 22.0), "end", &word(inputs.int64_value(&[0, row]))?);
        let x = LEFT + (FIELD.0 + 4.0) * row as f64 + FIELD.0 / 2.0;
        svg.text((x, TOP - 12.0), "middle", &word(targets.int64_value(&[0, row]))?);
        for column in 0..4 {
            let color = if row == column { BLUE } else { PALE };
            let at = (LEFT + (FIELD.0 + 4.0) * column as f64, y);
            svg.field(at, FIELD, color, &format!("{:.2}", p(row, column) * 1e5));
        }
        let right = LEFT + 4.0 * FIELD.0;
        svg.text((right + 36.0, y + 22.0), "middle", "…");
        svg.text((right + 100.0, y + 22.0), "middle", &format!("{:.4}", -p(row, row).ln()));
    }
    svg.write("picked-targets")
}
