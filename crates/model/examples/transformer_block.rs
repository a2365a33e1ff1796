//! One block: what goes in comes out with the same shape (chapter 3.4); draws `chapters/figures/block.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use embedding::show;
use figure::{BLUE, ORANGE, Svg};
use model::{block::Block, config::Gpt2Config};
use tch::{Device, Kind, Tensor, nn::VarStore};

const CONFIG: Gpt2Config = Gpt2Config::ARTICLE;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();

    tch::manual_seed(123);
    let x = Tensor::rand([2, 4, CONFIG.channels], (Kind::Float, Device::Cpu)); // [B, T, C]
    let block = Block::new(&VarStore::new(Device::Cpu).root(), &CONFIG)?;
    let out = block.forward(&x, false); // [B, T, C]
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
    const STREAM: f64 = 90.0; // where the stream runs
    const PART: (f64, f64) = (250.0, 32.0);
    const LEFT: f64 = 190.0;
    let Gpt2Config { channels: c, heads: h, hidden: f, .. } = CONFIG;
    let stream = format!("[{}, {}, {c}]", shape[0], shape[1]);
    let wide = format!("[{}, {}, {f}]", shape[0], shape[1]);
    let halves = [
        (
            "reads the positions before it",
            BLUE,
            vec![
                ("norm1".to_owned(), stream.clone()),
                (format!("attention, {h} heads of {}", c / h), stream.clone()),
                ("dropout".to_owned(), stream.clone()),
            ],
        ),
        (
            "thinks, each position alone",
            ORANGE,
            vec![
                ("norm2".to_owned(), stream.clone()),
                ("feed-forward, up".to_owned(), wide.clone()),
                ("GELU".to_owned(), wide.clone()),
                ("feed-forward, down".to_owned(), stream.clone()),
                ("dropout".to_owned(), stream.clone()),
            ],
        ),
    ];
    let mut svg = Svg::new(620.0, 560.0, "One block: attention and feed-forward each add to the residual stream");
    svg.text((STREAM, 18.0), "middle", &format!("x {stream}"));
    let mut y = 40.0;
    for (what, colour, parts) in halves {
        let entry = y;
        svg.coloured_text((LEFT, y - 8.0), "start", what, colour);
        for (label, out) in parts {
            svg.field((LEFT, y), PART, colour, "#ffffff", &label);
            svg.text((LEFT + PART.0 + 12.0, y + 20.5), "start", &out);
            svg.line((LEFT + PART.0 / 2.0, y + PART.1), (LEFT + PART.0 / 2.0, y + PART.1 + 10.0), 1.0);
            y += PART.1 + 10.0;
        }
        // From the stream into the first part, and from the last one back.
        svg.line((STREAM, entry + PART.1 / 2.0), (LEFT, entry + PART.1 / 2.0), 1.0);
        svg.text((LEFT - 9.0, entry + PART.1 / 2.0 + 4.5), "middle", "▸");
        svg.line((LEFT + PART.0 / 2.0, y), (STREAM + 14.0, y), 1.0);
        svg.text((STREAM + 20.0, y + 4.5), "middle", "◂");
        svg.field((STREAM - 14.0, y - 14.0), (28.0, 28.0), "#5a5a5a", "#ffffff", "+");
        y += 60.0;
    }
    svg.curve(&[(STREAM, 26.0), (STREAM, y - 40.0)], "#7d7d7d");
    svg.text((STREAM, y - 22.0), "middle", &format!("x {stream}, for the next block"));
    svg.text((STREAM - 22.0, 170.0), "end", "residual");
    svg.text((STREAM - 22.0, 188.0), "end", "stream");
    svg.write("block")
}
