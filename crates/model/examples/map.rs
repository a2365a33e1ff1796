//! The map of a GPT-2 and how many numbers each of its parts holds; draws `chapters/figures/map.svg` for chapter 0, and the
//! same map small, once for each part with that part lit (`chapters/figures/map-*.svg`).

mod atlas;

use anyhow::Result;
use model::config::Gpt2Config;

/// The names of the small maps, and what each lights.
const LIT: [(&str, &[&str]); 20] = [
    ("text", &["text"]),
    ("tokens", &["tokens"]),
    ("windows", &["windows"]),
    ("embedding", &["embedding"]),
    ("norm", &["norm"]),
    ("attention", &["attention"]),
    ("mask", &["mask"]),
    ("heads", &["heads"]),
    ("feed-forward", &["feed-forward"]),
    ("block", &["norm", "attention", "mask", "heads", "feed-forward"]),
    (
        "model",
        &["embedding", "norm", "attention", "mask", "heads", "feed-forward", "final norm", "head"],
    ),
    ("ends", &["embedding", "final norm", "head"]),
    ("head", &["head"]),
    ("loss", &["loss"]),
    ("gradient", &["gradient"]),
    ("step", &["step"]),
    ("training", &["loss", "gradient", "step"]),
    ("writing", &["writing"]),
    ("cache", &["cache"]),
    ("finetune", &["fine-tuning"]),
];

fn main() -> Result<()> {
    let parts = parts(&Gpt2Config::SMALL);
    let mut all = 0;
    for (name, times, numbers) in &parts {
        println!("{name}: {times} times {numbers}");
        all += times * numbers;
    }
    println!("together {all}");
    assert_eq!(all, Gpt2Config::SMALL.parameters(), "the parts are the whole");
    atlas::large(&parts, all)?;
    for (name, lit) in LIT {
        atlas::small(name, lit)?;
    }
    Ok(())
}

/// The parts that hold numbers: how often each stands in the model, and how many it holds.
fn parts(config: &Gpt2Config) -> [(&'static str, i64, i64); 6] {
    let &Gpt2Config { vocab_size: v, context, channels: c, hidden: f, layers, .. } = config;
    [
        ("token table", 1, v * c),
        ("position table", 1, context * c),
        ("attention", layers, 4 * (c * c + c)),
        ("feed-forward", layers, (c * f + f) + (f * c + c)),
        ("norms of a block", layers, 4 * c),
        ("final norm", 1, 2 * c),
    ]
}
