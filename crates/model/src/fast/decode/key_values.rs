//! Keys and values of one text, each head's by itself, so that threads own what they write.
//!
//! For what the [decoder](super) gains.

use crate::{config::Gpt2Config, fast::cpu::threads::parallel_for};
use attention::attend::attend_fused;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tch::Tensor;

/// What one head of one layer has stored.
#[derive(Debug)]
pub struct Head {
    pub keys: Vec<f32>,   // [filled, D]
    pub values: Vec<f32>, // [filled, D]
}

/// Keys and values of all layers.
#[derive(Debug)]
pub struct KeyValues {
    /// For each layer and each worker, the worker's heads.
    layers: Vec<Vec<Mutex<Vec<Head>>>>,
    width: usize, // D
}

impl KeyValues {
    /// Reserves memory for the whole context of so many heads for each worker.
    pub fn new(config: &Gpt2Config, heads_of_workers: &[usize]) -> Self {
        let width = (config.channels / config.heads) as usize;
        let rows = || Vec::with_capacity(config.context as usize * width);
        let head = |_| Head { keys: rows(), values: rows() };
        let heads = |&count: &usize| Mutex::new((0..count).map(head).collect());
        let layer = |_| heads_of_workers.iter().map(heads).collect();
        Self { layers: (0..config.layers).map(layer).collect(), width }
    }

    /// The heads of a worker in a layer.
    pub fn heads(&self, layer: usize, worker: usize) -> MutexGuard<'_, Vec<Head>> {
        self.layers[layer][worker].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All heads of a layer, in their order.
    fn all_heads(&self, layer: usize) -> Vec<MutexGuard<'_, Vec<Head>>> {
        (0..self.layers[layer].len()).map(|worker| self.heads(layer, worker)).collect()
    }

    /// Positions stored so far.
    pub fn filled(&self) -> usize {
        self.heads(0, 0)[0].keys.len() / self.width
    }

    /// Forgets everything, but keeps the memory.
    pub fn clear(&self) {
        for layer in 0..self.layers.len() {
            for head in self.all_heads(layer).iter_mut().flat_map(|heads| heads.iter_mut()) {
                head.keys.clear();
                head.values.clear();
            }
        }
    }

    /// Stores keys and values of new positions in a layer.
    ///
    /// # Shapes
    /// - `k`, `v`: `[T, C]`
    pub fn append(&self, layer: usize, k: &[f32], v: &[f32]) {
        let mut workers = self.all_heads(layer);
        let heads: Vec<&mut Head> = workers.iter_mut().flat_map(|heads| heads.iter_mut()).collect();
        let (channels, d) = (heads.len() * self.width, self.width);
        parallel_for(heads.into_iter().enumerate().collect(), |(number, head)| {
            let own = number * d..(number + 1) * d;
            for (key, value) in k.chunks_exact(channels).zip(v.chunks_exact(channels)) {
                head.keys.extend_from_slice(&key[own.clone()]);
                head.values.extend_from_slice(&value[own.clone()]);
            }
        });
    }

    /// Lets the last of the positions stored in a layer read it, by libtorch's kernel.
    ///
    /// # Shapes
    /// - `q`: `[T, C]`
    /// - returns `[T, C]`
    pub fn attend(&self, layer: usize, q: &Tensor) -> Tensor {
        let workers = self.all_heads(layer);
        let heads: Vec<&Head> = workers.iter().flat_map(|heads| heads.iter()).collect();
        let of_heads = |part: fn(&Head) -> &[f32]| {
            let rows = |head: &&Head| Tensor::from_slice(part(head)).view([-1, self.width as i64]);
            Tensor::stack(&heads.iter().map(rows).collect::<Vec<_>>(), 0).unsqueeze(0) // [1, H, filled, D]
        };
        let (keys, values) = (of_heads(|head| &head.keys), of_heads(|head| &head.values));
        let q = q.view([1, -1, heads.len() as i64, self.width as i64]).transpose(1, 2); // [1, H, T, D]
        attend_fused(&q, &keys, &values)
            .transpose(1, 2)
            .reshape([-1, keys.size()[1] * keys.size()[3]])
    }
}
