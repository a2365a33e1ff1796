//! The product of a linear layer, in pieces that threads share: part of what [`super::linear`] gains.

use super::panels::OUTPUTS;
use crate::fast::{
    cpu::{simd::LANES, threads::parallel_for_with},
    ops::{
        micro_kernel::{Block, multiply_simd},
        tiles::{Panels, Rows},
    },
};

/// Panels of a piece of work: few enough that who is done first does not wait long, and many for one look at the weights.
pub const PANELS: usize = 16;

/// The product of a layer's weights with an input that is laid out.
pub struct Product<'a> {
    pub weight: Rows<'a>,
    pub bias: Option<&'a [f32]>,
    pub lines: &'a [[f32; LANES]],
    /// Lines of a panel.
    pub width: usize,
}

impl Product<'_> {
    /// Makes the outputs in pieces, and gives them to `work` for 16 rows of the input at a time: `[outputs, 16]`, the number of these
    /// rows within the piece, and the piece's place.
    pub fn make<T: Send>(&self, places: Vec<T>, work: impl Fn(&mut Block, usize, &mut T) + Sync) {
        let Self { weight, bias, lines, width } = *self;
        let pieces = lines.chunks(PANELS * width).flat_map(|lines| {
            let outputs = (0..weight.count).step_by(OUTPUTS);
            outputs.map(move |first| (lines, first))
        });
        let tools = || Block::new(OUTPUTS, LANES);
        parallel_for_with(
            pieces.zip(places).collect(),
            tools,
            |sums, ((lines, first), mut place)| {
                let end = weight.count.min(first + OUTPUTS);
                let mut tiles = weight.tiles(first, end);
                if let Some(bias) = bias {
                    let starts = tiles.iter_mut().flat_map(|tile| &mut tile.starts);
                    starts.zip(&bias[first..end]).for_each(|(start, bias)| *start = *bias);
                }
                for (number, panel) in lines.chunks_exact(width).enumerate() {
                    multiply_simd(&tiles, Panels::new(panel, width), sums, 0, false);
                    work(sums, number, &mut place);
                }
            },
        );
    }
}
