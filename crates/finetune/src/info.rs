//! What is in a model's folder (chapter 5.1).

use anyhow::Result;
use model::{format::safetensors::WeightFile, gpt2::Gpt2, summary::mebibytes};
use std::{fmt::Write, path::Path};
use tch::{Kind, Tensor};

/// Architecture, and a table of all parameters with shape, mean and standard deviation.
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
    write_header(&mut text)?;
    let _guard = tch::no_grad_guard();
    for (name, parameter) in model.parameters() {
        write_row(&mut text, &name, &parameter)?;
    }
    Ok(text)
}

/// The same table of a weight file by itself, whose tensors have the names that it gives them.
///
/// # Errors
/// If it is no safetensors file, or holds what are no finite floats.
pub fn describe_file(path: &Path) -> Result<String> {
    let mut file = WeightFile::open(path)?;
    let shapes = file.shapes();
    let numbers: i64 = shapes.iter().map(|(_, shape)| shape.iter().product::<i64>()).sum();
    let mut text = format!("{}: {} tensors, {numbers} numbers\n", path.display(), shapes.len());
    write_header(&mut text)?;
    for (name, _) in shapes {
        write_row(&mut text, &name, &file.tensor(&name)?)?;
    }
    Ok(text)
}

fn write_header(text: &mut String) -> Result<()> {
    Ok(writeln!(text, "\n{:<40} {:>14} {:>10} {:>10}", "parameter", "shape", "mean", "std. dev.")?)
}

fn write_row(text: &mut String, name: &str, parameter: &Tensor) -> Result<()> {
    let shape: Vec<String> = parameter.size().iter().map(ToString::to_string).collect();
    let mean = parameter.mean(Kind::Double).double_value(&[]);
    let deviation = parameter.to_kind(Kind::Double).std(false).double_value(&[]);
    Ok(writeln!(text, "{name:<40} {:>14} {mean:>10.5} {deviation:>10.5}", shape.join(" x "))?)
}
