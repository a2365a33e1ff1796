//! Options of the whole run, from weights to scores.

use super::{Common, JudgeOptions};
use clap::Args;
use std::path::PathBuf;
use train::{
    run::arguments::{at_least_one, positive, precision, share, whole},
    settings::Precision,
};

/// Options of the whole run.
#[derive(Debug, Clone, Args)]
pub struct Whole {
    /// gpt2, gpt2-medium, gpt2-large, gpt2-xl, a folder, or scratch [default: gpt2, else scratch]
    #[arg(help_heading = "Model and data", long, value_name = "WEIGHTS")]
    pub weights: Option<String>,
    /// embedded, instruction-data, alpaca, or a JSON file
    #[arg(help_heading = "Model and data", long, default_value = "embedded")]
    pub data: String,
    /// For scratch: learn a vocabulary of N entries [default: 2048]
    #[arg(help_heading = "Model and data", long, value_name = "N", conflicts_with = "resume")]
    pub vocab_size: Option<usize>,
    /// Take only this many entries, chosen as Python's random.sample does
    #[arg(help_heading = "Model and data", long, value_name = "N", value_parser = whole)]
    pub sample: Option<usize>,
    /// Passes over the training entries [default: 2, of the embedded ones 1, for scratch 3]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = at_least_one)]
    pub epochs: Option<usize>,
    /// Entries in a batch [default: 8, for scratch 32]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = at_least_one)]
    pub batch_size: Option<usize>,
    /// Highest learning rate [default: 5e-5, for scratch 4e-3]
    #[arg(help_heading = "Training", long, value_name = "RATE", value_parser = positive)]
    pub learning_rate: Option<f64>,
    /// Share of the activations dropped in training [default: 0]
    #[arg(help_heading = "Model and data", long, value_name = "X", value_parser = share)]
    pub dropout: Option<f64>,
    /// Count the loss of the answers only, not of the instructions
    #[arg(help_heading = "Training", long)]
    pub mask_prompt: bool,
    /// Steps between validations [default: 5, for scratch 400]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = whole)]
    pub eval_every: Option<usize>,
    /// Steps between checkpoints, 0 for epochs only [default: 0]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = whole)]
    pub save_every: Option<usize>,
    /// Keep the weights with the lowest validation loss and end with them [default: true]
    #[arg(help_heading = "Training", long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", hide_possible_values = true)]
    pub keep_best: Option<bool>,
    /// End once N validations in a row bring no lower loss, 0 for never [default: 0]
    #[arg(help_heading = "Training", long, value_name = "N", value_parser = whole)]
    pub patience: Option<usize>,
    /// Number type in which training multiplies matrices: f32, or bf16, faster where the processor has a unit for it [default: f32]
    #[arg(help_heading = "Computation", long, value_name = "TYPE", value_parser = precision(), hide_possible_values = true)]
    pub precision: Option<Precision>,
    /// Go on with the run in DIR, or with the newest one in runs/
    #[arg(help_heading = "Training", long, value_name = "DIR", num_args = 0..=1, conflicts_with_all = ["weights", "data", "sample", "mask_prompt", "seed", "out_dir"])]
    #[expect(clippy::option_option, reason = "absent, without a folder, with one")]
    pub resume: Option<Option<PathBuf>>,
    /// The most tokens that an answer may have
    #[arg(help_heading = "Output", long, value_name = "N", default_value_t = 35, value_parser = at_least_one)]
    pub max_new_tokens: usize,
    /// Folder for everything that is written [default: runs/finetune, runs/finetune-2, …]
    #[arg(help_heading = "Output", long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
    /// Write into a folder that holds other files already
    #[arg(help_heading = "Output", long)]
    pub force: bool,
    /// Draw the curve in the terminal at the end
    #[arg(help_heading = "Output", long)]
    pub plot: bool,
    #[command(flatten)]
    pub judge: JudgeOptions,
    #[command(flatten)]
    pub common: Common,
}
