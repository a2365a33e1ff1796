//! Models that a computer without a GPU trains in minutes, by name (chapter 4.4).

use crate::settings::{Length, TrainSettings};
use model::config::Gpt2Config;

/// A model with a vocabulary of its own, and how it is trained.
#[derive(Debug, Clone)]
pub struct Preset {
    /// What `--model` calls it.
    pub name: &'static str,
    /// The public text that it was made for; none for the tales that come with the project.
    pub text: Option<&'static str>,
    /// Its sizes; its context is that of its training, too.
    pub config: Gpt2Config,
    /// How it is trained.
    pub settings: TrainSettings,
}

/// The name of the preset that is taken where nothing is asked for.
pub const DEFAULT: &str = "tales";

/// The presets. Their sizes, rates and numbers of steps are those that did best among some tried (BENCHMARKS.md).
pub fn all() -> [Preset; 3] {
    [
        Preset {
            name: DEFAULT,
            text: None,
            config: sizes(2048, 128, 128, 4, 4),
            settings: training(16, 400, 3e-3),
        },
        Preset {
            name: "story",
            text: Some("tinystories"),
            config: sizes(4096, 256, 128, 4, 4),
            settings: training(4, 5000, 3e-3),
        },
        Preset {
            name: "shakespeare",
            text: Some("tiny-shakespeare"),
            config: sizes(1024, 128, 128, 4, 4),
            settings: training(16, 2000, 3e-3),
        },
    ]
}

fn sizes(vocab_size: i64, context: i64, channels: i64, heads: i64, layers: i64) -> Gpt2Config {
    Gpt2Config {
        vocab_size,
        context,
        channels,
        heads,
        layers,
        hidden: 4 * channels,
        dropout: 0.0,
        ..Gpt2Config::TINY
    }
}

fn training(batch_size: usize, steps: usize, learning_rate: f64) -> TrainSettings {
    TrainSettings {
        batch_size,
        length: Length::Steps(steps),
        learning_rate,
        min_lr: learning_rate / 10.0,
        warmup_steps: 50,
        eval_every: 100,
        ..TrainSettings::default()
    }
}

/// The preset of a name.
pub fn find(name: &str) -> Option<Preset> {
    all().into_iter().find(|preset| preset.name == name)
}
