//! Where the parameters are (chapter 3.6).

use crate::{config::Gpt2Config, gpt2::Gpt2};
use std::fmt::Write;

/// A tree of the model's layers with their parameter counts; equal blocks are shown once.
pub fn summary(model: &Gpt2) -> String {
    let mut tree = String::new();
    let mut line = |depth: usize, label: &str, path: &str| {
        let label = format!("{}{label}", "  ".repeat(depth));
        let _ = writeln!(tree, "{label:<36} {:>13}", count(model, path));
    };
    line(0, "GPT-2", "");
    line(1, "token", "token.");
    line(1, "position", "position.");
    line(1, &format!("{} blocks of", model.config.layers), "blocks.");
    line(2, "block", "blocks.0.");
    line(3, "attention", "blocks.0.attention.");
    for projection in ["query", "key", "value", "output"] {
        line(4, projection, &format!("blocks.0.attention.{projection}."));
    }
    line(3, "feed_forward", "blocks.0.feed_forward.");
    for layer in ["up", "down"] {
        line(4, layer, &format!("blocks.0.feed_forward.{layer}."));
    }
    for norm in ["norm1", "norm2"] {
        line(3, norm, &format!("blocks.0.{norm}."));
    }
    line(1, "norm", "norm.");
    let tied = model.config.tied;
    line(1, if tied { "head (the weight of token)" } else { "head" }, "head.");
    tree
}

/// Parameters whose names begin with `path`.
fn count(model: &Gpt2, path: &str) -> usize {
    let mut sum = 0;
    for (name, parameter) in model.parameters() {
        if name.starts_with(path) {
            sum += parameter.numel();
        }
    }
    sum
}

/// Size of the parameters in mebibytes, four bytes each.
pub fn mebibytes(config: &Gpt2Config) -> f64 {
    config.parameters() as f64 * 4.0 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn the_parameters_of_a_model_add_up_to_the_formula() {
        let small = Gpt2Config { vocab_size: 50, context: 9, ..Gpt2Config::TINY };
        let odd = Gpt2Config { qkv_bias: false, tied: false, hidden: 100, ..small };
        for config in [small, odd] {
            let model = Gpt2::new(config, Device::Cpu).expect("possible sizes");
            assert_eq!(count(&model, "") as i64, config.parameters());
            assert_eq!(
                count(&model, "head.") as i64,
                config.parameters() - Gpt2Config { tied: true, ..config }.parameters()
            );
        }
    }
}
