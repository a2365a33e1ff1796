//! One thread's share of a token: some heads of each layer, and some rows of each matrix.

use super::{
    barrier::{Barrier, Shared, Start},
    weights::{Dtype, Rows},
};
use crate::{
    cache::Cache,
    config::Gpt2Config,
    fast::{
        cpu::{
            kernels::Kernels,
            quantize::Quantized,
            tensor_slice::{as_f32_slice, as_f32_slice_mut},
        },
        ops::functions::{normalize, softmax},
    },
    gpt2::Gpt2,
};
use std::{
    collections::HashMap,
    ops::Range,
    sync::atomic::{AtomicBool, AtomicUsize},
};
use tch::Tensor;

/// What the workers share: where they meet, and what they tell each other.
#[derive(Debug)]
pub struct Exchange {
    pub barrier: Barrier,
    pub start: Start,
    /// The position of the token of this step.
    pub position: AtomicUsize,
    /// Whether anybody wants to know the logits.
    pub wants_logits: AtomicBool,
    pub stop: AtomicBool,
    /// The embedded token, written by the first worker alone.
    pub residual: Shared,
    mixed: Shared,
    hidden: Shared,
    /// What a sub-block adds to the stream.
    added: Shared,
    /// Scores of all entries of the vocabulary.
    pub logits: Shared,
}

impl Exchange {
    pub fn new(workers: usize) -> Self {
        let shared = || Shared::new(workers);
        Self {
            barrier: Barrier::new(workers),
            start: Start::default(),
            position: AtomicUsize::new(0),
            wants_logits: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            residual: Shared::new(1),
            mixed: shared(),
            hidden: shared(),
            added: shared(),
            logits: shared(),
        }
    }
}

/// The tensors of a share, as views of the model's and of the cache's: what a thread makes its worker of.
pub struct Share {
    pub number: usize,
    pub workers: usize,
    config: Gpt2Config,
    parameters: HashMap<String, Tensor>,
    head: Tensor,
    cache: Vec<(Tensor, Tensor)>,
    dtype: Dtype,
    kernels: Kernels,
}

impl Share {
    /// Share `number` of a model, with its heads' part of the cache.
    pub fn new(
        model: &Gpt2,
        cache: &Cache,
        number: usize,
        workers: usize,
        dtype: Dtype,
        kernels: Kernels,
    ) -> Self {
        let config = model.config;
        let heads = part(config.heads as usize, number, workers);
        Self {
            number,
            workers,
            config,
            parameters: model
                .parameters()
                .into_iter()
                .map(|(name, tensor)| (name, tensor.detach()))
                .collect(),
            head: model.head_weight().detach(),
            cache: cache.of_heads(heads.start as i64, heads.len() as i64),
            dtype,
            kernels,
        }
    }

    fn rows(&self, name: &str, range: Range<usize>) -> Rows {
        let bias = self.parameters.get(&format!("{name}.bias"));
        Rows::new(&self.parameters[&format!("{name}.weight")], bias, range, self.dtype)
    }

    fn norm(&self, name: &str) -> Norm {
        let vector =
            |part| as_f32_slice(&self.parameters[&format!("{name}.{part}")].contiguous()).to_vec();
        Norm { weight: vector("weight"), bias: vector("bias"), epsilon: self.config.norm_epsilon }
    }
}

/// The `number`-th of `parts` nearly equal parts of so many things.
fn part(things: usize, number: usize, parts: usize) -> Range<usize> {
    things * number / parts..things * (number + 1) / parts
}

struct Norm {
    weight: Vec<f32>, // [C]
    bias: Vec<f32>,   // [C]
    epsilon: f64,
}

impl Norm {
    fn apply(&self, x: &[f32], out: &mut Vec<f32>) {
        out.resize(x.len(), 0.0);
        normalize(x, &self.weight, &self.bias, self.epsilon, out);
    }
}

struct Layer {
    norm1: Norm,
    norm2: Norm,
    projections: [Rows; 3], // query, key and value of this worker's heads
    output: Rows,
    up: Rows,
    down: Rows,
    keys: Tensor,   // [H, context, D], this worker's heads
    values: Tensor, // likewise
}

/// A thread's share of the model, packed, with the vectors it works on.
pub struct Worker {
    share: Share,
    layers: Vec<Layer>,
    norm: Norm,
    head: Rows,
    x: Vec<f32>,              // the residual stream, [C]
    input: Vec<f32>,          // what a matrix is multiplied with
    added: Vec<f32>,          // [C]
    projected: [Vec<f32>; 3], // query, key, value
    weights: Vec<f32>,        // of the keys
    quantized: Quantized,
}

