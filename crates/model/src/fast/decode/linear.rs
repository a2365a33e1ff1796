//! Linear layers over many rows, with the weights where they lie (chapter 3.8).
//!
//! A library that multiplies matrices first copies both into the order in which its kernel reads them, and of a layer's two matrices
//! the weights are the larger one. Here only the input is laid out anew, once for all layers that read it: a tile takes six rows of
//! weights as they are. Its sums begin with the bias, activation and the sum with what is there already are done while a piece of the
//! output is in the processor's cache, and where another layer follows, its input comes out laid out. On two cores of an AMD
//! Zen 3 a prompt of 512 tokens takes 3 to 5 % less time than with products by MKL. A processor with AVX-512 has registers for larger
//! tiles than these; there MKL makes the products.
//!
//! `cargo xtask bench prefill` measures it. On a processor with AVX-512 it changes nothing.

use super::{
    panels::{Packed, apart, sizes},
    product::{PANELS, Product},
};
use crate::fast::cpu::{
    simd::{LANES, lanes, prefetch},
    tensor_slice::{is_f32_slice, to_f32_vec, with_slices},
    threads::parallel_for,
};
use crate::fast::ops::{
    matmul::{matmul, matmul_add},
    micro_kernel::put_simd,
    tiles::Rows,
};
use crate::fast::weights::LinearWeights;
use tch::{Kind, Tensor};

/// The input of layers, laid out as their products read it.
pub struct Input(Form);

enum Form {
    /// `[rows, inputs]`
    Rows(Tensor),
    Panels(Packed),
}

impl Input {
    /// Lays rows out for the layers that will read them.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    pub fn of(x: &Tensor, layers: &[&LinearWeights]) -> Self {
        Self(if are_worth_panels(x, layers) {
            Form::Panels(Packed::out(x))
        } else {
            Form::Rows(x.shallow_clone())
        })
    }

    /// Lays out what `f` writes for each row.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`; `f` takes a row and a place for `[inputs]`
    ///
    /// # Panics
    /// If `x` is not [plain](is_f32_slice).
    pub fn through(
        x: &Tensor,
        layers: &[&LinearWeights],
        f: impl Fn(&[f32], &mut [f32]) + Sync,
    ) -> Self {
        if are_worth_panels(x, layers) {
            return Self(Form::Panels(Packed::through(x, f)));
        }
        let [_, width] = sizes(x);
        let mut out = x.empty_like();
        with_slices([x], [&mut out], |[x], [out]| {
            let pieces = x.chunks(LANES * width).zip(out.chunks_mut(LANES * width)).collect();
            parallel_for(pieces, |(rows, places): (&[f32], &mut [f32])| {
                for (row, place) in rows.chunks_exact(width).zip(places.chunks_exact_mut(width)) {
                    f(row, place);
                }
            });
        });
        Self(Form::Rows(out))
    }
}

/// Few rows are not worth laying out.
fn are_worth_panels(x: &Tensor, layers: &[&LinearWeights]) -> bool {
    let all = layers.iter().all(|layer| layer.takes_panels());
    all && x.size()[0] >= LANES as i64 && is_f32_slice(x)
}

impl LinearWeights {
    /// Returns `y`.
    ///
    /// # Shapes
    /// - returns `[rows, outputs]`
    ///
    /// # Panics
    /// If the shapes do not fit each other.
    pub fn forward(&self, input: &Input) -> Tensor {
        match &input.0 {
            Form::Rows(x) => {
                let mut y = self.product(x);
                if let Some(bias) = &self.bias {
                    let _ = y.g_add_(bias);
                }
                y
            }
            Form::Panels(x) => {
                let mut y = self.place(x.rows);
                self.put(x, &mut y, false);
                y
            }
        }
    }

    /// Adds `y` to `out`.
    ///
    /// # Shapes
    /// - `out`: `[rows, outputs]`
    ///
    /// # Panics
    /// If the shapes do not fit each other.
    pub fn add(&self, input: &Input, out: &mut Tensor) {
        match &input.0 {
            Form::Rows(x) => {
                if let Some(bias) = &self.bias {
                    let _ = out.g_add_(bias);
                }
                matmul_add(out, x, &self.weight.tr());
            }
            Form::Panels(x) => self.put(x, out, true),
        }
    }

