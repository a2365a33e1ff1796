//! Each layer's rule: what the error of its output says about its weights, and about its input.
//!
//! For what [the fast step](crate::fast) gains.

use model::fast::{
    cpu::tensor_slice::with_slices,
    ops::{
        dropout::Mask,
        flash_attention::{self, Layout},
        matmul::{matmul, matmul_add},
    },
    weights::{LinearWeights, NormWeights},
};
use tch::{Kind, Tensor};

/// A parameter as plain numbers, and the buffer of its gradient, which is the one that the optimizer reads.
pub struct Parameter {
    pub value: Tensor,
    pub gradient: Tensor,
}

impl Parameter {
    /// Takes a parameter. Its gradient has no memory yet.
    pub fn new(mut parameter: Tensor) -> Self {
        let value = parameter.detach();
        if !parameter.grad().defined() {
            // tch can make no gradient, but autograd can, and an empty one for a parameter that is empty for this moment.
            parameter.set_data(&value.narrow(0, 0, 0));
            parameter.sum(Kind::Float).backward();
            parameter.set_data(&value);
        }
        let new = Self { value, gradient: parameter.grad() };
        new.free_grad();
        new
    }

    /// Gives the gradient's memory back.
    pub fn free_grad(&self) {
        let _ = tch::no_grad(|| self.gradient.shallow_clone().set_());
    }

    /// Lets the gradient, which must then be found anew, lie in `memory` of the parameter's shape.
    pub fn set_grad(&self, memory: &Tensor) {
        let _ = tch::no_grad(|| self.gradient.shallow_clone().set_source_tensor_(memory));
    }

    /// Adds to the gradient, or, in the first batch of a step, replaces what an earlier step has left there.
    pub fn add(&self, amount: &Tensor, first: bool) {
        let mut gradient = self.gradient.shallow_clone();
        if first {
            gradient.copy_(amount);
        } else {
            let _ = gradient.g_add_(amount);
        }
    }

    /// The same for a product of two matrices, which is written where it belongs and nowhere else.
    pub fn matmul_add(&self, left: &Tensor, right: &Tensor, first: bool) {
        if first {
            matmul(&self.gradient, left, right);
        } else {
            matmul_add(&self.gradient, left, right);
        }
    }

    /// The same for a table of which each row of `amounts` belongs to one line, and a line to several.
    pub fn add_rows(&self, lines: &Tensor, amounts: &Tensor, first: bool) {
        let mut gradient = self.gradient.shallow_clone();
        if first {
            let _ = gradient.zero_();
        }
        let _ = gradient.index_add_(0, lines, amounts);
    }
}

/// What dropout leaves of `x`, and of its gradient; without a mask all.
pub fn dropped(mask: Option<&Mask>, mut x: Tensor) -> Tensor {
    if let Some(mask) = mask {
        with_slices([], [&mut x], |[], [x]| mask.apply_to_all(x));
    }
    x
}

/// `y = x W^T + b`.
pub struct Linear {
    weight: Parameter,
    bias: Option<Parameter>,
}

impl Linear {
    pub fn new(layer: LinearWeights) -> Self {
        Self { weight: Parameter::new(layer.weight), bias: layer.bias.map(Parameter::new) }
    }

    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        [Some(&self.weight), self.bias.as_ref()].into_iter().flatten()
    }

    /// The output, written into `place`.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    /// - `place`: `[rows, outputs]`
    pub fn forward(&self, x: &Tensor, mut place: Tensor) -> Tensor {
        let weight = self.weight.value.tr();
        match &self.bias {
            Some(bias) => {
                place.copy_(&bias.value); // the same for each row
                matmul_add(&place, x, &weight);
            }
            None => matmul(&place, x, &weight),
        }
        place
    }

    /// `x + y` for the output `y` of another input, of which dropout keeps what `mask` says, written into `place`.
    pub fn forward_onto(
        &self,
        x: &Tensor,
        input: &Tensor,
        mask: Option<&Mask>,
        mut place: Tensor,
    ) -> Tensor {
        if mask.is_some() {
            return dropped(mask, self.forward(input, place)).g_add_(x);
        }
        match &self.bias {
            Some(bias) => drop(x.add_out(&place, &bias.value)),
            None => place.copy_(x),
        }
        matmul_add(&place, input, &self.weight.value.tr());
        place
    }

    /// Weight and bias: `dW = dyᵀ x` and `db = Σ dy`.
    pub fn learn(&self, x: &Tensor, dy: &Tensor, first: bool) {
        self.weight.matmul_add(&dy.tr(), x, first);
        if let Some(bias) = &self.bias {
            bias.add(&dy.sum_dim_intlist(0_i64, false, None), first);
        }
    }

    /// Input: `dx = dy W`.
    pub fn input_gradient(&self, dy: &Tensor) -> Tensor {
        let dx =
            Tensor::empty([dy.size()[0], self.weight.value.size()[1]], (dy.kind(), dy.device()));
        matmul(&dx, dy, &self.weight.value);
        dx
    }

    /// The same, added to what others say about that input.
    pub fn add_input_gradient(&self, dy: &Tensor, dx: &Tensor) {
        matmul_add(dx, dy, &self.weight.value);
    }
}

