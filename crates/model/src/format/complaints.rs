//! How a weight file does not fit its configuration, in a sentence that one can read.

use super::{CONFIG, origins, stored::Stored, weights::Weights};
use crate::config::Gpt2Config;
use anyhow::{Result, bail};
use std::collections::BTreeMap;

/// So many tensors of a kind are named; the others are counted.
const NAMED: usize = 6;

/// Checks names, shapes and kinds of all tensors before any is read.
///
/// # Errors
/// Names what is wrong: a known pattern as such, else the tensors.
pub(super) fn check(weights: &Weights, stored: &Stored, config: &Gpt2Config) -> Result<()> {
    let expected = expected(config);
    let complaints = Complaints::of(weights, stored, config, &expected);
    let path = weights.path.display();
    if complaints.is_empty() {
        return Ok(());
    }
    let first = stored.places.values().next();
    if let Some((first, _)) = first
        && !expected.keys().any(|name| stored.places.contains_key(name))
    {
        bail!(
            "none of the {} tensors in {path} has a name of GPT-2's; the first is {first}",
            stored.places.len()
        );
    }
    let patterns = complaints.patterns(stored);
    let rest = complaints.list();
    let about = [patterns, rest].concat().join("; ");
    if complaints.linear == 0 && complaints.biases == 0 {
        bail!("{path} does not fit its {CONFIG}: {about}");
    }
    let zeros = if complaints.biases > 0 { "add the missing biases as zeros, " } else { "" };
    bail!(
        "{path} does not fit its {CONFIG}: {about}. That is how nanoGPT stores its model, not transformers: transpose attn.c_attn, \
         attn.c_proj, mlp.c_fc and mlp.c_proj of each block, {zeros}and save it again"
    );
}

/// The public tensors of a model of these sizes.
fn expected(config: &Gpt2Config) -> BTreeMap<String, Vec<i64>> {
    let mut expected: BTreeMap<String, Vec<i64>> = origins(config)
        .into_iter()
        .map(|origin| (origin.public.clone(), origin.public_shape()))
        .collect();
    for layer in 0..config.layers {
        expected
            .entry(format!("h.{layer}.attn.c_attn.bias"))
            .or_insert_with(|| vec![3 * config.channels]);
    }
    expected
}

#[derive(Default)]
struct Complaints {
    missing: Vec<String>,
    unknown: Vec<String>,
    misshapen: Vec<String>,
    unreadable: Vec<String>,
    /// Matrices that are the transpose of what they should be, where nothing else is misshapen.
    linear: usize,
    /// Missing biases, where nothing else is missing.
    biases: usize,
}

impl Complaints {
    fn of(
        weights: &Weights,
        stored: &Stored,
        config: &Gpt2Config,
        expected: &BTreeMap<String, Vec<i64>>,
    ) -> Self {
        let mut found = Self::default();
        let optional = |name: &str| !config.qkv_bias && name.ends_with("attn.c_attn.bias");
        let missing = |name: &&String| !stored.places.contains_key(*name) && !optional(name);
        found.missing = expected.keys().filter(missing).cloned().collect();
        let mut transposed = 0;
        for (short, (name, is)) in &stored.places {
            let Some(shape) = expected.get(short) else {
                found.unknown.push(name.clone());
                continue;
            };
            if is != shape {
                found.misshapen.push(format!("{name} is {is:?}, not {shape:?}"));
                transposed += usize::from(
                    short.starts_with("h.") && is.len() == 2 && is.iter().rev().eq(shape),
                );
            }
            found.unreadable.extend(weights.check_kind(name).err().map(|error| error.to_string()));
        }
        if transposed == found.misshapen.len() {
            found.linear = transposed;
        }
        let biases = found.missing.iter().filter(|name| name.ends_with("bias")).count();
        if biases == found.missing.len() && biases >= config.layers as usize {
            found.biases = biases;
        }
        found
    }

    fn is_empty(&self) -> bool {
        [&self.missing, &self.unknown, &self.misshapen, &self.unreadable]
            .iter()
            .all(|names| names.is_empty())
    }

    /// What is known by sight.
    fn patterns(&self, stored: &Stored) -> Vec<String> {
        let mut patterns = Vec::new();
        let names = || stored.places.values().map(|(name, _)| name);
        if names().any(|name| name.starts_with("_orig_mod.")) {
            patterns.push("names begin with `_orig_mod.`, which torch.compile adds".to_owned());
        }
        if names().any(|name| name.contains(".lora_")) {
            patterns.push(
                "it holds a LoRA adapter that is not merged; call merge_and_unload of peft and save again"
                    .to_owned(),
            );
        }
        if self.linear > 0 {
            patterns.push(format!(
                "{} matrices are transposed (nn.Linear of PyTorch, where GPT-2 has Conv1D)",
                self.linear
            ));
        }
        if self.biases > 0 {
            patterns.push(format!("{} biases are missing", self.biases));
        }
        patterns
    }

    /// What no pattern explains, tensor by tensor.
    fn list(&self) -> Vec<String> {
        [
            ("missing", &self.missing, self.biases == 0),
            ("unknown", &self.unknown, true),
            ("of the wrong shape", &self.misshapen, self.linear == 0),
            ("of the wrong kind", &self.unreadable, true),
        ]
        .into_iter()
        .filter(|(_, names, unexplained)| *unexplained && !names.is_empty())
        .map(|(what, names, _)| {
            let more = names.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named = names[..names.len().min(NAMED)].join(", ");
            format!("{} tensors are {what}: {named}{more}", names.len())
        })
        .collect()
    }
}
