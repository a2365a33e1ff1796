//! Agreement with programs that others wrote: libtorch's fused kernel, PyTorch's layers, OpenAI's weights.

#[path = "../../embedding/tests/public_data/mod.rs"]
mod public_data;

use attention::{
    attend::{attend, attend_fused},
    linear::Linear,
    multi_head::MultiHeadAttention,
};
use embedding::support::show::assert_agree;
use public_data::public_data;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tch::{Device, Kind, Tensor, nn::VarStore};

/// Made by `data/reference/attention_values.py`.
const PYTORCH: &str = include_str!("../../../data/reference/attention_values.json");

/// Tests run side by side but libtorch has one random generator: whoever draws holds it alone.
fn generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pytorch(part: &str) -> Value {
    let mut all: Value = serde_json::from_str(PYTORCH).expect("the committed file is JSON");
    all[part].take()
}

fn singles(nested: &Value) -> Vec<f32> {
    match nested {
        Value::Array(parts) => parts.iter().flat_map(singles).collect(),
        number => vec![number.as_f64().expect("a number") as f32],
    }
}

fn tensor(nested: &Value, shape: &[i64]) -> Tensor {
    Tensor::from_slice(&singles(nested)).view(shape)
}

fn integer(value: &Value) -> i64 {
    value.as_i64().expect("an integer")
}

#[test]
fn explicit_attention_equals_the_fused_kernel() {
    let _alone = generator();
    tch::manual_seed(1);
    let random = |t, d| Tensor::randn([2, 3, t, d], (Kind::Float, Device::Cpu));
    for (queries, keys, d) in
        [(1, 1, 4), (5, 5, 4), (1, 6, 4), (2, 6, 8), (70, 70, 64), (33, 200, 64)]
    {
        let (q, k, v) = (random(queries, d), random(keys, d), random(keys, d));
        assert_agree(
            &attend(&q, &k, &v, 0.0, false),
            &attend_fused(&q, &k, &v),
            1e-6,
            &format!("{queries} queries, {keys} keys, {d} channels"),
        );
    }
}

