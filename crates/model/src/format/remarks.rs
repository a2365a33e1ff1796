//! What is special about a folder that was read.

use super::{CONFIG, config_from_json, config_json, stored::Stored, weights::Weights};
use crate::config::Gpt2Config;
use anyhow::Result;
use std::path::Path;

/// What a user should know of a model beside that it is read: a sentence each.
///
/// # Errors
/// If a file cannot be read.
pub fn remarks(folder: &Path, model: &Gpt2Config) -> Result<Vec<String>> {
    let json = config_json::read(&folder.join(CONFIG))?;
    let mut claimed = config_from_json(&json)?;
    let mut remarks = Vec::new();
    if claimed.tied && !model.tied {
        remarks.push(format!(
            "{CONFIG} says that the head is the embedding, but another head is stored; the stored one is used"
        ));
    }
    if let (Some(ctx), Some(positions)) = (json["n_ctx"].as_i64(), json["n_positions"].as_i64())
        && ctx != positions
    {
        remarks.push(format!("n_ctx {ctx} in {CONFIG} is ignored; n_positions {positions} counts"));
    }
    claimed.tied = false; // nothing has to be compared again
    let heads = Stored::of(&Weights::open(folder)?, &mut claimed)?.other_heads;
    if !heads.is_empty() {
        remarks.push(format!("heads of another task are not read: {}", heads.join(", ")));
    }
    Ok(remarks)
}
