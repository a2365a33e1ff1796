//! The whole model (chapter 3.5).

use crate::{block::Block, cache::Cache, config::Gpt2Config, norm::LayerNorm};
use anyhow::{Result, bail, ensure};
use attention::linear::Linear;
use embedding::embed::InputEmbedding;
use std::collections::HashMap;
use tch::{Device, Kind, Tensor, nn};

/// A GPT-2: ids in, a logit for each entry of the vocabulary at each position out.
pub struct Gpt2 {
    /// The sizes it was built with.
    pub config: Gpt2Config,
    /// All parameters by name.
    pub store: nn::VarStore,
    pub(crate) embed: InputEmbedding,
    pub(crate) blocks: Vec<Block>,
    pub(crate) norm: LayerNorm,
    head: Option<Linear>, // weight [V, C]; none where the token embedding is the head as well
}

impl Gpt2 {
    /// Creates a model whose parameters are drawn as PyTorch would draw them: token embedding, position embedding, blocks, final
    /// norm, and an output head unless it is tied.
    ///
    /// # Errors
    /// If the configuration describes no possible model.
    pub fn new(config: Gpt2Config, device: Device) -> Result<Self> {
        Self::with_parameters(config, nn::VarStore::new(device))
    }

    /// Creates a model around parameters that exist already, such as those of a weight file; what `store` lacks is drawn.
    ///
    /// # Errors
    /// If the configuration describes no possible model.
    pub fn with_parameters(config: Gpt2Config, store: nn::VarStore) -> Result<Self> {
        config.check()?;
        let root = store.root();
        let embed = InputEmbedding::new(&root, config.vocab_size, config.context, config.channels);
        let mut blocks = Vec::new();
        for layer in 0..config.layers {
            blocks.push(Block::new(&(&root / "blocks" / layer), &config));
        }
        let norm = LayerNorm::new(&(&root / "norm"), config.channels, config.norm_epsilon);
        let untied = || Linear::new(&(&root / "head"), config.channels, config.vocab_size, false);
        let head = if config.tied { None } else { Some(untied()) };
        Ok(Self { config, store, embed, blocks, norm, head })
    }

    /// Redraws all parameters as GPT-2 was: weights from a normal distribution of standard deviation 0.02, those that write into the residual
    /// stream divided by `sqrt(2 L)`, biases zero, norms one and zero.
    ///
    /// A tied head needs this: it reads an embedding drawn from `normal(0, 1)` as output weights, whose logits are so large that
    /// softmax saturates, the gradient fills with denormal numbers, and a step on a CPU takes several times as long.
    ///
    /// Drawing happens on the CPU whatever the device, in the order of [`parameters`](Self::parameters), so that a seed gives the
    /// same model everywhere.
    ///
    /// # Source
    /// Radford et al. 2019, section 2.3, for the division by the root of the number of residual layers; deviation 0.02 by
    /// `w_init_stdev` in `model.py` of OpenAI's gpt-2 and by `initializer_range` in transformers.
    ///
    /// # Differs
    /// OpenAI's `model.py` draws the position table with deviation 0.01; like transformers and nanoGPT we draw it as all others.
    pub fn initialize_as_gpt2(&self) {
        let _guard = tch::no_grad_guard();
        for (name, mut parameter) in self.parameters() {
            if parameter.dim() == 1 {
                let scales = name.contains("norm") && name.ends_with("weight");
                let _ = parameter.fill_(if scales { 1.0 } else { 0.0 });
                continue;
            }
            let mut deviation = 0.02;
            if name.ends_with("output.weight") || name.ends_with("down.weight") {
                deviation /= (2.0 * self.config.layers as f64).sqrt();
            }
            let mut drawn = Tensor::empty(parameter.size(), (Kind::Float, Device::Cpu));
            parameter.copy_(&drawn.normal_(0.0, deviation));
        }
    }

    /// Every parameter with its name, in the order in which they entered the store: in a new model, that of construction.
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        // The store tells the names without an order, and the order without names.
        let mut names = HashMap::new();
        for (name, parameter) in self.store.variables() {
            names.insert(parameter.data_ptr(), name);
        }
        let in_order = self.store.trainable_variables().into_iter();
        in_order.map(|parameter| (names[&parameter.data_ptr()].clone(), parameter)).collect()
    }

    /// The logits of every entry of the vocabulary as the successor of every position.
    ///
    /// # Shapes
    /// - `ids`: `[B, T]`, whole numbers
    /// - returns `[B, T, V]`
    ///
    /// # Panics
    /// As [`check_ids`](Self::check_ids) complains.
    pub fn forward(&self, ids: &Tensor, train: bool) -> Tensor {
        self.logits(&self.hidden(ids, None, train))
    }

    /// Everything before the output head. With a cache, the ids follow those whose keys and values it holds.
    ///
    /// # Shapes
    /// - `ids`: `[B, T]`, whole numbers
    /// - returns `[B, T, C]`
    ///
    /// # Panics
    /// As [`check_ids`](Self::check_ids) complains, counting the positions in the cache, and if the cache was made for another
    /// number of texts or for a model of other sizes.
    pub fn hidden(&self, ids: &Tensor, mut cache: Option<&mut Cache>, train: bool) -> Tensor {
        let known = cache.as_ref().map_or(0, |cache| cache.filled());
        self.check_ids(ids, known).unwrap_or_else(|complaint| panic!("{complaint}"));
        let mut x = self.embed.forward(ids, known).dropout(self.config.dropout, train); // [B, T, C]
        for (layer, block) in self.blocks.iter().enumerate() {
            let cache = cache.as_mut().map(|cache| &mut cache.layers[layer]);
            x = block.forward(&x, cache, train);
        }
        self.norm.forward(&x)
    }

    /// Compares final hidden states with each entry of the vocabulary. A tied head compares with the vectors by which tokens enter.
    ///
    /// # Shapes
    /// - `hidden`: `[…, C]`
    /// - returns `[…, V]`
    pub fn logits(&self, hidden: &Tensor) -> Tensor {
        match &self.head {
            Some(head) => head.forward(hidden),
            None => hidden.linear::<&Tensor>(&self.embed.token.weight, None),
        }
    }

    /// Checks ids before libtorch sees them, whose own complaint names neither the id nor the range.
    ///
    /// # Errors
    /// If `ids` is not `[B, T]`, has no position, does not fit into the context after `known` positions, or holds an id outside
    /// the vocabulary.
    pub fn check_ids(&self, ids: &Tensor, known: i64) -> Result<()> {
        let (context, v, kind) = (self.config.context, self.config.vocab_size, ids.kind());
        let [_, t] = ids.size()[..] else { bail!("ids must be [B, T], got {:?}", ids.size()) };
        ensure!(kind == Kind::Int64, "ids must be 64-bit whole numbers, got {kind:?}");
        ensure!(ids.numel() > 0, "there must be at least one id, got {:?}", ids.size());
        let filled = known + t;
        ensure!(filled <= context, "{filled} positions do not fit into a context of {context}");
        let (least, most) = (ids.min().int64_value(&[]), ids.max().int64_value(&[]));
        let outside = if least < 0 { least } else { most };
        ensure!((0..v).contains(&outside), "id {outside} is outside the vocabulary of {v} entries");
        Ok(())
    }
}
