//! Training runs that others have published, repeated draw by draw (chapter 4.4, and the page "Where the numbers come from").
//!
//! Everything that takes a number from libtorch's generator happens in the order in which the published Python code makes it happen:
//! the weights, each pass over a loader, each dropout. So the log equals that of the same code under PyTorch, figure for figure. The
//! one stream of numbers runs through the whole training, which is why such a run cannot be resumed, only repeated.

use crate::{
    adamw::{AdamW, AdamWSettings},
    loss::batch_loss,
    split::{clean_lines, split_by_characters},
    step::{Batch, train_step},
};
use anyhow::{Context, Result};
use embedding::{
    bpe::BytePairEncoder, loader::Loader, support::generators::Libtorch, windows::Windows,
};
use model::{
    config::{Gelu, Gpt2Config},
    generate::greedy,
    gpt2::Gpt2,
};
use std::fmt;
use tch::Device;

/// What a published run consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    /// The model; its context is also the length and the distance of the windows.
    pub config: Gpt2Config,
    /// Whether lines are stripped and empty ones left out before anything else.
    pub clean: bool,
    /// The share of the characters that is trained on; the rest is for validation.
    pub training_share: f64,
    /// Windows in a batch.
    pub batch_size: usize,
    /// The constant learning rate; weight decay is 0.1 on all parameters.
    pub learning_rate: f64,
    /// Passes over the training windows.
    pub epochs: usize,
    /// Steps from one measurement of both losses to the next.
    pub eval_every: usize,
    /// Batches of each loader that a measurement takes.
    pub eval_batches: usize,
    /// Whether dropout stays on while losses are measured, as in the original series.
    pub eval_with_dropout: bool,
    /// What the model continues after each epoch.
    pub prompt: String,
    /// By how many tokens it does.
    pub sample_tokens: usize,
    /// The seed of everything.
    pub seed: i64,
}

impl Protocol {
    /// The pretraining run of Raschka's book.
    ///
    /// # Source
    /// Raschka 2024, "Build a Large Language Model (From Scratch)", chapter 5, section 5.2, on "The Verdict".
    pub fn book() -> Self {
        Self {
            config: Gpt2Config { context: 256, qkv_bias: false, tied: false, ..Gpt2Config::SMALL },
            clean: false,
            training_share: 0.9,
            batch_size: 2,
            learning_rate: 4e-4,
            epochs: 10,
            eval_every: 5,
            eval_batches: 5,
            eval_with_dropout: false,
            prompt: "Every effort moves you".to_owned(),
            sample_tokens: 50,
            seed: 123,
        }
    }

    /// The main run of the original series, with losses measured without dropout.
    ///
    /// # Source
    /// "Build, Train and Finetune GPT2 from Scratch", part 4, on an encyclopedia's text about the First World War.
    pub fn article() -> Self {
        Self {
            config: Gpt2Config { context: 128, ..Gpt2Config::ARTICLE },
            clean: true,
            training_share: 0.8,
            eval_every: 10,
            prompt: "at the start of".to_owned(),
            sample_tokens: 20,
            ..Self::book()
        }
    }

    /// The book's run made small: seconds instead of minutes, everything else alike.
    pub fn small() -> Self {
        let config = Gpt2Config {
            context: 32,
            channels: 64,
            heads: 2,
            layers: 2,
            hidden: 4 * 64,
            gelu: Gelu::Tanh,
            ..Self::book().config
        };
        Self {
            config,
            epochs: 2,
            eval_every: 8,
            prompt: "Once there was".to_owned(),
            sample_tokens: 12,
            ..Self::book()
        }
    }

    /// Trains a model on a text and tells of each measurement and sample as it is made.
    ///
    /// # Errors
    /// If the text is too short for a batch of training windows and a window for validation.
    pub fn run(&self, text: &str, mut report: impl FnMut(Event)) -> Result<Gpt2> {
        let encoder = BytePairEncoder::gpt2();
        let text = if self.clean { clean_lines(text) } else { text.to_owned() };
        let (training, validation) = split_by_characters(&text, self.training_share);
        let training =
            Part::new(encoder.encode(training), self, true).context("the training part")?;
        let validation =
            Part::new(encoder.encode(validation), self, false).context("the validation part")?;

        tch::manual_seed(self.seed);
        let model = Gpt2::new(self.config, Device::Cpu)?;
        let mut optimizer = AdamW::new(model.parameters(), AdamWSettings::default());
        let mut step = 0;
        for epoch in 1..=self.epochs {
            for windows in training.loader.pass(Libtorch) {
                let (inputs, targets) = training.windows.batch(&windows); // [B, T], [B, T]
                let batch = Batch::new(inputs, targets);
                let rate = self.learning_rate;
                train_step(&model, &mut optimizer, &[batch], rate, f64::INFINITY)?;
                if step % self.eval_every == 0 {
                    let training_loss = self.measure(&model, &training);
                    let validation_loss = self.measure(&model, &validation);
                    report(Event::Losses { epoch, step, training_loss, validation_loss });
                }
                step += 1;
            }
            let ids = greedy(&model, &encoder.encode(&self.prompt), self.sample_tokens);
            report(Event::Sample { epoch, text: encoder.decode(&ids)? });
        }
        Ok(model)
    }

    /// The mean loss of the first batches of a new pass, which takes its draws from the generator like any other.
    fn measure(&self, model: &Gpt2, part: &Part) -> f64 {
        let _guard = tch::no_grad_guard();
        let batches = self.eval_batches.min(part.loader.batches());
        let sum: f64 = part
            .loader
            .pass(Libtorch)
            .take(batches)
            .map(|windows| {
                let (inputs, targets) = part.windows.batch(&windows);
                batch_loss(model, &inputs, &targets, self.eval_with_dropout).double_value(&[])
            })
            .sum();
        sum / batches as f64
    }
}

/// One part of the text with the loader that deals out its windows.
struct Part {
    windows: Windows,
    loader: Loader,
}

impl Part {
    fn new(ids: Vec<i64>, protocol: &Protocol, training: bool) -> Result<Self> {
        let context = protocol.config.context as usize;
        let windows = Windows::new(ids, context, context)?;
        let loader = Loader::new(windows.len(), protocol.batch_size, training, training)?;
        Ok(Self { windows, loader })
    }
}

/// What a run tells while it goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Both losses, in nats, after the update of a step that is counted from 0.
    Losses {
        /// Counted from 1.
        epoch: usize,
        /// Counted from 0 through all epochs.
        step: usize,
        /// Mean of the first batches of a new, shuffled pass.
        training_loss: f64,
        /// Mean of the first batches of the validation part.
        validation_loss: f64,
    },
    /// What the model makes of the prompt after an epoch.
    Sample {
        /// Counted from 1.
        epoch: usize,
        /// Prompt and continuation.
        text: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Losses { epoch, step, training_loss, validation_loss } => {
                write!(
                    f,
                    "epoch {epoch} step {step} training {training_loss:.3} validation {validation_loss:.3}"
                )
            }
            Self::Sample { epoch, text } => {
                write!(f, "epoch {epoch} sample: {}", text.replace('\n', " "))
            }
        }
    }
}
