//! Batches of windows: what is read, and the same one token later; draws `chapters/figures/window-order.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use embedding::bpe::BytePairEncoder;
use embedding::loader::Loader;
use embedding::support::generators::Libtorch;
use embedding::support::show;
use embedding::support::texts::chapter_text;
use embedding::windows::Windows;
use figure::{BLUE, ORANGE, Svg};

fn main() -> Result<()> {
    let text = chapter_text(1)?;
    println!("text {}", text.file);

    let ids = BytePairEncoder::gpt2().encode(&text.content);
    for context in [5, 1024] {
        let windows = Windows::new(ids.clone(), context, 2)?;
        let loader = Loader::new(windows.len(), 3, false, true)?;
        println!(
            "context {context}, stride 2: {} windows, {} batches of 3",
            windows.len(),
            loader.batches()
        );
        for first in loader.pass(Libtorch).take(1) {
            let (inputs, targets) = windows.batch(&first);
            println!("inputs, shape {:?}", inputs.size());
            println!("{}", show::tensor(&inputs));
            println!("targets, shape {:?}", targets.size());
            println!("{}", show::tensor(&targets));
        }
    }
    draw()
}

/// In which order two passes deal out nine windows, three to a batch.
fn draw() -> Result<()> {
    let mut svg = Svg::new(
        640.0,
        176.0,
        "Nine windows as they lie in the text, and as two passes deal them out",
    );
    let in_order = Loader::new(9, 3, false, true)?;
    let shuffled = Loader::new(9, 3, true, true)?;
    tch::manual_seed(123);
    for (line, (label, loader, color, ink)) in [
        ("in the text", &in_order, "#c4c4c4", "#1a1a1a"),
        ("pass 1", &shuffled, BLUE, "#ffffff"),
        ("pass 2", &shuffled, ORANGE, "#1a1a1a"),
    ]
    .into_iter()
    .enumerate()
    {
        let y = 20.0 + 52.0 * line as f64;
        svg.text((96.0, y + 22.0), "end", label);
        for (batch, windows) in loader.pass(Libtorch).enumerate() {
            for (place, window) in windows.iter().enumerate() {
                let left = 110.0 + 176.0 * batch as f64 + 54.0 * place as f64;
                svg.field((left, y), (52.0, 34.0), color, ink, &window.to_string());
            }
        }
    }
    svg.write("window-order")
}
