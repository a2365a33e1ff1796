//! Each layer's rule: what the error of its output says about its weights, and about its input.
//!
//! For what [the fast step](crate::fast) gains.

use crate::settings::Precision;
use model::fast::{
    cpu::tensor_slice::with_slices,
    ops::{
        dropout::Mask,
        flash_attention::{self, Layout},
        layers,
        matmul::{matmul, matmul_add},
    },
    weights::LinearWeights,
};
use tch::{Kind, Tensor};

/// The type of numbers that products of a precision read.
///
/// bfloat16 has float32's range, so that no gradient becomes 0 for being small: the loss needs no factor that would lift it, as it
/// does with float16.
pub fn kind(precision: Precision) -> Kind {
    match precision {
        Precision::F32 => Kind::Float,
        Precision::Bf16 => Kind::BFloat16,
    }
}

/// A parameter as plain numbers, and the buffer of its gradient, which is the one that the optimizer reads.
pub struct Parameter {
    pub value: Tensor,
    pub gradient: Tensor,
    /// What products read: the value itself, or its copy in bfloat16.
    pub factor: Tensor,
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
        let factor = value.shallow_clone();
        let new = Self { value, gradient: parameter.grad(), factor };
        new.free_grad();
        new
    }

    /// Takes a parameter that products of that precision read.
    pub fn of_products(parameter: Tensor, precision: Precision) -> Self {
        let new = Self::new(parameter);
        Self { factor: new.value.to_kind(kind(precision)), ..new }
    }

    /// Brings the copy for products up to date.
    pub fn round(&self) {
        if self.factor.kind() != self.value.kind() {
            self.factor.shallow_clone().copy_(&self.value);
        }
    }

    /// Another factor of a product with this parameter, or with its gradient: rounded, unless it is already.
    pub fn other(&self, x: &Tensor) -> Tensor {
        x.to_kind(self.factor.kind())
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

    /// The same for a product of two matrices, which is written where it belongs and nowhere else in float32.
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
    pub fn new(layer: LinearWeights, precision: Precision) -> Self {
        let weight = Parameter::of_products(layer.weight, precision);
        Self { weight, bias: layer.bias.map(Parameter::new) }
    }

    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        [Some(&self.weight), self.bias.as_ref()].into_iter().flatten()
    }

    /// An input as this layer's product reads it, for whoever needs it more than once.
    pub fn factor(&self, x: &Tensor) -> Tensor {
        self.weight.other(x)
    }

    /// The output, written into `place`.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    /// - `place`: `[rows, outputs]`
    pub fn forward(&self, x: &Tensor, place: Tensor) -> Tensor {
        layers::linear(x, &self.weight.factor, self.bias_value(), place)
    }

    fn bias_value(&self) -> Option<&Tensor> {
        self.bias.as_ref().map(|bias| &bias.value)
    }

    /// `x + y` for the output `y` of another input, of which dropout keeps what `mask` says, written into `place`.
    pub fn forward_onto(
        &self,
        x: &Tensor,
        input: &Tensor,
        mask: Option<&Mask>,
        place: Tensor,
    ) -> Tensor {
        if mask.is_some() {
            return dropped(mask, self.forward(input, place)).g_add_(x);
        }
        layers::linear_onto(x, input, &self.weight.factor, self.bias_value(), place)
    }

    /// Weight and bias: `dW = dyᵀ x` and `db = Σ dy`; and the input: `dx = dy W`.
    pub fn backward(&self, x: &Tensor, dy: &Tensor, first: bool) -> Tensor {
        let dx =
            Tensor::empty([dy.size()[0], self.weight.value.size()[1]], (dy.kind(), dy.device()));
        let factor = self.learn(x, dy, first);
        matmul(&dx, &factor, &self.weight.factor);
        dx
    }

    /// The same, the input's added to what others say about it.
    pub fn backward_onto(&self, x: &Tensor, dy: &Tensor, dx: &Tensor, first: bool) {
        let factor = self.learn(x, dy, first);
        matmul_add(dx, &factor, &self.weight.factor);
    }

    /// Weight and bias. Returns `dy` as products read it.
    fn learn(&self, x: &Tensor, dy: &Tensor, first: bool) -> Tensor {
        let factor = self.weight.other(dy);
        self.weight.matmul_add(&factor.tr(), &self.weight.other(x), first);
        if let Some(bias) = &self.bias {
            bias.add(&dy.sum_dim_intlist(0_i64, false, None), first);
        }
        factor
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
