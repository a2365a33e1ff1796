//! Batches of windows: what is read, and the same one token later.

use anyhow::Result;
use embedding::bpe::BytePairEncoder;
use embedding::loader::Loader;
use embedding::support::generators::Libtorch;
use embedding::support::show;
use embedding::support::texts::chapter_text;
use embedding::windows::Windows;

fn main() -> Result<()> {
    let text = chapter_text(1)?;
    println!("text {}", text.file);

    let ids = BytePairEncoder::gpt2().encode(&text.content);
    for context in [5, 1024] {
        let windows = Windows::new(ids.clone(), context, 2)?;
        let loader = Loader::new(windows.len(), 3, false, true)?;
        println!(
            "context {context}, stride 2: {} windows, {} batches of 3",
            windows.len(),
            loader.batches()
        );
        for first in loader.pass(Libtorch).take(1) {
            let (inputs, targets) = windows.batch(&first);
            println!("inputs, shape {:?}", inputs.size());
            println!("{}", show::tensor(&inputs));
            println!("targets, shape {:?}", targets.size());
            println!("{}", show::tensor(&targets));
        }
    }
    Ok(())
}
