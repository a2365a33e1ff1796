//! What a model passes through on a text, as the page draws it (chapter 3.9).

use super::model_thread::Loaded;
use anyhow::{Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use model::{
    config::Gpt2Config,
    trace::{MOST_POSITIONS, Trace, trace},
};
use serde_json::{Map, Value, json};
use tch::{Kind, Tensor};

/// Bytes of all attention weights that are sent at once.
const WEIGHT_BYTES: i64 = 1 << 23;

/// So many positions can be looked at: those of the model's context, as far as they are kept and not too much to send.
pub fn most_positions(config: &Gpt2Config) -> i64 {
    let heads = config.layers * config.heads;
    let fits = |t: &i64| heads * t * (t + 1) / 2 <= WEIGHT_BYTES;
    let most = MOST_POSITIONS.min(config.context);
    (1..=most).rev().find(fits).unwrap_or(1)
}

/// Everything that the page shows of a text; of a longer one the last positions, as if it began there.
///
/// # Errors
/// If there is no id, or one is outside the vocabulary.
pub fn look(loaded: &Loaded, ids: &[i64]) -> Result<Value> {
    let model = &loaded.brought.model;
    ensure!(!ids.is_empty(), "there is no token to look at");
    let left_out = ids.len().saturating_sub(most_positions(&model.config) as usize);
    let ids = &ids[left_out..];
    let traced = trace(model, ids)?;
    let (lens, words) = lens(&traced, |id| loaded.piece(id))?;
    Ok(json!({
        "model": loaded.name,
        "left_out": left_out,
        "ids": ids,
        "pieces": loaded.pieces(ids),
        "layers": model.config.layers,
        "heads": model.config.heads,
        "attention": STANDARD.encode(weights(&traced.attention)?),
        "lens": lens,
        "words": words,
        "lengths": rows::<f64>(&traced.residual.norm_scalaropt_dim(2, [-1], false))?,
    }))
}

/// The weights that are not hidden, head by head and row by row, as bytes: 255 for 1.
fn weights(attention: &Tensor) -> Result<Vec<u8>> {
    let t = attention.size()[2];
    let seen = Tensor::ones([t, t], (Kind::Bool, attention.device())).tril(0);
    let bytes = (attention * 255.0).round().to_kind(Kind::Uint8).masked_select(&seen);
    Ok(Vec::<u8>::try_from(bytes)?)
}

/// A table of numbers, row by row.
pub(super) fn rows<T: tch::kind::Element + Copy>(table: &Tensor) -> Result<Vec<Vec<T>>>
where
    Vec<Vec<T>>: TryFrom<Tensor, Error = tch::TchError>,
{
    Ok(Vec::<Vec<T>>::try_from(table.to_kind(T::KIND))?)
}

/// The likeliest tokens by depth and position, each with its probability, and the words of all of them.
fn lens(traced: &Trace, word: impl Fn(i64) -> Value) -> Result<(Value, Value)> {
    let mut words = Map::new();
    let mut depths = Vec::new();
    for depth in 0..traced.lens_ids.size()[0] {
        let ids = rows::<i64>(&traced.lens_ids.select(0, depth))?;
        let probabilities = rows::<f64>(&traced.lens_probabilities.select(0, depth))?;
        let mut positions = Vec::new();
        for (ids, probabilities) in ids.iter().zip(probabilities) {
            for &id in ids {
                words.entry(id.to_string()).or_insert_with(|| word(id));
            }
            positions.push(
                ids.iter().copied().zip(probabilities.into_iter().map(rounded)).collect::<Vec<_>>(),
            );
        }
        depths.push(positions);
    }
    Ok((json!(depths), Value::Object(words)))
}

/// A probability in four digits behind the point; what would be nothing in these is a tenth of the last, so that it is seen to be more.
fn rounded(probability: f64) -> f64 {
    (probability * 1e4).round().max(0.1) / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probability_that_is_rounded_stays_above_zero() {
        let said = [0.123_46, 0.999_99, 0.000_04, 0.0].map(|p| rounded(p).to_string());
        assert_eq!(said, ["0.1235", "1", "0.00001", "0.00001"]);
    }

    #[test]
    fn only_what_is_not_hidden_is_sent_head_by_head() {
        let heads =
            Tensor::from_slice(&[1.0_f32, 0.0, 0.4, 0.6, 1.0, 0.0, 0.8, 0.2]).view([2, 1, 2, 2]);
        assert_eq!(weights(&heads).expect("numbers"), [255, 102, 153, 255, 204, 51]);
    }

    #[test]
    fn as_many_positions_are_looked_at_as_can_be_sent() {
        assert_eq!(most_positions(&Gpt2Config::SMALL), 256);
        assert_eq!(most_positions(&Gpt2Config::TINY), 128);
        let most = most_positions(&Gpt2Config::XL);
        assert!(
            (100..256).contains(&most) && 1200 * most * (most + 1) / 2 <= WEIGHT_BYTES,
            "{most}"
        );
    }
}
