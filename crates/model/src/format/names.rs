//! Which public tensor, or which part of one, each of our parameters is.

use crate::config::Gpt2Config;
use tch::{Tensor, nn};

/// Where one of our parameters is found in the public file, and what happens to it on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Our name, such as `blocks.0.attention.key.weight`.
    pub ours: String,
    /// Our shape.
    pub shape: Vec<i64>,
    /// The name in the public file, without the prefix `transformer.` that some files have.
    pub public: String,
    /// Which third of the columns is ours, where query, key and value share a tensor.
    pub third: Option<i64>,
    /// Whether the public tensor is the transpose of ours.
    pub transposed: bool,
}

impl Origin {
    /// The shape of the public tensor.
    pub fn public_shape(&self) -> Vec<i64> {
        let mut shape = self.shape.clone();
        if self.transposed {
            shape.reverse();
        }
        if let (Some(_), Some(columns)) = (self.third, shape.last_mut()) {
            *columns *= 3;
        }
        shape
    }

    /// What the public tensor, or some rows of it, hold of our parameter: a view, nothing is copied.
    pub fn find_in(&self, public: &Tensor) -> Tensor {
        let part = match self.third {
            Some(third) => {
                let columns = public.size()[public.dim() - 1] / 3;
                public.narrow(-1, third * columns, columns)
            }
            None => public.shallow_clone(),
        };
        if self.transposed { part.tr() } else { part }
    }

    /// Copies what `rows` of the public tensor, from its row `first` on, hold of our parameter `ours`.
    pub(super) fn copy_rows(&self, first: i64, rows: &Tensor, ours: &Tensor) {
        let part = self.find_in(rows);
        let dim = usize::from(self.transposed);
        ours.narrow(dim as i64, first, part.size()[dim]).copy_(&part);
    }
}

/// The origin of every parameter of a model of these sizes, in the order of construction.
pub fn origins(config: &Gpt2Config) -> Vec<Origin> {
    parameter_shapes(config)
        .into_iter()
        .map(|(ours, shape)| {
            let (public, third) = public_name(&ours);
            let transposed = shape.len() == 2 && ours.starts_with("blocks.");
            Origin { ours, shape, public, third, transposed }
        })
        .collect()
}

fn public_name(ours: &str) -> (String, Option<i64>) {
    let third = ["attention.query", "attention.key", "attention.value"]
        .iter()
        .position(|part| ours.contains(part));
    let parts = [
        ("attention.query", "attn.c_attn"),
        ("attention.key", "attn.c_attn"),
        ("attention.value", "attn.c_attn"),
        ("attention.output", "attn.c_proj"),
        ("feed_forward.up", "mlp.c_fc"),
        ("feed_forward.down", "mlp.c_proj"),
        ("norm1", "ln_1"),
        ("norm2", "ln_2"),
        ("blocks.", "h."),
        ("token.", "wte."),
        ("position.", "wpe."),
        ("head.", "lm_head."),
    ];
    let mut public =
        parts.iter().fold(ours.to_owned(), |name, (ours, public)| name.replace(ours, public));
    if let Some(rest) = public.strip_prefix("norm.") {
        public = format!("ln_f.{rest}");
    }
    (public, third.map(|part| part as i64))
}

/// Puts a tensor into the store under its full name.
///
/// # Panics
/// If there is one of that name.
pub fn add(store: &nn::VarStore, name: &str, tensor: Tensor) -> Tensor {
    let (path, leaf) = name.rsplit_once('.').unwrap_or(("", name));
    let path = path.split('.').fold(store.root(), |path, part| path / part);
    path.add(leaf, tensor, true)
}

/// The name and shape of each parameter that a file must hold, before there is a model that could tell them.
fn parameter_shapes(config: &Gpt2Config) -> Vec<(String, Vec<i64>)> {
    let (v, c, f) = (config.vocab_size, config.channels, config.hidden);
    let mut shapes = Vec::new();
    let mut add = |name: String, shape: &[i64]| shapes.push((name, shape.to_vec()));
    add("token.weight".to_owned(), &[v, c]);
    add("position.weight".to_owned(), &[config.context, c]);
    for layer in 0..config.layers {
        let block = format!("blocks.{layer}");
        for projection in ["query", "key", "value"] {
            add(format!("{block}.attention.{projection}.weight"), &[c, c]);
            if config.qkv_bias {
                add(format!("{block}.attention.{projection}.bias"), &[c]);
            }
        }
        for (part, outputs, inputs) in
            [("attention.output", c, c), ("feed_forward.up", f, c), ("feed_forward.down", c, f)]
        {
            add(format!("{block}.{part}.weight"), &[outputs, inputs]);
            add(format!("{block}.{part}.bias"), &[outputs]);
        }
        for norm in ["norm1", "norm2"] {
            add(format!("{block}.{norm}.weight"), &[c]);
            add(format!("{block}.{norm}.bias"), &[c]);
        }
    }
    add("norm.weight".to_owned(), &[c]);
    add("norm.bias".to_owned(), &[c]);
    if !config.tied {
        add("head.weight".to_owned(), &[v, c]);
    }
    shapes
}
