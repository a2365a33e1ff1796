//! Very small untrained models, which commands read as any other.

#![allow(dead_code)] // each test uses a part of it

use model::{config::Gpt2Config, gpt2::Gpt2};
use tch::Device;

pub const SIZES: Gpt2Config =
    Gpt2Config { context: 64, channels: 8, heads: 2, layers: 1, hidden: 32, ..Gpt2Config::SMALL };

/// A model of these sizes as training begins with it.
pub fn untrained(sizes: Gpt2Config) -> Gpt2 {
    let model = Gpt2::new(sizes, Device::Cpu).expect("possible sizes");
    model.initialize_as_gpt2();
    model
}

/// A model that scores some ids, given with their logits, above all others whatever it reads.
pub fn always(sizes: Gpt2Config, ids: &[(i64, f64)]) -> Gpt2 {
    let model = untrained(sizes);
    let named = model.store.variables();
    tch::no_grad(|| {
        let _ = named["norm.weight"].shallow_clone().fill_(0.0);
        let _ = named["norm.bias"].get(0).fill_(1.0);
        for &(id, logit) in ids {
            let _ = named["token.weight"].get(id).get(0).fill_(logit);
        }
    });
    model
}
