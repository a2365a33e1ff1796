//! One block: what goes in comes out with the same shape (chapter 3.4); draws `chapters/figures/block.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use embedding::support::show;
use figure::{BLUE, GRAY, ORANGE, Svg};
use model::{block::Block, config::Gpt2Config};
use tch::{Device, Kind, Tensor, nn::VarStore};

const CONFIG: Gpt2Config = Gpt2Config::ARTICLE;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();

    tch::manual_seed(123);
    let x = Tensor::rand([2, 4, CONFIG.channels], (Kind::Float, Device::Cpu)); // [B, T, C]
    let block = Block::new(&VarStore::new(Device::Cpu).root(), &CONFIG);
    let out = block.forward(&x, None, false); // [B, T, C]
    println!("shape of the input {}", words(&x.size()));
    println!("{}", show::tensor(&x));
    println!("shape of the output {}", words(&out.size()));
    println!("{}", show::tensor(&out));
    println!("what the block added");
    println!("{}", show::tensor(&(&out - &x)));
    draw(&x.size())
}

fn words(size: &[i64]) -> String {
    size.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The residual stream from top to bottom, and beside it what each half of the block adds to it.
fn draw(shape: &[i64]) -> Result<()> {
    const STREAM: f64 = 110.0; // where the stream runs
    const LEFT: f64 = 210.0;
    const PART: (f64, f64) = (250.0, 32.0);
    const STEP: f64 = PART.1 + 10.0;
    let Gpt2Config { channels: c, heads: h, hidden: f, .. } = CONFIG;
    let narrow = format!("[{}, {}, {c}]", shape[0], shape[1]);
    let wide = format!("[{}, {}, {f}]", shape[0], shape[1]);
    let attention = format!("attention, {h} heads of {}", c / h);
    let reads = [("norm1", &narrow), (attention.as_str(), &narrow), ("dropout", &narrow)];
    let thinks = [
        ("norm2", &narrow),
        ("up", &wide),
        ("GELU", &wide),
        ("down", &narrow),
        ("dropout", &narrow),
    ];

    let mut svg = Svg::new(
        (600.0, 496.0),
        "One block: attention and feed-forward each add to the residual stream",
        &format!(
            "The stream x of shape {narrow} runs from top to bottom. A branch that reads the positions before it goes through \
             norm1, {attention}, and dropout, all {narrow}, and is added to the stream. Below it a second branch works on each \
             position alone: norm2 {narrow}, up {wide}, GELU {wide}, down {narrow}, dropout {narrow}; it is added, too. What \
             leaves has the shape of what came, {narrow}.",
        ),
    );
    svg.curve(&[(STREAM, 30.0), (STREAM, 464.0)], GRAY);
    svg.text((STREAM, 18.0), "middle", &format!("x {narrow}"));
    svg.text((STREAM - 56.0, 484.0), "start", &format!("x {narrow} for the next block"));
    svg.text((STREAM - 26.0, 225.0), "end", "residual");
    svg.text((STREAM - 26.0, 243.0), "end", "stream");
    let mut y = 50.0;
    for (what, color, parts) in [
        ("reads the positions before it", BLUE, &reads[..]),
        ("works, each position alone", ORANGE, &thinks[..]),
    ] {
        svg.colored_text((LEFT, y - 8.0), "start", what, color);
        svg.line((STREAM, y + PART.1 / 2.0), (LEFT, y + PART.1 / 2.0), 1.0);
        svg.text((LEFT - 7.0, y + PART.1 / 2.0 + 4.5), "middle", "▸");
        for (label, size) in parts {
            svg.field((LEFT, y), PART, color, label);
            svg.text((LEFT + PART.0 + 12.0, y + 20.5), "start", size);
            svg.line((LEFT + PART.0 / 2.0, y + PART.1), (LEFT + PART.0 / 2.0, y + STEP), 1.0);
            y += STEP;
        }
        svg.line((LEFT + PART.0 / 2.0, y), (STREAM, y), 1.0);
        svg.text((STREAM + 19.0, y + 4.5), "middle", "◂");
        svg.field((STREAM - 13.0, y - 13.0), (26.0, 26.0), GRAY, "+");
        y += 46.0;
    }
    svg.write("block")
}