#[test]
fn explicit_attention_has_the_gradients_of_the_fused_kernel() {
    let _alone = generator();
    let gradients = |mix: &dyn Fn(&Tensor, &Tensor, &Tensor) -> Tensor| {
        tch::manual_seed(1);
        let random =
            || Tensor::randn([2, 3, 20, 8], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let (q, k, v) = (random(), random(), random());
        mix(&q, &k, &v).square().mean(Kind::Float).backward();
        [q, k, v].map(|input| input.grad())
    };
    let explicit = gradients(&|q, k, v| attend(q, k, v, 0.0, true));
    let fused = gradients(&attend_fused);
    for ((name, explicit), fused) in ["query", "key", "value"].iter().zip(explicit).zip(fused) {
        assert_agree(&explicit, &fused, 1e-6, name);
    }
}

#[test]
fn a_linear_layer_starts_from_pytorchs_numbers() {
    let _alone = generator();
    for expected in pytorch("linear").as_array().expect("a list") {
        let (inputs, outputs) = (integer(&expected["inputs"]), integer(&expected["outputs"]));
        tch::manual_seed(123);
        let layer = Linear::new(&VarStore::new(Device::Cpu).root(), inputs, outputs, true);
        let bias = layer.bias.expect("asked for a bias");
        assert_eq!((layer.weight.size(), bias.size()), (vec![outputs, inputs], vec![outputs]));
        for (name, values) in [("weight", layer.weight), ("bias", bias)] {
            let what = format!("{name} of {inputs} -> {outputs}");
            let ours = Vec::<f32>::try_from(values.flatten(0, -1)).expect("a rank-1 tensor");
            let [first, last] = ["first", "last"].map(|end| singles(&expected[name][end]));
            // Bit for bit: a uniform number takes no function whose last digit could differ between processors.
            assert_eq!(ours[..first.len()], first, "first numbers of the {what}");
            assert_eq!(ours[ours.len() - last.len()..], last, "last numbers of the {what}");
            let gap = (ours.iter().map(|&value| f64::from(value)).sum::<f64>()
                - expected[name]["sum"].as_f64().expect("a number"))
            .abs();
            assert!(gap < 1e-8, "the sums of the {what} differ by {gap:e}"); // the order of adding differs
        }
    }
}

#[test]
fn many_heads_equal_pytorchs_layer_in_value_and_gradient() {
    let _alone = generator();
    for expected in pytorch("multi_head").as_array().expect("a list") {
        let (channels, heads) = (integer(&expected["channels"]), integer(&expected["heads"]));
        let qkv_bias = expected["qkv_bias"].as_bool().expect("true or false");
        tch::manual_seed(integer(&expected["seed"]));
        let layer = MultiHeadAttention::new(
            &VarStore::new(Device::Cpu).root(),
            channels,
            heads,
            qkv_bias,
            0.0,
        );
        let shape = [3, 5, channels];
        let x = tensor(&expected["input"], &shape).set_requires_grad(true);
        let y = layer.forward(&x, true);
        y.square().sum(Kind::Float).backward();
        assert_agree(
            &y,
            &tensor(&expected["output"], &shape),
            1e-6,
            &format!("bias {qkv_bias}, the output"),
        );
        assert_agree(
            &x.grad(),
            &tensor(&expected["gradient"], &shape),
            1e-5,
            &format!("bias {qkv_bias}, the gradient"), // its values are ten times larger
        );
    }
}

#[test]
fn dropout_takes_the_weights_that_pytorch_drops() {
    let _alone = generator();
    let expected = pytorch("dropout");
    tch::manual_seed(integer(&expected["seed"]));
    let [q, k, v] = [(); 3].map(|()| Tensor::randn([3, 2], (Kind::Float, Device::Cpu)));
    tch::manual_seed(integer(&expected["dropout_seed"]));
    let mixed = attend(&q, &k, &v, expected["dropout"].as_f64().expect("a number"), true);
    assert_agree(&mixed, &tensor(&expected["output"], &[3, 2]), 1e-6, "the mixture");
}

const CHANNELS: i64 = 768;

#[test]
fn openais_attention_gives_the_published_outputs() {
    let _alone = generator();
    let files =
        ["partial", "expected"].map(|name| format!("models/gpt2-124M-partial/{name}.safetensors"));
    let [Some(weights), Some(expected)] = files.map(|file| public_data(&file)) else { return };
    let read = |path| {
        Tensor::read_safetensors(path)
            .expect("a safetensors file")
            .into_iter()
            .collect::<HashMap<String, Tensor>>()
    };
    let (weights, expected) = (read(weights), read(expected));
    for block in [0, 11] {
        let store = VarStore::new(Device::Cpu);
        let layer = MultiHeadAttention::new(&store.root(), CHANNELS, 12, true, 0.1);
        let mut variables = store.variables();
        let theirs = |name: &str| &weights[&format!("transformer.h.{block}.attn.{name}")];
        let mut put = |name: &str, value: &Tensor| {
            tch::no_grad(|| {
                variables.get_mut(name).expect("a parameter of the layer").copy_(value);
            });
        };
        // One matrix holds query, key and value, with inputs as rows where ours has them as columns.
        for (part, name) in (0..).zip(["query", "key", "value"]) {
            put(
                &format!("{name}.weight"),
                &theirs("c_attn.weight").narrow(1, part * CHANNELS, CHANNELS).tr(),
            );
            put(
                &format!("{name}.bias"),
                &theirs("c_attn.bias").narrow(0, part * CHANNELS, CHANNELS),
            );
        }
        put("output.weight", &theirs("c_proj.weight").tr());
        put("output.bias", theirs("c_proj.bias"));

        let output = layer.forward(&expected[&format!("h{block}.ln_1")], false);
        let wanted = &expected[&format!("h{block}.attn_out")];
        let scale = wanted.abs().max().double_value(&[]);
        assert_agree(&output, wanted, 1e-5 * scale, &format!("block {block}"));
    }
}
