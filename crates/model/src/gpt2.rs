//! The whole model (chapter 3.5).

use crate::{block::Block, cache::Cache, config::Gpt2Config, norm::LayerNorm};
use anyhow::{Result, ensure};
use attention::linear::Linear;
use embedding::embed::InputEmbedding;
use tch::{Device, Kind, Tensor, nn};

/// A GPT-2: ids in, a logit for each entry of the vocabulary at each position out.
pub struct Gpt2 {
    /// The sizes it was built with.
    pub config: Gpt2Config,
    /// All parameters by name, in the order of construction where the order matters (`trainable_variables`).
    pub store: nn::VarStore,
    embed: InputEmbedding,
    blocks: Vec<Block>,
    norm: LayerNorm,
    head: Option<Linear>, // weight [V, C]
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
        let blocks = (0..config.layers)
            .map(|layer| Block::new(&(&root / "blocks" / layer), &config))
            .collect::<Result<_>>()?;
        let norm = LayerNorm::new(&(&root / "norm"), config.channels, config.norm_epsilon);
        let head = (!config.tied)
            .then(|| Linear::new(&(&root / "head"), config.channels, config.vocab_size, false));
        Ok(Self { config, store, embed, blocks, norm, head })
    }

    /// Redraws all parameters as GPT-2 was: weights from a normal distribution of deviation 0.02, those that write into the residual
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
        let residual = 0.02 / (2.0 * self.config.layers as f64).sqrt();
        for (name, mut parameter) in self.parameters() {
            if parameter.dim() == 1 {
                let is_norm_weight = name.contains("norm") && name.ends_with("weight");
                let _ = parameter.fill_(f64::from(u8::from(is_norm_weight)));
                continue;
            }
            let into_stream =
                name.ends_with("attention.output.weight") || name.ends_with("down.weight");
            let mut drawn = Tensor::empty(parameter.size(), (Kind::Float, Device::Cpu));
            parameter.copy_(&drawn.normal_(0.0, if into_stream { residual } else { 0.02 }));
        }
    }

    /// Every parameter with its name, in the order of construction.
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let named = self.store.variables();
        parameter_shapes(&self.config)
            .into_iter()
            .map(|(name, _)| {
                let parameter = named[&name].shallow_clone();
                (name, parameter)
            })
            .collect()
    }

    /// Logits every entry of the vocabulary as the successor of every position.
    ///
    /// # Shapes
    /// - `ids`: `[B, T]`, whole numbers
    /// - returns `[B, T, V]`
    ///
    /// # Panics
    /// As [`check_ids`](Self::check_ids) complains.
    pub fn forward(&self, ids: &Tensor, train: bool) -> Tensor {
        self.logits(&self.hidden(ids, train))
    }

    /// Everything before the output head.
    ///
    /// # Shapes
    /// - `ids`: `[B, T]`, whole numbers
    /// - returns `[B, T, C]`
    ///
    /// # Panics
    /// As [`check_ids`](Self::check_ids) complains.
    pub fn hidden(&self, ids: &Tensor, train: bool) -> Tensor {
        if let Err(complaint) = self.check_ids(ids, 0) {
            panic!("{complaint}");
        }
        let mut x = self.embed.forward(ids, 0).dropout(self.config.dropout, train); // [B, T, C]
        for block in &self.blocks {
            x = block.forward(&x, train);
        }
        self.norm.forward(&x)
    }

    /// Compares final hidden states with each entry of the vocabulary.
    ///
    /// # Shapes
    /// - `hidden`: `[…, C]`
    /// - returns `[…, V]`
    pub fn logits(&self, hidden: &Tensor) -> Tensor {
        hidden.linear::<&Tensor>(self.head_weight(), None)
    }

    /// The weight of the output head, `[V, C]`; a tied head's is the token embedding.
    pub fn head_weight(&self) -> &Tensor {
        self.head.as_ref().map_or(&self.embed.token.weight, |head| &head.weight)
    }

    /// Logits the successor of the last of several new positions, which follow those in `cache` and are put into it.
    ///
    /// # Shapes
    /// - `ids`: `[B, new]`, whole numbers
    /// - returns `[B, V]`
    ///
    /// No gradient flows through a cache.
    ///
    /// # Panics
    /// As [`check_ids`](Self::check_ids) complains, counting the positions in the cache, and if the cache was made for another
    /// number of texts or for a model of other sizes.
    pub fn forward_cached(&self, ids: &Tensor, cache: &mut Cache) -> Tensor {
        let _guard = tch::no_grad_guard();
        assert_eq!(
            cache.layers.len(),
            self.blocks.len(),
            "the cache has not as many layers as the model has blocks"
        );
        let known = cache.filled();
        if let Err(complaint) = self.check_ids(ids, known) {
            panic!("{complaint}");
        }
        let mut x = self.embed.forward(ids, known); // [B, new, C]
        let final_block = self.blocks.len() - 1;
        for (number, (block, layer)) in self.blocks.iter().zip(&mut cache.layers).enumerate() {
            x = if number < final_block {
                block.forward_cached(&x, layer)
            } else {
                block.forward_cached_last(&x, layer)
            };
        }
        let last = x.select(1, -1); // [B, C]
        self.logits(&self.norm.forward(&last))
    }

    /// Checks ids before libtorch sees them, whose own complaint names neither the id nor the range.
    ///
    /// # Errors
    /// If `ids` is not `[B, T]`, has no position, does not fit into the context after `known` positions, or holds an id outside
    /// the vocabulary.
    pub fn check_ids(&self, ids: &Tensor, known: i64) -> Result<()> {
        let (context, v) = (self.config.context, self.config.vocab_size);
        let [_, t] = ids.size()[..] else {
            anyhow::bail!("ids must be [B, T], got {:?}", ids.size());
        };
        ensure!(
            ids.kind() == Kind::Int64,
            "ids must be 64-bit whole numbers, got {:?}",
            ids.kind()
        );
        ensure!(ids.numel() > 0, "there must be at least one id, got {:?}", ids.size());
        ensure!(
            known + t <= context,
            "{} positions do not fit into a context of {context}",
            known + t
        );
        let (least, most) = (ids.min().int64_value(&[]), ids.max().int64_value(&[]));
        let outside = if least < 0 { least } else { most };
        ensure!((0..v).contains(&outside), "id {outside} is outside the vocabulary of {v} entries");
        Ok(())
    }
}

/// The name and shape of every parameter of a model of these sizes, in the order of construction.
pub fn parameter_shapes(config: &Gpt2Config) -> Vec<(String, Vec<i64>)> {
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
