//! The gradient written out by hand (chapter 4.4).
//!
//! Autograd finds the same numbers by itself, and is the way to read first. Knowing the model, one can do with less: a gradient is
//! written by its matrix product into the buffer that the optimizer reads, no operation is recorded, and the logits of the
//! vocabulary, the largest thing in a step by far, are made, used and forgotten for a few positions at a time. What a block has
//! remembered makes room for its gradient.
//!
//! The rules of the single layers are in `gradient/layers.rs`, that of the memory in `gradient/arena.rs`. What is not a product of large
//! matrices is done in loops of our own: [`flash_attention`](model::fast::ops::flash_attention), `gradient/gelu.rs` and `logits.rs`.
//! Dropout takes from libtorch's generator what the lesson would take, in the same order. Elsewhere than on the CPU, autograd does
//! the work.
//!
//! For what [the fast step](super) gains.

mod arena;
mod attention;
mod block;
mod gelu;
mod layers;
mod logits;
mod norm;
mod rows;
#[cfg(test)]
mod tests;

use crate::settings::Precision;
use anyhow::{Result, ensure};
use arena::{Arena, Sizes};
use block::{Block, draw};
use layers::{Parameter, dropped};
use model::{
    config::Gpt2Config,
    fast::{
        cpu::tensor_slice::is_f32_slice,
        ops::{flash_attention::Layout, matmul::matmul},
        weights::Weights,
    },
    gpt2::Gpt2,
};
use norm::Norm;
use rows::Rows;
use tch::{Device, Kind, Tensor};

/// Positions whose logits are in memory at a time.
const CHUNK: usize = 512;

/// The parameters of a model and their gradients, in the order in which an input meets them.
pub struct Gradient {
    config: Gpt2Config,
    token: Parameter,
    position: Parameter,
    blocks: Vec<Block>,
    norm: Norm,
    head: Option<Parameter>,
    /// For the first batch of a step and for the others.
    memory: [Tensor; 2],
    /// Whether products read copies in bfloat16.
    rounds: bool,
}

/// Checks that there is a rule for a model; nothing of it is touched.
///
/// # Errors
/// If the model has other layers than GPT-2's, or is not in float32 on the CPU.
pub fn check(model: &Gpt2) -> Result<()> {
    ensure!(model.store.device() == Device::Cpu, "the fast path runs on the CPU alone");
    let plain = model.store.variables().values().all(is_f32_slice);
    ensure!(plain, "the fast path wants weights in float32, one after the other in memory");
    Weights::of(model).map(|_| ())
}

impl Gradient {
    /// Prepares the gradients of a model, whose matrices will be multiplied in a precision.
    ///
    /// Gradients that the parameters had are forgotten. Those of the blocks have no memory, and no shape, before the first batch.
    ///
    /// # Errors
    /// As [`check`].
    pub fn of(model: &Gpt2, precision: Precision) -> Result<Self> {
        let config = model.config;
        check(model)?;
        let Weights { token, position, blocks, norm, head, .. } = Weights::of(model)?;
        let of_products = |parameter| Parameter::of_products(parameter, precision);
        let block = |weights| Block::new(weights, &config, precision);
        let gradient = Self {
            token: if head.is_none() { of_products(token) } else { Parameter::new(token) },
            position: Parameter::new(position),
            blocks: blocks.into_iter().map(block).collect(),
            norm: Norm::new(norm, config.norm_epsilon),
            head: head.map(of_products),
            memory: [Tensor::new(), Tensor::new()],
            rounds: precision == Precision::Bf16,
            config,
        };
        // These need their gradients from the beginning of the way back to its end.
        let Self { token, position, norm, head, .. } = &gradient;
        for parameter in [token, position].into_iter().chain(norm.parameters()).chain(head) {
            parameter.set_grad(&parameter.value.zeros_like());
        }
        Ok(gradient)
    }

