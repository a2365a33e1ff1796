//! The way of a block forward, and back.
//!
//! For what [the fast step](crate::fast) gains.

use super::{
    arena::Shelf,
    gelu,
    layers::{Linear, Mixed, Norm, Parameter, dropped},
    rows::Rows,
};
use model::{
    config::Gpt2Config,
    fast::{
        ops::{dropout::Mask, flash_attention::Layout},
        weights::BlockWeights,
    },
};
use tch::Tensor;

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
}

/// What a block remembers of its way forward. Norms are not worth their memory: done again, they take less than a hundredth of a step.
pub struct SavedActivations {
    x: Tensor, // [rows, C]
    mixed: Mixed,
    read_mask: Option<Mask>,
    between: Tensor,   // [rows, C]
    widened: Tensor,   // [rows, F]
    activated: Tensor, // [rows, F]
    processed_mask: Option<Mask>,
}

impl Block {
    pub fn new(weights: BlockWeights, config: &Gpt2Config) -> Self {
        let BlockWeights { norm1, query, key, value, output, norm2, up, down } = weights;
        Self {
            norm1: Norm::new(norm1, config.norm_epsilon),
            query: Linear::new(query),
            key: Linear::new(key),
            value: Linear::new(value),
            output: Linear::new(output),
            norm2: Norm::new(norm2, config.norm_epsilon),
            up: Linear::new(up),
            down: Linear::new(down),
        }
    }

    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        let Self { norm1, query, key, value, output, norm2, up, down } = self;
        let linears =
            [query, key, value, output, up, down].into_iter().flat_map(Linear::parameters);
        linears.chain([norm1, norm2].into_iter().flat_map(Norm::parameters))
    }

    pub fn forward(
        &self,
        x: &Tensor,
        rows: &Rows,
        layout: Layout,
        config: &Gpt2Config,
        shelf: &Shelf,
    ) -> (Tensor, SavedActivations) {
        let x = shelf.keep(x);
        let normed = self.norm1.forward(&x).output;
        let of_heads = [&self.query, &self.key, &self.value].map(|part| {
            if rows.are_spread() {
                shelf.keep(&rows.spread(part.forward(&normed, normed.empty_like())))
            } else {
                part.forward(&normed, shelf.place(&normed.size()))
            }
        });
        let output = shelf.place(&of_heads[0].size());
        // In the order in which the lesson draws them: for the weights of attention, what was read, what was processed.
        let draw = |rows: usize, columns: usize| draw(config.dropout, rows, columns);
        let of_weights = output.numel() / layout.width;
        let mixed = Mixed::new(layout, of_heads, draw(of_weights, layout.positions), output);
        let [count, channels] = [rows.len(), config.channels].map(|size| size as usize);
        let [read_mask, processed_mask] = [(); 2].map(|()| draw(count, channels));
        let read = rows.gather(mixed.output());
        let between =
            self.output.forward_onto(&x, &read, read_mask.as_ref(), shelf.place(&x.size()));
        let widened = shelf.place(&[rows.len(), config.hidden]);
        let widened = self.up.forward(&self.norm2.forward(&between).output, widened);
        let activated = gelu::forward(config.gelu, &widened, shelf.place(&widened.size()));
        let place = x.empty_like();
        let out = self.down.forward_onto(&between, &activated, processed_mask.as_ref(), place);
        let saved =
            SavedActivations { x, mixed, read_mask, between, widened, activated, processed_mask };
        (out, saved)
    }

    /// Turns the gradient of the block's output into that of its input. Each half adds to the stream, so that the gradient passes
    /// it by unchanged, and what went through the half comes on top.
    pub fn backward(
        &self,
        saved: SavedActivations,
        dx: &mut Tensor,
        rows: &Rows,
        config: &Gpt2Config,
        first: bool,
    ) {
        let SavedActivations { x, mixed, read_mask, between, widened, activated, processed_mask } =
            saved;

        let dy = said(processed_mask.as_ref(), dx);
        self.down.learn(&activated, &dy, first);
        let d_widened = gelu::backward(config.gelu, &widened, self.down.input_gradient(&dy));
        let normed = self.norm2.forward(&between);
        self.up.learn(&normed.output, &d_widened, first);
        let _ = dx.g_add_(&self.norm2.backward(
            &between,
            &normed,
            &self.up.input_gradient(&d_widened),
            first,
        ));

        let dy = said(read_mask.as_ref(), dx);
        self.output.learn(&rows.gather(mixed.output()), &dy, first);
        let of_heads = mixed.backward(&rows.gather_backward(self.output.input_gradient(&dy)));
        let normed = self.norm1.forward(&x);
        let d_normed = dx.zeros_like();
        for (part, dy) in [&self.query, &self.key, &self.value].into_iter().zip(of_heads) {
            let dy = rows.spread_backward(dy);
            part.learn(&normed.output, &dy, first);
            part.add_input_gradient(&dy, &d_normed);
        }
        let _ = dx.g_add_(&self.norm1.backward(&x, &normed, &d_normed, first));
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
