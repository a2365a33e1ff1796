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
use figure::{BLUE, ORANGE, PALE, Svg};

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
    let in_order = Loader::new(9, 3, false, true)?;
    let shuffled = Loader::new(9, 3, true, true)?;
    tch::manual_seed(123);
    let lines = [
        ("in the text", &in_order, PALE),
        ("pass 1", &shuffled, BLUE),
        ("pass 2", &shuffled, ORANGE),
    ]
    .map(|(label, loader, color)| (label, loader.pass(Libtorch).collect::<Vec<_>>(), color));
    let told = lines.iter().map(|(label, batches, _)| format!("{label} {batches:?}"));
    let mut svg = Svg::new(
        (640.0, 176.0),
        "Nine windows as they lie in the text, and as two passes deal them out",
        &format!(
            "Three batches of three windows in each line: {}.",
            told.collect::<Vec<_>>().join("; ")
        ),
    );
    for (line, (label, batches, color)) in lines.into_iter().enumerate() {
        let y = 20.0 + 52.0 * line as f64;
        svg.text((96.0, y + 22.0), "end", label);
        for (batch, windows) in batches.iter().enumerate() {
            for (place, window) in windows.iter().enumerate() {
                let left = 110.0 + 176.0 * batch as f64 + 54.0 * place as f64;
                svg.field((left, y), (52.0, 34.0), color, &window.to_string());
            }
        }
    }
    svg.write("window-order")
}