impl Worker {
    /// Packs the weights of a share.
    pub fn new(mut share: Share) -> Self {
        let (c, f, v) = (
            share.config.channels as usize,
            share.config.hidden as usize,
            share.config.vocab_size as usize,
        );
        let mine = |things| part(things, share.number, share.workers);
        let heads = part(share.config.heads as usize, share.number, share.workers);
        let d = c / share.config.heads as usize;
        let of_heads = heads.start * d..heads.end * d;
        let layers = std::mem::take(&mut share.cache).into_iter().enumerate();
        let layers = layers.map(|(layer, (keys, values))| {
            let rows = |name: &str, range| share.rows(&format!("blocks.{layer}.{name}"), range);
            Layer {
                norm1: share.norm(&format!("blocks.{layer}.norm1")),
                norm2: share.norm(&format!("blocks.{layer}.norm2")),
                projections: ["query", "key", "value"]
                    .map(|name| rows(&format!("attention.{name}"), of_heads.clone())),
                output: rows("attention.output", mine(c)),
                up: rows("feed_forward.up", mine(f)),
                down: rows("feed_forward.down", mine(c)),
                keys,
                values,
            }
        });
        let layers = layers.collect();
        let norm = share.norm("norm");
        let head = Rows::new(&share.head, None, mine(v), share.dtype);
        share.parameters.clear(); // what is packed needs no second home here
        Self {
            share,
            layers,
            norm,
            head,
            x: Vec::new(),
            input: Vec::new(),
            added: Vec::new(),
            projected: [const { Vec::new() }; 3],
            weights: Vec::new(),
            quantized: Quantized::default(),
        }
    }

    /// Does this worker's part of the token at `position`, whose embedding stands in the exchange; all workers must.
    pub fn step(&mut self, exchange: &Exchange, position: usize, wants_logits: bool) {
        exchange.residual.read(&mut self.x);
        for layer in 0..self.layers.len() {
            self.attend(layer, position, exchange);
            self.mlp(layer, exchange);
        }
        if wants_logits {
            self.norm.apply(&self.x, &mut self.input);
            self.quantize();
            self.multiply(&self.head, &exchange.logits);
        }
        exchange.barrier.wait();
    }

    /// The first half of a block: this worker's heads read the cache, then its rows of the output projection mix what all found.
    fn attend(&mut self, layer: usize, position: usize, exchange: &Exchange) {
        let kernels = self.share.kernels;
        let d = (self.share.config.channels / self.share.config.heads) as usize;
        self.layers[layer].norm1.apply(&self.x, &mut self.input);
        self.quantize();
        let Layer { projections, keys, values, .. } = &mut self.layers[layer];
        for (rows, out) in projections.iter().zip(&mut self.projected) {
            out.resize(rows.outputs(), 0.0);
            rows.multiply(kernels, &self.input, &self.quantized, out);
        }
        let [query, key, value] = &self.projected;
        let room = self.share.config.context as usize * d; // of a head
        let (keys, values) = (as_f32_slice_mut(keys), as_f32_slice_mut(values)); // [H, context, D]
        exchange.mixed.write(self.share.number, query.len(), |mixed| {
            for (head, mixed) in mixed.chunks_exact_mut(d).enumerate() {
                let known = &mut keys[head * room..][..(position + 1) * d];
                known[position * d..].copy_from_slice(&key[head * d..][..d]);
                self.weights.resize(position + 1, 0.0);
                kernels.dot_f32(known, &query[head * d..][..d], &mut self.weights);
                softmax(&mut self.weights, 1.0 / (d as f32).sqrt());
                let known = &mut values[head * room..][..(position + 1) * d];
                known[position * d..].copy_from_slice(&value[head * d..][..d]);
                kernels.weighted_sum(&self.weights, known, d, mixed);
            }
        });
        self.add(exchange, &exchange.mixed, layer, |layer| &layer.output);
    }

    /// The second half of a block: the feed-forward network.
    fn mlp(&mut self, layer: usize, exchange: &Exchange) {
        self.layers[layer].norm2.apply(&self.x, &mut self.input);
        self.quantize();
        let up = &self.layers[layer].up;
        exchange.hidden.write(self.share.number, up.outputs(), |hidden| {
            up.multiply(self.share.kernels, &self.input, &self.quantized, hidden);
            self.share.config.gelu.apply(hidden);
        });
        self.add(exchange, &exchange.hidden, layer, |layer| &layer.down);
    }

    fn quantize(&mut self) {
        if self.share.dtype == Dtype::Int8 {
            self.quantized.set(&self.input);
        }
    }

    /// Multiplies the input with some rows, into this worker's part of a shared vector.
    fn multiply(&self, rows: &Rows, into: &Shared) {
        into.write(self.share.number, rows.outputs(), |out| {
            rows.multiply(self.share.kernels, &self.input, &self.quantized, out);
        });
    }

    /// Ends a half of a block: adds to the residual stream what some rows make of a vector that all workers have written.
    fn add(
        &mut self,
        exchange: &Exchange,
        vector: &Shared,
        layer: usize,
        rows: impl Fn(&Layer) -> &Rows,
    ) {
        exchange.barrier.wait();
        vector.read(&mut self.input);
        self.quantize();
        self.multiply(rows(&self.layers[layer]), &exchange.added);
        exchange.barrier.wait();
        exchange.added.read(&mut self.added);
        for (x, added) in self.x.iter_mut().zip(&self.added) {
            *x += added;
        }
    }
}