    /// `f(y)`, laid out for the `next` layer; `f` changes numbers in place, whichever they are.
    ///
    /// # Panics
    /// If the shapes do not fit each other.
    pub fn activate(&self, input: &Input, next: &Self, f: impl Fn(&mut [f32]) + Sync) -> Input {
        let [outputs, _] = sizes(&self.weight);
        let (mut y, bias) = match &input.0 {
            Form::Panels(x) if next.takes_panels() => return self.activate_panels(x, f),
            Form::Panels(_) => (self.forward(input), None),
            Form::Rows(x) => (self.product(x), self.bias()),
        };
        with_slices([], [&mut y], |[], [y]| {
            parallel_for(y.chunks_mut(4 * outputs).collect(), |rows: &mut [f32]| {
                if let Some(bias) = &bias {
                    for row in rows.chunks_exact_mut(outputs) {
                        row.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
                    }
                }
                f(rows);
            });
        });
        Input(Form::Rows(y))
    }

    fn activate_panels(&self, x: &Packed, f: impl Fn(&mut [f32]) + Sync) -> Input {
        let [outputs, _] = sizes(&self.weight);
        let mut y = Packed::empty(x.rows, outputs);
        self.multiply(x, &mut y.memory, |product, lines| {
            let places = apart(lines.as_chunks_mut::<LANES>().0, outputs, PANELS);
            product.make(places, |sums, number, panels| {
                for (line, place) in panels[number].iter_mut().enumerate() {
                    place.copy_from_slice(&sums.line(line)[..LANES]);
                }
                f(panels[number].as_flattened_mut());
            });
        });
        Input(Form::Panels(y))
    }

    /// Whether tiles do better than a library, whose own are larger where registers are.
    fn takes_panels(&self) -> bool {
        lanes() == 8 && is_f32_slice(&self.weight)
    }

    /// Room for the output of so many rows.
    fn place(&self, rows: usize) -> Tensor {
        Tensor::empty([rows as i64, self.weight.size()[0]], (Kind::Float, self.weight.device()))
    }

    /// `x Wᵀ`, by MKL.
    fn product(&self, x: &Tensor) -> Tensor {
        let y = self.place(x.size()[0] as usize);
        matmul(&y, x, &self.weight.tr());
        y
    }

    fn bias(&self) -> Option<Vec<f32>> {
        self.bias.as_ref().map(to_f32_vec)
    }

    /// Puts each output to its place in `out`, or adds it to what is there.
    fn put(&self, x: &Packed, out: &mut Tensor, add: bool) {
        let [outputs, _] = sizes(&self.weight);
        assert_eq!(sizes(out), [x.rows, outputs], "the layer's output has another shape");
        self.multiply(x, out, |product, out| {
            product.make(apart(out, outputs, PANELS * LANES), |sums, number, rows| {
                let first = number * LANES;
                let end = rows.len().min(first + LANES);
                put_simd(sums, &mut rows[first..end], add);
                // The next ones are far apart in memory. They come while their products are made.
                for row in rows[end..].iter().take(LANES) {
                    row.chunks(LANES).for_each(|line| prefetch(line, 0));
                }
            });
        });
    }

