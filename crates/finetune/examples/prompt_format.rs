//! What a task looks like to the model, without an input and with one (chapter 5.2).

use anyhow::{Context, Result};
use finetune::instructions::embedded;

fn main() -> Result<()> {
    let entries = embedded()?;
    for (title, with_input) in [("without an input", false), ("with an input", true)] {
        let entry = entries
            .iter()
            .find(|entry| entry.input.is_empty() != with_input)
            .context("no such entry")?;
        println!("--- {title}, up to where the model answers");
        println!("{}", entry.prompt());
        println!("--- the answer it should give");
        println!("{}", entry.output);
    }
    Ok(())
}
