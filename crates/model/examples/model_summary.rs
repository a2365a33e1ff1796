//! Where the parameters of GPT-2 are, and how many its four sizes have (chapter 3.6); draws
//! `chapters/figures/residual-stream.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use figure::{BLUE, GRAY, ORANGE, Svg};
use model::{
    config::Gpt2Config,
    format::PUBLISHED,
    gpt2::Gpt2,
    summary::{mebibytes, summary},
};
use tch::Device;

fn main() -> Result<()> {
    let untied = Gpt2Config::ARTICLE;
    let tied = Gpt2Config { tied: true, ..untied };
    print!("{}", summary(&Gpt2::new(untied, Device::Cpu).expect("possible sizes")));
    println!("untied: parameters {} mebibytes {:.2}", untied.parameters(), mebibytes(&untied));
    println!("tied: parameters {} mebibytes {:.2}", tied.parameters(), mebibytes(&tied));

    println!("as OpenAI published them, tied and with query, key and value biases:");
    for (name, config) in PUBLISHED {
        println!(
            "{name} layers {} channels {} heads {} parameters {} mebibytes {:.2}",
            config.layers,
            config.channels,
            config.heads,
            config.parameters(),
            mebibytes(&config)
        );
    }
    draw(&untied)
}

/// The stream of one position from the tables to the head, and what writes into it on the way.
fn draw(config: &Gpt2Config) -> Result<()> {
    const STREAM: f64 = 130.0;
    let (c, v, last) = (config.channels, config.vocab_size, config.layers - 1);
    let mut svg = Svg::new(
        (640.0, 470.0),
        "The residual stream of one position, from the tables to the head",
        &format!(
            "A vector of {c} numbers begins as a row of the token table plus a row of the position table. In each of the \
             blocks 0 to {last}, attention reads it and adds what it found at other positions; then the feed-forward network \
             reads it and adds what it made of this position alone. At the end a norm and the head make {v} logits of it.",
        ),
    );
    svg.curve(&[(STREAM, 56.0), (STREAM, 426.0)], GRAY);
    svg.field((20.0, 20.0), (220.0, 36.0), GRAY, "token row + position row");
    svg.text((260.0, 43.0), "start", &format!("{c} numbers: the stream begins"));
    for (block, y) in [("block 0".to_owned(), 76.0), (format!("block {last}"), 266.0)] {
        svg.text((20.0, y + 72.0), "start", &block);
        for (part, color, top, what) in [
            ("attention", BLUE, y, "from other positions"),
            ("feed-forward", ORANGE, y + 76.0, "alone"),
        ] {
            svg.line((STREAM, top + 10.0), (220.0, top + 10.0), 1.0);
            svg.line((STREAM, top + 34.0), (220.0, top + 34.0), 1.0);
            svg.text((STREAM + 60.0, top + 6.0), "middle", "reads");
            svg.text((STREAM + 60.0, top + 49.0), "middle", "adds");
            svg.field((220.0, top), (160.0, 44.0), color, part);
            svg.text((394.0, top + 27.0), "start", what);
            svg.field((STREAM - 11.0, top + 23.0), (22.0, 22.0), GRAY, "+");
        }
    }
    svg.text((220.0, 236.0), "start", &format!("blocks 1 to {} do the same", last - 1));
    svg.field((20.0, 426.0), (220.0, 36.0), GRAY, "norm, then head");
    svg.text((260.0, 449.0), "start", &format!("{v} logits"));
    svg.write("residual-stream")
}
