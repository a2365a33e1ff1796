//! The product of a `[2, 3]` and a `[3, 2]` matrix, entry by entry (chapter 0).

use embedding::support::show;
use tch::Tensor;

const A: [[i64; 3]; 2] = [[1, 2, 3], [4, 5, 6]];
const B: [[i64; 2]; 3] = [[7, 8], [9, 10], [11, 12]];

fn main() {
    tch::set_num_threads(1);
    for row in 0..2 {
        for column in 0..2 {
            println!("row {row}, column {column}: {} = {}", sum(row, column), entry(row, column));
        }
    }
    let (a, b) = (Tensor::from_slice2(&A), Tensor::from_slice2(&B));
    println!("the product, shape 2 2\n{}", show::tensor(&a.matmul(&b)));
    println!("the other way round, shape 3 3\n{}", show::tensor(&b.matmul(&a)));
}

/// A row of the left matrix times a column of the right one: multiplied in pairs, and added up.
fn entry(row: usize, column: usize) -> i64 {
    let mut sum = 0;
    for (k, left) in A[row].iter().enumerate() {
        sum += left * B[k][column];
    }
    sum
}

/// The same sum as one writes it.
fn sum(row: usize, column: usize) -> String {
    [0, 1, 2].map(|k| format!("{} * {}", A[row][k], B[k][column])).join(" + ")
}
