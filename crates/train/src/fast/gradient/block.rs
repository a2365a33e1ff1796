//! The way of a block forward, and back.
//!
//! For what [the fast step](crate::fast) gains.

use super::{
    arena::Shelf,
    attention::Mixed,
    gelu,
    layers::{Linear, Parameter, dropped},
    norm::Norm,
    rows::{Rows, picked, picked_backward},
};
use crate::settings::Precision;
use model::{
    config::Gpt2Config,
    fast::{
        ops::{dropout::Mask, flash_attention::Layout, layers},
        weights::BlockWeights,
    },
};
use tch::{Kind, Tensor};

/// The layers of a block.
pub struct Block {
    norm1: Norm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    norm2: Norm,
    up: Linear,
    down: Linear,
    /// Whether products read copies in bfloat16.
    rounds: bool,
}

/// What a block remembers of its way forward. Norms are not worth their memory: done again, they take less than a hundredth of a step.
pub struct SavedActivations {
    x: Tensor, // [rows, C]
    mixed: Mixed,
    read_mask: Option<Mask>,
    between: Tensor,   // [kept, C]
    widened: Tensor,   // [kept, F], in the type of products, as is the next one
    activated: Tensor, // [kept, F]
    processed_mask: Option<Mask>,
}

impl Block {
    pub fn new(weights: BlockWeights, config: &Gpt2Config, precision: Precision) -> Self {
        let BlockWeights { norm1, query, key, value, output, norm2, up, down } = weights;
        let linear = |layer| Linear::new(layer, precision);
        Self {
            norm1: Norm::new(norm1, config.norm_epsilon),
            query: linear(query),
            key: linear(key),
            value: linear(value),
            output: linear(output),
            norm2: Norm::new(norm2, config.norm_epsilon),
            up: linear(up),
            down: linear(down),
            rounds: precision == Precision::Bf16,
        }
    }

    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        let Self { norm1, query, key, value, output, norm2, up, down, .. } = self;
        let linears =
            [query, key, value, output, up, down].into_iter().flat_map(Linear::parameters);
        linears.chain([norm1, norm2].into_iter().flat_map(Norm::parameters))
    }

    /// The most numbers for which [`forward`](Self::forward) needs a shelf, for so many positions and rows.
    pub fn saved_numbers(&self, positions: i64, rows: i64, config: &Gpt2Config) -> i64 {
        let Gpt2Config { channels, hidden, .. } = *config;
        let of_products = 4 * positions * channels + 2 * rows * hidden; // in bfloat16 they lie elsewhere
        2 * rows * channels + if self.rounds { 0 } else { of_products }
    }

    /// The block's output for the rows that are `kept`, which without an index are all. Attention still reads the others.
    ///
    /// # Shapes
    /// - `x`: `[rows, C]`
    /// - `kept`: `[kept]`; none where something is dropped
    /// - returns `[kept, C]`
    pub fn forward(
        &self,
        x: &Tensor,
        rows: &Rows,
        kept: Option<&Tensor>,
        layout: Layout,
        config: &Gpt2Config,
        shelf: &Shelf,
    ) -> (Tensor, SavedActivations) {
        let x = shelf.keep(x);
        let normed = self.query.factor(&self.norm1.forward(&x));
        let of_heads = [&self.query, &self.key, &self.value].map(|part| {
            if self.rounds || !rows.are_spread() {
                return rows.spread(part.forward_kept(&normed, shelf));
            }
            shelf.keep(&rows.spread(part.forward(&normed, x.empty_like())))
        });
        // In the order in which the lesson draws them: for the weights of attention, what was read, what was processed.
        let draw = |rows: usize, columns: usize| draw(config.dropout, rows, columns);
        let of_weights = of_heads[0].numel() / layout.width;
        let mixed = Mixed::new(layout, of_heads, draw(of_weights, layout.positions), shelf);
        let [count, channels] = [rows.len(), config.channels].map(|size| size as usize);
        let [read_mask, processed_mask] = [(); 2].map(|()| draw(count, channels));
        let [stream, read] = [&x, &rows.gather(&mixed.output())].map(|x| picked(x, kept));
        let place = shelf.place(&stream.size());
        let between = self.output.forward_onto(&stream, &read, read_mask.as_ref(), place);
        let widened = self.up.forward_kept(&self.norm2.forward(&between), shelf);
        let place = if self.rounds { widened.empty_like() } else { shelf.place(&widened.size()) };
        let activated = layers::gelu(config.gelu, &widened, place);
        let place = stream.empty_like();
        let out = self.down.forward_onto(&between, &activated, processed_mask.as_ref(), place);
        let saved =
            SavedActivations { x, mixed, read_mask, between, widened, activated, processed_mask };
        (out, saved)
    }

    /// Turns the gradient of the block's output into that of its input. Each half adds to the stream, so that the gradient passes
    /// it by unchanged, and what went through the half comes on top.
    ///
    /// # Shapes
    /// - `dx`: `[kept, C]`, and afterwards `[rows, C]`
    pub fn backward(
        &self,
        saved: SavedActivations,
        dx: &mut Tensor,
        rows: &Rows,
        kept: Option<&Tensor>,
        config: &Gpt2Config,
        first: bool,
    ) {
        let SavedActivations { x, mixed, read_mask, between, widened, activated, processed_mask } =
            saved;

        let dy = said(processed_mask.as_ref(), dx);
        let d_activated = self.down.backward(&activated, &dy, first);
        let d_widened = gelu::backward(config.gelu, &widened, d_activated);
        let d_normed = self.up.backward(&self.norm2.forward(&between), &d_widened, first);
        self.norm2.backward_onto(&between, &d_normed.to_kind(Kind::Float), dx, first);

        let dy = said(read_mask.as_ref(), dx);
        let read = picked(&rows.gather(&mixed.output()), kept);
        let d_read = self.output.backward(&read, &dy, first).to_kind(Kind::Float);
        let [d_read, d_stream] = [&d_read, &*dx].map(|dx| picked_backward(dx, kept, rows.len()));
        *dx = d_stream;
        let of_heads = mixed.backward(&rows.gather_backward(d_read));
        let normed = self.query.factor(&self.norm1.forward(&x));
        let d_normed = dx.zeros_like();
        for (part, dy) in [&self.query, &self.key, &self.value].into_iter().zip(of_heads) {
            let dy = rows.spread_backward(dy);
            part.backward_onto(&normed, &dy, &d_normed, first);
        }
        self.norm1.backward_onto(&x, &d_normed, dx, first);
    }
}

/// Draws what dropout keeps of a matrix; nothing where it drops nothing.
pub fn draw(dropout: f64, rows: usize, columns: usize) -> Option<Mask> {
    (dropout > 0.0).then(|| Mask::draw(rows, columns, dropout))
}

/// The gradient of what a half of a block has said, given that of the stream that it was added to.
fn said(mask: Option<&Mask>, dx: &Tensor) -> Tensor {
    if mask.is_some() { dropped(mask, dx.copy()) } else { dx.shallow_clone() }
}