    /// Gives the product of this layer with an input to `work`, and the numbers of `out`.
    fn multiply(
        &self,
        x: &Packed,
        out: &mut Tensor,
        work: impl FnOnce(Product, &mut [f32]) + Sync,
    ) {
        let (sizes, bias, width) = (sizes(&self.weight), self.bias(), x.width);
        assert_eq!(width, sizes[1], "the layer takes another number of inputs");
        with_slices([&self.weight, &x.memory], [out], |[weight, lines], [out]| {
            let weight = Rows::matrix(weight, sizes);
            let lines = lines.as_chunks().0;
            work(Product { weight, bias: bias.as_deref(), lines, width }, out);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fast::{
        cpu::simd::{narrowed, widths},
        twin::wave,
    };
    use tch::Device;

    fn drawn(rows: i64, columns: i64, number: usize) -> Tensor {
        wave(&[rows, columns], number)
    }

    fn layer(outputs: i64, inputs: i64, has_bias: bool) -> LinearWeights {
        LinearWeights {
            weight: drawn(outputs, inputs, 1),
            bias: has_bias.then(|| drawn(1, outputs, 2).squeeze_dim(0)),
        }
    }

    /// `x Wᵀ + b` in double numbers.
    fn exact(layer: &LinearWeights, x: &Tensor) -> Tensor {
        let bias = layer
            .bias
            .as_ref()
            .map_or(Tensor::zeros(1, (Kind::Double, Device::Cpu)), |b| b.to_kind(Kind::Double));
        x.to_kind(Kind::Double).mm(&layer.weight.to_kind(Kind::Double).tr()) + bias
    }

    fn gap(ours: &Tensor, expected: &Tensor) -> f64 {
        (ours - expected).abs().max().double_value(&[])
    }

    /// Both ways in which an input can be given, whichever of them this processor takes by itself.
    fn both_ways(x: &Tensor) -> [Input; 2] {
        [Input(Form::Rows(x.shallow_clone())), Input(Form::Panels(Packed::out(x)))]
    }

    #[test]
    fn outputs_are_those_of_the_formula() {
        // A single number; pieces, tiles and panels that end halfway; several pieces of outputs and of rows.
        for (count, inputs, outputs) in [(1, 1, 1), (37, 30, 50), (300, 9, 100), (16, 24, 48)] {
            for has_bias in [false, true] {
                let (layer, x) = (layer(outputs, inputs, has_bias), drawn(count, inputs, 3));
                let expected = exact(&layer, &x);
                for input in both_ways(&x) {
                    let case = format!(
                        "{count} rows, {inputs} inputs, {outputs} outputs, bias: {has_bias}"
                    );
                    assert!(gap(&layer.forward(&input), &expected) < 1e-5, "written: {case}");
                    let mut sum = drawn(count, outputs, 4);
                    let expected_sum = &sum + &expected;
                    layer.add(&input, &mut sum);
                    assert!(gap(&sum, &expected_sum) < 1e-5, "added: {case}");
                }
            }
        }
    }

    #[test]
    fn one_layer_follows_another() {
        let (up, down, x) = (layer(100, 20, true), layer(20, 100, true), drawn(37, 20, 3));
        let expected = exact(&down, &exact(&up, &x).square());
        let transposed = LinearWeights {
            weight: down.weight.tr().contiguous().tr(),
            bias: down.bias.as_ref().map(Tensor::shallow_clone),
        };
        let square = |numbers: &mut [f32]| numbers.iter_mut().for_each(|x| *x *= *x);
        for input in both_ways(&x) {
            for (width, down) in widths().iter().flat_map(|&w| [(w, &down), (w, &transposed)]) {
                let y = narrowed(width, || down.forward(&up.activate(&input, down, square)));
                assert!(gap(&y, &expected) < 1e-3, "sums of squares of about 1,000");
            }
        }
    }

    #[test]
    fn each_row_goes_through_a_function() {
        let (layer, x) = (layer(50, 30, true), drawn(37, 30, 3));
        let doubled = |row: &[f32], place: &mut [f32]| {
            place.iter_mut().zip(row).for_each(|(place, x)| *place = 2.0 * x);
        };
        let expected = exact(&layer, &(&x * 2.0));
        for input in [
            Input::through(&x, &[&layer], doubled),
            Input(Form::Panels(Packed::through(&x, doubled))),
        ] {
            assert!(gap(&layer.forward(&input), &expected) < 1e-5);
        }
    }

    #[test]
    fn layers_whose_weights_lie_differently_read_one_input() {
        let x = drawn(37, 30, 3);
        let transposed = LinearWeights { weight: drawn(30, 50, 1).tr(), bias: None };
        let plain = layer(50, 30, true);
        for width in widths() {
            for layers in [[&transposed, &plain], [&plain, &transposed]] {
                let input = narrowed(width, || Input::of(&x, &layers));
                for layer in layers {
                    assert!(gap(&layer.forward(&input), &exact(layer, &x)) < 1e-5);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "the layer takes another number of inputs")]
    fn inputs_that_do_not_fit_are_refused() {
        let _ = layer(3, 4, true).forward(&Input(Form::Panels(Packed::out(&drawn(20, 5, 3)))));
    }

    #[test]
    #[should_panic(expected = "the layer's output has another shape")]
    fn outputs_that_do_not_fit_are_refused() {
        let input = Input(Form::Panels(Packed::out(&drawn(20, 4, 3))));
        layer(3, 4, true).add(&input, &mut drawn(20, 4, 5));
    }
}
