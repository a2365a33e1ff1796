//! A text cut in two, and the loss of the untrained model on each part (chapter 4.1).

use anyhow::Result;
use embedding::{
    bpe::BytePairEncoder,
    loader::Loader,
    support::{generators::Libtorch, texts::chapter_text},
    windows::Windows,
};
use model::{config::Gpt2Config, gpt2::Gpt2};
use tch::Device;
use train::{
    loss::mean_batch_loss,
    split::{clean_lines, split_by_characters},
};

const BATCH_SIZE: usize = 2;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let text = chapter_text(4)?;
    println!("text {}", text.file);
    let cleaned = clean_lines(&text.content);
    println!("characters {} cleaned {}", text.content.chars().count(), cleaned.chars().count());
    let (training, validation) = split_by_characters(&cleaned, 0.8);
    let config = Gpt2Config::ARTICLE;
    let training = Part::new("training", training, config.context as usize, true)?;
    let validation = Part::new("validation", validation, config.context as usize, false)?;

    tch::manual_seed(123);
    let model = Gpt2::new(config, Device::Cpu)?;
    tch::manual_seed(123);
    println!("training loss {:.4}", training.loss(&model)?);
    println!("validation loss {:.4}", validation.loss(&model)?);
    Ok(())
}

/// One part of the text as windows, and the loader that deals them out.
struct Part {
    windows: Windows,
    loader: Loader,
}

impl Part {
    /// Training is shuffled and made of complete batches only; validation runs in order, its last batch may be smaller.
    fn new(name: &str, text: &str, context: usize, is_training: bool) -> Result<Self> {
        let ids = BytePairEncoder::gpt2().encode(text);
        let (characters, tokens) = (text.chars().count(), ids.len());
        let windows = Windows::new(ids, context, context)?;
        let loader = Loader::new(windows.len(), BATCH_SIZE, is_training, is_training)?;
        println!(
            "{name}: characters {characters} tokens {tokens} windows {} batches {}",
            windows.len(),
            loader.batches()
        );
        Ok(Self { windows, loader })
    }

    /// The mean over all batches of a pass, dropout off.
    fn loss(&self, model: &Gpt2) -> Result<f64> {
        mean_batch_loss(
            model,
            self.loader.pass(Libtorch).map(|windows| self.windows.batch(&windows)),
        )
    }
}
