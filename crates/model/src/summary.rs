//! Where the parameters are (chapter 3.6).

use crate::{config::Gpt2Config, gpt2::parameter_shapes};
use std::fmt::Write;

/// A tree of the model's layers with their parameter counts; equal blocks are shown once.
///
/// Nothing is allocated for the model itself, so that the largest can be looked at on any machine.
pub fn summary(config: &Gpt2Config) -> String {
    let shapes = parameter_shapes(config);
    let count = |prefix: &str| -> i64 {
        let inside =
            |name: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
        shapes
            .iter()
            .filter(|(name, _)| inside(name))
            .map(|(_, shape)| shape.iter().product::<i64>())
            .sum()
    };
    let mut tree = String::new();
    let mut line = |depth: usize, label: &str, parameters: i64| {
        let label = format!("{}{label}", "  ".repeat(depth));
        let _ = writeln!(tree, "{label:<36} {parameters:>13}");
    };
    line(0, "GPT-2", config.parameters());
    line(1, "token", count("token"));
    line(1, "position", count("position"));
    line(1, &format!("{} blocks of", config.layers), count("blocks"));
    line(2, "block", count("blocks.0"));
    line(3, "attention", count("blocks.0.attention"));
    for projection in ["query", "key", "value", "output"] {
        line(4, projection, count(&format!("blocks.0.attention.{projection}")));
    }
    line(3, "feed_forward", count("blocks.0.feed_forward"));
    for layer in ["up", "down"] {
        line(4, layer, count(&format!("blocks.0.feed_forward.{layer}")));
    }
    for norm in ["norm1", "norm2"] {
        line(3, norm, count(&format!("blocks.0.{norm}")));
    }
    line(1, "norm", count("norm"));
    if config.tied {
        line(1, "head (the weight of token)", 0);
    } else {
        line(1, "head", count("head"));
    }
    tree
}

/// Size of the parameters in mebibytes, four bytes each.
pub fn mebibytes(config: &Gpt2Config) -> f64 {
    config.parameters() as f64 * 4.0 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shapes_of_all_parameters_add_up_to_the_formula() {
        let odd = Gpt2Config { qkv_bias: false, tied: false, hidden: 100, ..Gpt2Config::TINY };
        for config in [Gpt2Config::SMALL, Gpt2Config::XL, Gpt2Config::ARTICLE, odd] {
            let sum: i64 = parameter_shapes(&config)
                .iter()
                .map(|(_, shape)| shape.iter().product::<i64>())
                .sum();
            assert_eq!(sum, config.parameters());
        }
    }
}
