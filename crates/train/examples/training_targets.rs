//! What the model reads, what it should answer, and what it answers before it has learned (chapter 4.1).

use anyhow::Result;
use embedding::{
    bpe::BytePairEncoder,
    loader::Loader,
    support::{generators::Libtorch, show, texts::chapter_text},
    windows::Windows,
};
use model::{config::Gpt2Config, gpt2::Gpt2};
use tch::{Device, Tensor};

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();
    let text = chapter_text(4)?;
    println!("text {}", text.file);
    let encoder = BytePairEncoder::gpt2();
    let windows = Windows::new(encoder.encode(&text.content), 4, 1)?;
    println!("{} windows of 4 tokens", windows.len());
    let first = Loader::new(windows.len(), 2, false, true)?
        .pass(Libtorch)
        .next()
        .expect("a loader has a batch");
    let (inputs, targets) = windows.batch(&first); // [B, T]
    print_ids("inputs", &inputs)?;
    print_ids("targets", &targets)?;

    tch::manual_seed(123);
    let model = Gpt2::new(Gpt2Config::ARTICLE, Device::Cpu)?;
    let probabilities = model.forward(&inputs, false).softmax(-1, None); // [B, T, V]
    let [b, t, v] = probabilities.size()[..] else {
        unreachable!("one for each entry at each position")
    };
    println!("probabilities, shape {b} {t} {v}");
    let (highest, answers) = probabilities.max_dim(-1, false); // [B, T], [B, T]
    print_ids("most probable next tokens of the untrained model", &answers)?;
    println!(
        "how often as probable as if all {v} entries were alike\n{}",
        show::tensor(&(highest * v as f64))
    );
    Ok(())
}

/// Prints ids `[B, T]` as numbers, then as text, a sequence a line.
fn print_ids(title: &str, ids: &Tensor) -> Result<()> {
    println!("{title}\n{}", show::tensor(ids));
    for row in ids.unbind(0) {
        let row: Vec<i64> = Vec::try_from(row)?;
        println!("|{}|", BytePairEncoder::gpt2().decode(&row)?.replace('\n', "\\n"));
    }
    Ok(())
}
