//! The training run of Raschka's book made small, with dropout on: the same losses and words as under PyTorch.

use anyhow::Result;
use embedding::support::texts::STORY;
use train::protocol::{Event, Protocol};

fn main() -> Result<()> {
    tch::set_num_threads(1);
    println!("the book's run with 2 blocks, 2 heads, 64 channels, context 32, on data/story.txt");
    Protocol::small().run(STORY, |event| match event {
        Event::Losses { epoch, step, training_loss, validation_loss } => {
            println!("epoch {epoch} step {step} training {training_loss:.6} validation {validation_loss:.6}");
        }
        sample @ Event::Sample { .. } => println!("{sample}"),
    })?;
    Ok(())
}