    /// The mean loss of a batch over its targets; `weight` times its gradient is added to that of the batches before, or replaces
    /// what an earlier step has left if this is the `first` batch of its step.
    ///
    /// # Shapes
    /// - `inputs`, `targets`: `[B, T]`, at least one of the targets not [`IGNORED`](crate::loss::IGNORED)
    ///
    /// # Panics
    /// If the ids do not fit the model.
    pub fn add(&mut self, inputs: &Tensor, targets: &Tensor, weight: f64, first: bool) -> f64 {
        let _guard = tch::no_grad_guard();
        // What is dropped at a position of one text is not what is dropped there in another that is equal, and it is drawn for all.
        let rows = Rows::of(inputs, targets, self.config.dropout == 0.0);
        if first {
            self.parameters().for_each(Parameter::round);
        }
        let arena = self.make_arena(&rows, inputs.numel() as i64, first);
        let layout = Layout {
            positions: inputs.size()[1] as usize,
            heads: self.config.heads as usize,
            width: (self.config.channels / self.config.heads) as usize,
        };

        let positions = self.position.value.index_select(0, &rows.positions);
        let mut x = self.token.value.index_select(0, &rows.ids) + positions; // [rows, C]
        let mask = draw(self.config.dropout, rows.len() as usize, self.config.channels as usize);
        x = dropped(mask.as_ref(), x);
        let mut saved = Vec::new();
        let kept = |number: usize| rows.kept.as_ref().filter(|_| number + 1 == self.blocks.len());
        for (number, block) in self.blocks.iter().enumerate() {
            let (kept, shelf) = (kept(number), arena.saved(number));
            let (out, of_block) = block.forward(&x, &rows, kept, layout, &self.config, &shelf);
            saved.push(of_block);
            x = out;
        }

        let (loss, d_hidden) = self.head(&self.norm.forward(&x), &rows, &arena, weight, first);
        let mut dx = x.zeros_like();
        self.norm.backward_onto(&x, &d_hidden, &mut dx, first);
        for ((number, block), of_block) in self.blocks.iter().enumerate().zip(saved).rev() {
            block.backward(of_block, &mut dx, &rows, kept(number), &self.config, first);
        }

        dx = dropped(mask.as_ref(), dx);
        // A tied head has begun the token embedding's gradient already.
        self.token.add_rows(&rows.ids, &dx, first && self.head.is_some());
        self.position.add_rows(&rows.positions, &dx, first);
        loss
    }

    /// Memory for a batch of so many positions. The first of a step gets the blocks' gradients, new ones, as well.
    fn make_arena(&mut self, rows: &Rows, positions: i64, first: bool) -> Arena {
        let saved = |block: &Block| block.saved_numbers(positions, rows.len(), &self.config);
        let gradients = |block: &Block| {
            block.parameters().map(|parameter| parameter.value.numel() as i64).sum()
        };
        let logits = CHUNK.min(rows.targets.len()) as i64 * self.config.vocab_size;
        let sizes = Sizes {
            blocks: self.blocks.len() as i64,
            saved: self.blocks.first().map_or(0, saved),
            gradient: if first { self.blocks.first().map_or(0, gradients) } else { 0 },
            logits: if self.rounds { 0 } else { logits },
        };
        let (memory, needed) = (&mut self.memory[usize::from(!first)], sizes.total());
        if (memory.numel() as i64) < needed {
            if first {
                self.blocks.iter().flat_map(Block::parameters).for_each(Parameter::free_grad);
            }
            *memory = Tensor::new(); // the old memory is given back before the new one is taken
            *memory = Tensor::empty(needed + needed / 4, (Kind::Float, Device::Cpu));
        }
        let arena = Arena::new(sizes, memory);
        if first {
            for (number, block) in self.blocks.iter().enumerate() {
                let shelf = arena.gradients(number);
                block.parameters().for_each(|parameter| {
                    parameter.set_grad(&shelf.place(&parameter.value.size()));
                });
            }
        }
        arena
    }

    /// Those of products, and others.
    fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        let blocks = self.blocks.iter().flat_map(Block::parameters);
        blocks.chain([&self.token]).chain(&self.head)
    }

    /// The head and the loss, forward and back.
    ///
    /// # Shapes
    /// - `hidden`: `[kept, C]`
    /// - returns the mean loss, and the gradient of `hidden`
    fn head(
        &self,
        hidden: &Tensor,
        rows: &Rows,
        arena: &Arena,
        weight: f64,
        first: bool,
    ) -> (f64, Tensor) {
        let head = self.head.as_ref().unwrap_or(&self.token);
        let scale = weight / rows.targets.len() as f64;
        let mut d_hidden = hidden.zeros_like();
        let mut loss = 0.0;
        for (chunk, scored) in rows.scored(CHUNK).into_iter().enumerate() {
            let hidden = hidden.index_select(0, &scored.rows);
            let mut logits = if self.rounds {
                head.factor.mm(&head.other(&hidden).tr())
            } else {
                let place = arena.logits().place(&[self.config.vocab_size, hidden.size()[0]]);
                head.factor.mm_out(&place, &hidden.tr())
            }; // [V, rows]
            loss += logits::into_gradient(&mut logits, &scored);
            head.matmul_add(&logits, &head.other(&(&hidden * scale)), first && chunk == 0);
            let [rows, channels] = [hidden.size()[0], hidden.size()[1]];
            let of_chunk = Tensor::empty([channels, rows], (hidden.kind(), hidden.device()));
            matmul(&of_chunk, &head.factor.tr(), &logits);
            let _ = of_chunk.shallow_clone().g_mul_scalar_(scale);
            let _ = d_hidden.index_copy_(0, &scored.rows, &of_chunk.tr());
        }
        (loss / rows.targets.len() as f64, d_hidden)
    }
}
