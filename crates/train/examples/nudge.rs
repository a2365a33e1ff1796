//! The gradient of a GPT-2 held against what a nudge of a weight does to the loss (chapter 4.2).

use anyhow::{Context, Result};
use embedding::{bpe::BytePairEncoder, support::texts::PROSE, windows::Windows};
use model::{config::Gpt2Config, gpt2::Gpt2};
use tch::{Device, Tensor};
use train::loss::batch_loss;

const CONFIG: Gpt2Config = Gpt2Config {
    context: 32,
    channels: 64,
    heads: 2,
    layers: 2,
    hidden: 4 * 64,
    dropout: 0.0,
    ..Gpt2Config::ARTICLE
};
/// A parameter, and the place of one number in it: those that matter most in this batch, and one for a token that is not in it.
const NUDGED: [(&str, &[i64]); 5] = [
    ("head.weight", &[290, 55]),
    ("norm.weight", &[8]),
    ("blocks.0.attention.query.weight", &[48, 13]),
    ("token.weight", &[11, 45]),
    ("token.weight", &[5, 0]),
];

fn main() -> Result<()> {
    tch::set_num_threads(1);
    println!("text data/prose.txt");
    let windows = Windows::new(BytePairEncoder::gpt2().encode(PROSE), 32, 32)?;
    let (inputs, targets) = windows.batch(&[0, 1, 2, 3]); // [B, T], [B, T]
    tch::manual_seed(123);
    let mut model = Gpt2::new(CONFIG, Device::Cpu)?;
    model.store.double(); // in 32 bits the last digits of the loss would be lost

    let loss = || batch_loss(&model, &inputs, &targets, true);
    loss().backward();
    println!("weights {} loss {:.6}", CONFIG.parameters(), loss().double_value(&[]));

    let parameters = model.parameters();
    let find = |name: &str| parameters.iter().find(|(other, _)| other == name);
    println!("nudged by 0.001: change per unit, gradient");
    for (name, place) in NUDGED {
        let (_, parameter) = find(name).with_context(|| format!("there is no {name}"))?;
        let slope = slope_by_nudging(&number_at(parameter, place), 0.001, &loss);
        let gradient = parameter.grad().double_value(place);
        println!("{name} {place:?} {slope:.6} {gradient:.6}");
    }
    let (_, head) = find("head.weight").context("there is no head")?;
    println!("the first of them nudged by 100, 10, 1, 0.1");
    let slope = |by: f64| slope_by_nudging(&number_at(head, &[290, 55]), by, &loss);
    println!("{:.6} {:.6} {:.6} {:.6}", slope(100.0), slope(10.0), slope(1.0), slope(0.1));
    Ok(())
}

/// How much the loss changes for each unit by which one number grows, found by letting it grow a little.
fn slope_by_nudging(number: &Tensor, by: f64, loss: &impl Fn() -> Tensor) -> f64 {
    let _guard = tch::no_grad_guard();
    let mut number = number.shallow_clone(); // another name for the same memory
    let before = loss().double_value(&[]);
    let kept = number.copy();
    let _ = number.g_add_scalar_(by);
    let after = loss().double_value(&[]);
    number.copy_(&kept);
    (after - before) / by
}

/// One number of a parameter, where it lies.
fn number_at(parameter: &Tensor, place: &[i64]) -> Tensor {
    place.iter().fold(parameter.detach(), |rows, &index| rows.get(index))
}
