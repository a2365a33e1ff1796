//! What is in a model's folder (chapter 5.1).

use anyhow::Result;
use model::{gpt2::Gpt2, summary::mebibytes};
use std::fmt::Write;

/// Architecture, and a table of all parameters with shape, mean and deviation.
///
/// # Errors
/// Never in practice: a text is written to memory.
pub fn describe(model: &Gpt2) -> Result<String> {
    let config = &model.config;
    let mut text = String::new();
    writeln!(
        text,
        "GPT-2 with {} blocks, {} heads, {} channels, context {}, vocabulary {}",
        config.layers, config.heads, config.channels, config.context, config.vocab_size
    )?;
    writeln!(
        text,
        "{} parameters, {:.1} MiB; {} head, {} query/key/value bias, {:?} GELU, dropout {}",
        config.parameters(),
        mebibytes(config),
        if config.tied { "tied" } else { "untied" },
        if config.qkv_bias { "with" } else { "without" },
        config.gelu,
        config.dropout
    )?;
    writeln!(text, "\n{:<40} {:>14} {:>10} {:>10}", "parameter", "shape", "mean", "deviation")?;
    let _guard = tch::no_grad_guard();
    for (name, parameter) in model.parameters() {
        let shape: Vec<String> = parameter.size().iter().map(ToString::to_string).collect();
        let mean = parameter.mean(tch::Kind::Double).double_value(&[]);
        let deviation = parameter.to_kind(tch::Kind::Double).std(false).double_value(&[]);
        writeln!(text, "{name:<40} {:>14} {mean:>10.5} {deviation:>10.5}", shape.join(" x "))?;
    }
    Ok(text)
}
