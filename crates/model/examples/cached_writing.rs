//! The same tokens with and without a cache, and how many positions each way reads (chapter 3.8); draws
//! `chapters/figures/cache.svg`.

#[path = "../../attention/examples/figure/mod.rs"]
mod figure;

use anyhow::Result;
use embedding::bpe::BytePairEncoder;
use figure::{BLUE, PALE, Svg};
use model::{cache::Cache, config::Gpt2Config, generate::most_probable, gpt2::Gpt2};
use tch::{Device, Tensor};

const NEW_TOKENS: usize = 20;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();
    let config = Gpt2Config {
        context: 32,
        channels: 64,
        layers: 2,
        heads: 2,
        hidden: 256,
        ..Gpt2Config::ARTICLE
    };
    let prompt = BytePairEncoder::gpt2().encode("Once upon a time there");
    tch::manual_seed(123);
    let model = Gpt2::new(config, Device::Cpu)?;

    let mut cache = Cache::new(&config, 1, Device::Cpu);
    let (mut written, mut unread) = (Vec::new(), prompt.clone());
    let (mut read, mut filled) = (0, Vec::new());
    for _ in 0..NEW_TOKENS {
        let ids = Tensor::from_slice(&unread).unsqueeze(0); // [1, new]
        let hidden = model.hidden(&ids, Some(&mut cache), false); // [1, new, C]
        read += unread.len();
        filled.push(cache.filled());
        let id = most_probable(&model.logits(&hidden.select(1, -1)).squeeze_dim(0));
        written.push(id);
        unread = vec![id]; // all else is in the cache
    }
    println!("ids that follow {}", words(&written));
    let without: usize = (prompt.len()..prompt.len() + NEW_TOKENS).sum();
    println!("positions read without a cache {without}");
    println!("positions read with a cache {read}");
    println!("positions in the cache after 1, 2 and 3 passes {}", words(&filled[..3]));
    draw(prompt.len())
}

fn words(numbers: &[i64]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// A row for each of the first passes: what it reads, and what it finds in the cache.
fn draw(prompt: usize) -> Result<()> {
    const PASSES: usize = 4;
    let mut svg = Svg::new(
        (640.0, 420.0),
        "Four passes without a cache and with one",
        &format!(
            "Without a cache the passes compute {prompt}, {}, {} and {} positions, all so far. With one, only the first pass \
             computes {prompt}; each later pass computes 1, the newest, and takes the keys and values of the earlier ones \
             from the cache.",
            prompt + 1,
            prompt + 2,
            prompt + 3,
        ),
    );
    for (way, title) in ["without a cache", "with a cache"].into_iter().enumerate() {
        let top = 34.0 + 200.0 * way as f64;
        svg.text((20.0, top - 10.0), "start", title);
        for pass in 0..PASSES {
            let y = top + 36.0 * pass as f64;
            svg.text((78.0, y + 21.0), "end", &format!("pass {}", pass + 1));
            for position in 0..prompt + pass {
                let kept = way == 1 && pass > 0 && position + 1 < prompt + pass;
                let (color, word) = if kept { (PALE, "kept") } else { (BLUE, "new") };
                svg.field((90.0 + 62.0 * position as f64, y), (58.0, 30.0), color, word);
            }
        }
    }
    svg.colored_text((90.0, 400.0), "start", "new: computed in this pass", BLUE);
    svg.text((340.0, 400.0), "start", "kept: key and value are there");
    svg.write("cache")
}
