//! One thread's share of a token: some heads of each layer, and some rows of each matrix.
//!
//! For what the [decoder](super) gains.

use super::{
    barrier::{Barrier, Shared, Start},
    key_values::KeyValues,
    packed::{Dtype, Rows},
};
use crate::{
    config::Gpt2Config,
    fast::{
        cpu::{kernels::Kernels, quantize::Quantized, tensor_slice::to_f32_vec},
        ops::functions::{normalize, softmax},
        weights::{BlockWeights, LinearWeights, NormWeights, Weights},
    },
};
use std::{ops::Range, sync::atomic::AtomicBool};

/// What the workers share: where they meet, and what they tell each other.
#[derive(Debug)]
pub struct Exchange {
    pub barrier: Barrier,
    pub start: Start,
    /// Whether anybody wants to know the logits.
    pub wants_logits: AtomicBool,
    pub stop: AtomicBool,
    pub cache: KeyValues,
    /// The embedded token, written by the first worker alone.
    pub residual: Shared,
    mixed: Shared,
    hidden: Shared,
    /// What a sub-block adds to the stream.
    added: Shared,
    /// Logits of all entries of the vocabulary.
    pub logits: Shared,
}

impl Exchange {
    pub fn new(workers: usize, cache: KeyValues) -> Self {
        let shared = || Shared::new(workers);
        Self {
            barrier: Barrier::new(workers),
            start: Start::default(),
            wants_logits: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            cache,
            residual: Shared::new(1),
            mixed: shared(),
            hidden: shared(),
            added: shared(),
            logits: shared(),
        }
    }
}

/// Which part of the work is whose, and how it is done.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    pub number: usize,
    pub workers: usize,
    pub dtype: Dtype,
    pub kernels: Kernels,
}

impl Share {
    /// The own one of nearly equal parts of so many things.
    pub fn of(self, things: usize) -> Range<usize> {
        things * self.number / self.workers..things * (self.number + 1) / self.workers
    }

    fn rows(self, layer: &LinearWeights, range: Range<usize>) -> Rows {
        Rows::new(&layer.weight, layer.bias.as_ref(), range, self.dtype)
    }
}

struct Norm {
    weight: Vec<f32>, // [C]
    bias: Vec<f32>,   // [C]
    epsilon: f64,
}

impl Norm {
    fn new(norm: &NormWeights, epsilon: f64) -> Self {
        Self { weight: to_f32_vec(&norm.weight), bias: to_f32_vec(&norm.bias), epsilon }
    }

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
}

impl Layer {
    fn new(block: &BlockWeights, share: Share, config: &Gpt2Config) -> Self {
        let d = (config.channels / config.heads) as usize;
        let heads = share.of(config.heads as usize);
        let of_heads = |layer| share.rows(layer, heads.start * d..heads.end * d);
        let c = share.of(config.channels as usize);
        Self {
            norm1: Norm::new(&block.norm1, config.norm_epsilon),
            norm2: Norm::new(&block.norm2, config.norm_epsilon),
            projections: [&block.query, &block.key, &block.value].map(of_heads),
            output: share.rows(&block.output, c.clone()),
            up: share.rows(&block.up, share.of(config.hidden as usize)),
            down: share.rows(&block.down, c),
        }
    }
}

/// A thread's share of the model, packed, with the vectors it works on.
pub struct Worker {
    share: Share,
    config: Gpt2Config,
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
    pub fn new(weights: &Weights, share: Share) -> Self {
        let config = weights.config;
        let layer = |block| Layer::new(block, share, &config);
        Self {
            share,
            config,
            layers: weights.blocks.iter().map(layer).collect(),
            norm: Norm::new(&weights.norm, config.norm_epsilon),
            head: Rows::new(
                weights.head(),
                None,
                share.of(config.vocab_size as usize),
                share.dtype,
            ),
            x: Vec::new(),
            input: Vec::new(),
            added: Vec::new(),
            projected: [const { Vec::new() }; 3],
            weights: Vec::new(),
            quantized: Quantized::default(),
        }
    }

    /// Does this worker's part of a token, whose embedding is in the exchange; all workers must.
    pub fn step(&mut self, exchange: &Exchange, wants_logits: bool) {
        exchange.residual.read(&mut self.x);
        for layer in 0..self.layers.len() {
            self.attend(layer, exchange);
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
    fn attend(&mut self, layer: usize, exchange: &Exchange) {
        let kernels = self.share.kernels;
        let d = (self.config.channels / self.config.heads) as usize;
        self.layers[layer].norm1.apply(&self.x, &mut self.input);
        self.quantize();
        for (rows, out) in self.layers[layer].projections.iter().zip(&mut self.projected) {
            out.resize(rows.outputs(), 0.0);
            rows.multiply(kernels, &self.input, &self.quantized, out);
        }
        let [query, key, value] = &self.projected;
        let mut heads = exchange.cache.heads(layer, self.share.number);
        exchange.mixed.write(self.share.number, query.len(), |mixed| {
            for (number, (head, mixed)) in
                heads.iter_mut().zip(mixed.chunks_exact_mut(d)).enumerate()
            {
                let own = number * d..(number + 1) * d;
                head.keys.extend_from_slice(&key[own.clone()]);
                head.values.extend_from_slice(&value[own.clone()]);
                self.weights.resize(head.keys.len() / d, 0.0);
                kernels.dot_f32(&head.keys, &query[own], &mut self.weights);
                softmax(&mut self.weights, 1.0 / (d as f32).sqrt());
                kernels.weighted_sum(&self.weights, &head.values, d, mixed);
            }
        });
        drop(heads);
        self.add(exchange, &exchange.mixed, layer, |layer| &layer.output);
    }

    /// The second half of a block: the feed-forward network.
    fn mlp(&mut self, layer: usize, exchange: &Exchange) {
        self.layers[layer].norm2.apply(&self.x, &mut self.input);
        self.quantize();
        let up = &self.layers[layer].up;
        exchange.hidden.write(self.share.number, up.outputs(), |hidden| {
            up.multiply(self.share.kernels, &self.input, &self.quantized, hidden);
            self.config.gelu.apply(hidden);
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