/// `y = x̂ w + b` with `x̂ = (x - mean) / deviation`.
pub struct Norm {
    weight: Parameter,
    bias: Parameter,
    epsilon: f64,
}

/// What the gradient of a norm needs.
pub struct Normed {
    /// `[rows, C]`
    pub output: Tensor,
    mean: Tensor,              // [rows, 1]
    inverse_deviation: Tensor, // [rows, 1]
}

impl Norm {
    pub fn new(norm: NormWeights, epsilon: f64) -> Self {
        Self { weight: Parameter::new(norm.weight), bias: Parameter::new(norm.bias), epsilon }
    }

    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        [&self.weight, &self.bias].into_iter()
    }

    /// # Shapes
    /// - `x`: `[rows, C]`
    pub fn forward(&self, x: &Tensor) -> Normed {
        let (weight, bias) = (&self.weight.value, &self.bias.value);
        let (output, mean, inverse_deviation) =
            x.native_layer_norm(weight.size(), Some(weight), Some(bias), self.epsilon);
        Normed { output, mean, inverse_deviation }
    }

    /// `dw = Σ dy x̂`, `db = Σ dy`; and with `g = dy w` the input's gradient `(g - mean(g) - x̂ mean(g x̂)) / deviation`.
    ///
    /// # Source
    /// Ba et al. 2016 (<https://arxiv.org/abs/1607.06450>), equation 4, differentiated: a common shift of the channels changes
    /// nothing, nor does a common factor, so what points there is taken out.
    pub fn backward(&self, x: &Tensor, normed: &Normed, dy: &Tensor, first: bool) -> Tensor {
        let mean = |x: &Tensor| x.mean_dim(1_i64, true, None);
        let normal = (x - &normed.mean).g_mul_(&normed.inverse_deviation);
        self.weight.add(&(dy * &normal).sum_dim_intlist(0_i64, false, None), first);
        self.bias.add(&dy.sum_dim_intlist(0_i64, false, None), first);
        let mut dx = dy * &self.weight.value;
        let (shift, stretch) = (mean(&dx), mean(&(&dx * &normal)));
        let _ = dx.g_sub_(&shift);
        let _ = dx.g_sub_(&(normal * stretch));
        dx.g_mul_(&normed.inverse_deviation)
    }
}

/// What the gradient of attention needs.
pub struct Mixed {
    layout: Layout,
    q: Tensor, // [B * T, C], as are the next ones
    k: Tensor,
    v: Tensor,
    output: Tensor,
    mask: Option<Mask>,
    log_sums: Vec<f32>, // [B, H, T]
}

impl Mixed {
    /// Causal attention of several texts, of whose weights dropout takes some away.
    ///
    /// # Shapes
    /// - `q`, `k`, `v`, `output`: `[B * T, C]`
    pub fn new(
        layout: Layout,
        [q, k, v]: [Tensor; 3],
        mask: Option<Mask>,
        mut output: Tensor,
    ) -> Self {
        let log_sums = with_slices([&q, &k, &v], [&mut output], |qkv, [output]| {
            flash_attention::forward(layout, qkv, mask.as_ref(), output)
        });
        Self { layout, q, k, v, output, mask, log_sums }
    }

    /// `[B * T, C]`, the heads side by side.
    pub fn output(&self) -> Tensor {
        self.output.shallow_clone()
    }

    /// The gradients of queries, keys and values, each `[B * T, C]`.
    pub fn backward(&self, dy: &Tensor) -> [Tensor; 3] {
        let Self { layout, q, k, v, output, mask, log_sums } = self;
        let mut gradients = [q, k, v].map(Tensor::empty_like);
        with_slices([q, k, v, output, dy], gradients.each_mut(), |given, gradients| {
            flash_attention::backward(*layout, given, log_sums, mask.as_ref(), gradients);
        });
        gradients
    }
}
