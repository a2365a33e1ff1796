//! What each position does with what it has read: widen, bend, narrow (chapter 3.3).

use embedding::support::show;
use model::{
    config::{Gelu, Gpt2Config},
    feed_forward::FeedForward,
};
use tch::{Device, Kind, Tensor, nn::VarStore};

fn main() {
    tch::set_num_threads(1);
    let _guard = tch::no_grad_guard();
    let Gpt2Config { channels: c, hidden: f, .. } = Gpt2Config::ARTICLE;
    let store = VarStore::new(Device::Cpu);

    tch::manual_seed(123);
    let layer = FeedForward::new(&store.root(), c, f, Gelu::Exact);
    println!("up {c} to {f}\nGELU\ndown {f} to {c}");
    let mut named: Vec<(String, Tensor)> = store.variables().into_iter().collect();
    named.sort_by(|(first, _), (second, _)| second.cmp(first)); // up before down, weight before bias
    for (name, parameter) in &named {
        println!("{name} {} values", parameter.numel());
    }
    println!("parameters {}", named.iter().map(|(_, parameter)| parameter.numel()).sum::<usize>());

    let x = Tensor::rand([2, 3, c], (Kind::Float, Device::Cpu)); // [B, T, C]
    let out = layer.forward(&x);
    println!("shape of the input {}", words(&x.size()));
    println!("shape of the output {}", words(&out.size()));
    println!("{}", show::tensor(&out));

    let alone = layer.forward(&x.narrow(1, 1, 1)); // [B, 1, C]
    let gap = (out.narrow(1, 1, 1) - alone).abs().max().double_value(&[]);
    println!("position 1 alone gives the same within 1e-6: {}", gap < 1e-6);
}

fn words(size: &[i64]) -> String {
    size.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
