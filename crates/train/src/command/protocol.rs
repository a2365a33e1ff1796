//! A published run, repeated (chapter 4.4).

use super::options::Options;
use crate::{
    protocol::Protocol,
    run::{corpus, terminal::say},
};
use anyhow::{Result, bail};
use embedding::support::texts::PROSE;
use std::process::ExitCode;

/// Repeats a published run; its log goes to stdout, so that it can be compared.
pub fn repeat(name: &str, options: &Options) -> Result<ExitCode> {
    let mut protocol = match name {
        "book" => Protocol::book(),
        "article" => Protocol::article(),
        other => bail!("the protocol {other:?} is unknown; there are book and article"),
    };
    protocol.epochs = options.epochs.unwrap_or(protocol.epochs);
    protocol.seed = options.seed.map_or(protocol.seed, i64::from);
    protocol.eval_with_dropout = options.eval_with_dropout;
    let default = if name == "book" { "the-verdict" } else { "world-war-i" };
    let text =
        if options.text.is_empty() { vec![default.to_owned()] } else { options.text.clone() };
    let text = corpus::read_whole(&text[0]).or_else(|error| {
        if options.text.is_empty() {
            say(&format!("{error:#}; taking the embedded prose"));
            Ok(PROSE.to_owned())
        } else {
            Err(error)
        }
    })?;
    say(&format!("{protocol:?}"));
    protocol.run(&text, |event| println!("{event}"))?;
    Ok(ExitCode::SUCCESS)
}
