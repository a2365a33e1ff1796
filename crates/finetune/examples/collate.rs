//! Three sequences of different lengths become one batch, and ignored targets leave the loss alone (chapter 5.3).

use embedding::{bpe::END_OF_TEXT, support::show};
use finetune::collate::collate;
use tch::Tensor;
use train::loss::{IGNORED, cross_entropy};

fn main() {
    tch::set_num_threads(1);
    let sequences: [&[i64]; 3] = [&[0, 1, 2, 3, 4], &[5, 6], &[7, 8, 9]];
    let ended: Vec<Vec<i64>> =
        sequences.iter().map(|ids| [ids, &[END_OF_TEXT][..]].concat()).collect();
    let rows: Vec<&[i64]> = ended.iter().map(Vec::as_slice).collect();
    let (inputs, targets) = collate(&rows, &[0, 0, 0], END_OF_TEXT);
    println!("inputs\n{}", show::tensor(&inputs));
    println!("targets\n{}", show::tensor(&targets));

    let two = Tensor::from_slice(&[-1.0_f32, 1.0, -0.5, 1.5]).view([2, 2]);
    let three = Tensor::from_slice(&[-1.0_f32, 1.0, -0.5, 1.5, -0.5, 1.5]).view([3, 2]);
    let loss = |logits: &Tensor, targets: &[i64]| {
        cross_entropy(logits, &Tensor::from_slice(targets)).double_value(&[])
    };
    println!("loss of two rows with targets 0 1: {:.4}", loss(&two, &[0, 1]));
    println!("loss of three rows with targets 0 1 1: {:.4}", loss(&three, &[0, 1, 1]));
    println!(
        "loss of three rows with targets 0 1 {IGNORED}: {:.4}",
        loss(&three, &[0, 1, IGNORED])
    );
}
