//! How wrong the untrained model is: probability of each target, its logarithm, their mean (chapter 4.1).

use anyhow::Result;
use embedding::{
    bpe::BytePairEncoder,
    loader::Loader,
    support::{generators::Libtorch, show, texts::chapter_text},
    windows::Windows,
};
use model::{config::Gpt2Config, gpt2::Gpt2};
use tch::Device;
use train::loss;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();
    let text = chapter_text(4)?;
    println!("text {}", text.file);
    let windows = Windows::new(BytePairEncoder::gpt2().encode(&text.content), 4, 1)?;
    let first = Loader::new(windows.len(), 2, false, true)?
        .pass(Libtorch)
        .next()
        .expect("a loader has a batch");
    let (inputs, targets) = windows.batch(&first); // [B, T]

    tch::manual_seed(123);
    let model = Gpt2::new(Gpt2Config::ARTICLE, Device::Cpu)?;
    let logits = model.forward(&inputs, false); // [B, T, V]
    let probabilities = logits.softmax(-1, None);
    let of_targets = probabilities.gather(-1, &targets.unsqueeze(-1), false).squeeze_dim(-1); // [B, T]
    let logarithms = of_targets.log();
    println!("targets\n{}", show::tensor(&targets));
    println!("probability of each target\n{}", show::tensor(&of_targets));
    println!("minus its logarithm\n{}", show::tensor(&-&logarithms));
    println!("their mean {:.4}", -logarithms.mean(None).double_value(&[]));

    let [b, t, v] = logits.size()[..] else {
        unreachable!("a score for each entry at each position")
    };
    println!("logits, shape {b} {t} {v}, flattened to {} {v}; targets to {}", b * t, b * t);
    let loss = loss::cross_entropy(&logits, &targets).double_value(&[]);
    println!("loss by cross_entropy {loss:.4}");
    println!("perplexity {:.1}", loss.exp());
    println!("loss if all {v} entries were alike {:.4}", (v as f64).ln());
    Ok(())
}
