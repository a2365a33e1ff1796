//! Each layer's rule: what the error of its output says about its weights, and about its input.
//!
//! For what [the fast step](crate::fast) gains.

use super::arena::Shelf;
use crate::settings::Precision;
use model::fast::{
    cpu::tensor_slice::with_slices,
    ops::{
        dropout::Mask,
        layers,
        matmul::{matmul, matmul_add, product},
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

    /// The output in the type of products, as it is kept for the way back.
    ///
    /// # Shapes
    /// - `x`: `[rows, inputs]`
    /// - returns `[rows, outputs]`
    pub fn forward_kept(&self, x: &Tensor, shelf: &Shelf) -> Tensor {
        let factor = &self.weight.factor;
        match factor.kind() {
            Kind::BFloat16 => layers::linear_rounded(x, factor, self.bias_value()),
            _ => self.forward(x, shelf.place(&[x.size()[0], factor.size()[0]])),
        }
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

    /// Weight and bias: `dW = dyᵀ x` and `db = Σ dy`; and the input: `dx = dy W`, in the type of products.
    pub fn backward(&self, x: &Tensor, dy: &Tensor, first: bool) -> Tensor {
        product(&self.learn(x, dy, first), &self.weight.factor)
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
            bias.add(&dy.sum_dim_intlist(0_i64, false, Kind::Float), first);
        }
        factor
    }
}
