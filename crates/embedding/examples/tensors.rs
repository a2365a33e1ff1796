//! Ten operations on tensors, out of which a GPT-2 is made (chapter 0).

use embedding::support::show;
use tch::{Kind, Tensor};

fn main() {
    tch::set_num_threads(1);
    let a = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]).view([2, 3]);
    let row = Tensor::from_slice(&[10.0_f32, 20.0, 30.0]);
    let hidden = Tensor::from_slice2(&[[false, true, true], [false, false, true]]);
    for (title, result) in reshaped(&a, &row).into_iter().chain(computed(&a, &hidden)) {
        let shape: Vec<_> = result.size().iter().map(ToString::to_string).collect();
        println!("{title} -> shape {}\n{}", shape.join(" "), show::tensor(&result));
    }
}

/// The first six: sums and other views of the same numbers.
fn reshaped(a: &Tensor, row: &Tensor) -> [(&'static str, Tensor); 6] {
    [
        ("1 from six numbers, seen as two rows of three", a.view([2, 3])),
        ("2 plus, number by number", a + a),
        ("3 plus a row, which is repeated for each row", a + row),
        ("4 the second row", a.get(1)),
        ("5 columns 1 and 2", a.narrow(1, 1, 2)),
        ("6 rows and columns exchanged", a.tr()),
    ]
}

/// The last four: what a row comes to.
fn computed(a: &Tensor, hidden: &Tensor) -> [(&'static str, Tensor); 4] {
    [
        ("7 the sum of each row", a.sum_dim_intlist(-1, false, None::<Kind>)),
        ("8 the product of matrices with what 6 made", a.matmul(&a.tr())),
        ("9 softmax of each row", a.softmax(-1, None)),
        ("10 minus infinity where a mask is true", a.masked_fill(hidden, f64::NEG_INFINITY)),
    ]
}
