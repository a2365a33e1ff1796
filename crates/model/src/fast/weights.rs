//! The parameters of a model in the order in which an input meets them.

use crate::{config::Gpt2Config, gpt2::Gpt2};
use anyhow::{Context, Result, ensure};
use std::collections::HashMap;
use tch::{Kind, Tensor};

/// Handles to all parameters of a model; nothing is copied.
pub struct Weights {
    /// The sizes of the model.
    pub config: Gpt2Config,
    /// `[V, C]`
    pub token: Tensor,
    /// `[context, C]`
    pub position: Tensor,
    /// One for each block.
    pub blocks: Vec<BlockWeights>,
    /// The final norm.
    pub norm: NormWeights,
    /// `[V, C]`, unless the token embedding is the head as well.
    pub head: Option<Tensor>,
}

/// The parameters of a block.
#[expect(missing_docs, reason = "the names are those of the layers")]
pub struct BlockWeights {
    pub norm1: NormWeights,
    pub query: LinearWeights,
    pub key: LinearWeights,
    pub value: LinearWeights,
    pub output: LinearWeights,
    pub norm2: NormWeights,
    pub up: LinearWeights,
    pub down: LinearWeights,
}

/// The parameters of a linear layer.
pub struct LinearWeights {
    /// `[outputs, inputs]`
    pub weight: Tensor,
    /// `[outputs]`, where the layer has one.
    pub bias: Option<Tensor>,
}

/// The parameters of a layer norm.
pub struct NormWeights {
    /// `[C]`
    pub weight: Tensor,
    /// `[C]`
    pub bias: Tensor,
}

impl Weights {
    /// Takes the parameters of a model by name.
    ///
    /// # Errors
    /// If the model lacks one, or has one that the fast path does not know: then its lesson has other layers.
    pub fn of(model: &Gpt2) -> Result<Self> {
        let mut named = Named(model.store.variables());
        let token = named.take("token.weight")?;
        let position = named.take("position.weight")?;
        let mut blocks = Vec::new();
        for layer in 0..model.config.layers {
            blocks.push(named.block(&format!("blocks.{layer}"))?);
        }
        let norm = named.norm("norm")?;
        let head = named.0.remove("head.weight");
        let unknown = named.0.keys().next();
        ensure!(unknown.is_none(), "the fast path does not know the parameter {unknown:?}");
        Ok(Self { config: model.config, token, position, blocks, norm, head })
    }

    /// The same handles once more, for another thread.
    #[must_use]
    pub fn handles(&self) -> Self {
        Self {
            config: self.config,
            token: self.token.shallow_clone(),
            position: self.position.shallow_clone(),
            blocks: self.blocks.iter().map(BlockWeights::handles).collect(),
            norm: self.norm.handles(),
            head: self.head.as_ref().map(Tensor::shallow_clone),
        }
    }

    /// The same with what inputs are multiplied by in bfloat16, copied.
    #[must_use]
    pub fn rounded(&self) -> Self {
        let mut rounded = self.handles();
        rounded.head = Some(self.head().to_kind(Kind::BFloat16));
        for block in &mut rounded.blocks {
            let BlockWeights { query, key, value, output, up, down, .. } = block;
            for layer in [query, key, value, output, up, down] {
                layer.weight = layer.weight.to_kind(Kind::BFloat16);
            }
        }
        rounded
    }

    /// The weight of the output head, `[V, C]`.
    pub fn head(&self) -> &Tensor {
        self.head.as_ref().unwrap_or(&self.token)
    }
}

impl BlockWeights {
    fn handles(&self) -> Self {
        Self {
            norm1: self.norm1.handles(),
            query: self.query.handles(),
            key: self.key.handles(),
            value: self.value.handles(),
            output: self.output.handles(),
            norm2: self.norm2.handles(),
            up: self.up.handles(),
            down: self.down.handles(),
        }
    }
}

impl LinearWeights {
    fn handles(&self) -> Self {
        let bias = self.bias.as_ref().map(Tensor::shallow_clone);
        Self { weight: self.weight.shallow_clone(), bias }
    }
}

impl NormWeights {
    fn handles(&self) -> Self {
        Self { weight: self.weight.shallow_clone(), bias: self.bias.shallow_clone() }
    }
}

/// The parameters that nobody has taken yet.
struct Named(HashMap<String, Tensor>);

impl Named {
    fn block(&mut self, path: &str) -> Result<BlockWeights> {
        Ok(BlockWeights {
            norm1: self.norm(&format!("{path}.norm1"))?,
            query: self.linear(&format!("{path}.attention.query"))?,
            key: self.linear(&format!("{path}.attention.key"))?,
            value: self.linear(&format!("{path}.attention.value"))?,
            output: self.linear(&format!("{path}.attention.output"))?,
            norm2: self.norm(&format!("{path}.norm2"))?,
            up: self.linear(&format!("{path}.feed_forward.up"))?,
            down: self.linear(&format!("{path}.feed_forward.down"))?,
        })
    }

    fn linear(&mut self, path: &str) -> Result<LinearWeights> {
        let weight = self.take(&format!("{path}.weight"))?;
        Ok(LinearWeights { weight, bias: self.0.remove(&format!("{path}.bias")) })
    }

    fn norm(&mut self, path: &str) -> Result<NormWeights> {
        let weight = self.take(&format!("{path}.weight"))?;
        Ok(NormWeights { weight, bias: self.take(&format!("{path}.bias"))? })
    }

    fn take(&mut self, name: &str) -> Result<Tensor> {
        self.0
            .remove(name)
            .with_context(|| format!("the model has no {name}, which the fast path needs"))
    }
}
