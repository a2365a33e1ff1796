//! What must hold whatever the weights are.

use attention::{
    attend::{attend, attend_fused, attention_weights},
    head::CausalHead,
    linear::Linear,
    mask::causal_mask,
    multi_head::MultiHeadAttention,
};
use embedding::support::show::assert_agree;
use std::panic::catch_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tch::{Device, Kind, Tensor, nn::VarStore};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Tests run side by side but libtorch has one random generator: whoever draws holds it alone.
fn generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

fn largest_difference(one: &Tensor, other: &Tensor) -> f64 {
    assert_eq!(one.size(), other.size());
    (one - other).abs().max().double_value(&[])
}

fn seeded(shape: &[i64]) -> Tensor {
    tch::manual_seed(1);
    Tensor::randn(shape, CPU)
}

fn multi_head(store: &VarStore, channels: i64, heads: i64, dropout: f64) -> MultiHeadAttention {
    MultiHeadAttention::new(&store.root(), channels, heads, true, dropout)
}

/// Edits position 3 of five and asks the layer for both outputs.
fn past_stays_and_present_moves(layer: impl Fn(&Tensor) -> Tensor) {
    let x = seeded(&[2, 5, 8]);
    let edited = x.copy();
    let _ = edited.narrow(1, 3, 1).g_add_scalar_(1.0);
    let (before, after) = (layer(&x), layer(&edited));
    assert_agree(&after.narrow(1, 0, 3), &before.narrow(1, 0, 3), 0.0, "the past changed");
    for position in [3, 4] {
        let (before, after) = (before.narrow(1, position, 1), after.narrow(1, position, 1));
        assert!(
            largest_difference(&before, &after) > 1e-4,
            "the edit did nothing at position {position}"
        );
    }
}

#[test]
fn later_tokens_cannot_change_earlier_outputs() {
    let _alone = generator();
    let store = VarStore::new(Device::Cpu);
    let head = CausalHead::new(&(store.root() / "head"), 8, 3, 0.0);
    past_stays_and_present_moves(|x| head.forward(x, false));
    let layer = multi_head(&store, 8, 2, 0.0);
    past_stays_and_present_moves(|x| layer.forward(x, false));
}

#[test]
fn later_tokens_cannot_change_earlier_outputs_in_training_either() {
    let _alone = generator();
    let layer = multi_head(&VarStore::new(Device::Cpu), 8, 2, 0.2);
    past_stays_and_present_moves(|x| {
        tch::manual_seed(7); // the same numbers are dropped both times
        layer.forward(x, true)
    });
}

#[test]
fn each_row_of_weights_sums_to_one_and_gives_the_future_nothing() {
    let _alone = generator();
    let (q, k) = (seeded(&[2, 3, 5, 4]), seeded(&[2, 3, 5, 4]).flip([-1]));
    let hidden = causal_mask(5, 5, Device::Cpu);
    let weights = attention_weights(&q, &k, Some(&hidden)); // [B, H, T, T]
    let sums = weights.sum_dim_intlist(-1, false, None); // [B, H, T]
    assert_agree(&sums, &Tensor::ones([2, 3, 5], CPU), 1e-6, "the sums of the weights");
    assert_agree(
        &weights.masked_select(&hidden),
        &Tensor::zeros([60], CPU),
        0.0,
        "the weights of the future",
    );
}

#[test]
fn an_edited_key_that_is_hidden_changes_no_bit() {
    let _alone = generator();
    let (q, k) = (seeded(&[3, 4]), seeded(&[3, 4]).flip([-1]));
    let hidden = Tensor::from_slice2(&[[false, true, false]; 3]); // key 1, from every query
    let weights = |key: i64| {
        let edited = k.copy();
        let _ = edited.get(key).g_add_scalar_(1.0);
        attention_weights(&q, &edited, Some(&hidden))
    };
    let before = attention_weights(&q, &k, Some(&hidden));
    assert_agree(&weights(1), &before, 0.0, "a hidden key was read");
    assert_ne!(weights(2), before, "the edit did nothing");
}

#[test]
fn no_position_reads_keys_and_values_of_its_future() {
    let _alone = generator();
    let (q, k, v) =
        (seeded(&[2, 5, 4]), seeded(&[2, 5, 4]).flip([-1]), seeded(&[2, 5, 4]).flip([1]));
    let edited = |x: &Tensor| {
        let x = x.copy();
        let _ = x.narrow(1, 3, 1).g_add_scalar_(1.0);
        x
    };
    let before = attend(&q, &k, &v, 0.0, false);
    for after in [attend(&q, &edited(&k), &v, 0.0, false), attend(&q, &k, &edited(&v), 0.0, false)]
    {
        assert_agree(&after.narrow(1, 0, 3), &before.narrow(1, 0, 3), 0.0, "the past changed");
        assert_ne!(before.narrow(1, 3, 2), after.narrow(1, 3, 2), "the edit did nothing");
    }
}

#[test]
fn without_a_mask_attention_does_not_know_the_order_of_positions() {
    let _alone = generator();
    let (q, k, v) = (seeded(&[5, 4]), seeded(&[5, 4]).flip([-1]), seeded(&[5, 4]).flip([0, 1]));
    let mix = |q: &Tensor, k: &Tensor, v: &Tensor| attention_weights(q, k, None).matmul(v);
    let reversed = mix(&q.flip([0]), &k.flip([0]), &v.flip([0]));
    assert_agree(
        &mix(&q, &k, &v).flip([0]),
        &reversed,
        1e-6,
        "the mixture of positions in reverse",
    );
}

#[test]
fn the_output_has_the_shape_of_the_input() {
    let _alone = generator();
    let store = VarStore::new(Device::Cpu);
    let layer = multi_head(&store, 12, 3, 0.1);
    let x = seeded(&[2, 5, 12]);
    for train in [false, true] {
        assert_eq!(layer.forward(&x, train).size(), [2, 5, 12]);
    }
    let (q, k, v) = layer.project(&x);
    for projected in [q, k, v] {
        assert_eq!(projected.size(), [2, 3, 5, 4]);
    }
    let head = CausalHead::new(&(store.root() / "head"), 12, 4, 0.0);
    assert_eq!(head.forward(&x, false).size(), [2, 5, 4]);
}

#[test]
fn seven_channels_cannot_be_split_into_two_heads() {
    let _alone = generator();
    let store = VarStore::new(Device::Cpu);
    for (channels, heads) in [(7, 2), (8, 0), (8, -2), (0, 2)] {
        let refused =
            catch_unwind(|| MultiHeadAttention::new(&store.root(), channels, heads, false, 0.0));
        let complaint = refused.expect_err("refused");
        let expected = format!("{channels} channels do not split into {heads} equal heads");
        assert_eq!(complaint.downcast_ref(), Some(&expected));
    }
    assert!(store.variables().is_empty(), "a refused layer leaves nothing behind");
}

#[test]
fn permuting_the_batch_permutes_the_output() {
    let _alone = generator();
    let layer = multi_head(&VarStore::new(Device::Cpu), 8, 2, 0.0);
    let x = seeded(&[3, 5, 8]);
    let order = Tensor::from_slice(&[2_i64, 0, 1]);
    assert_agree(
        &layer.forward(&x, false).index_select(0, &order),
        &layer.forward(&x.index_select(0, &order), false),
        1e-6,
        "the permuted batch",
    );
}

#[test]
fn one_head_of_many_is_a_single_head_and_its_output_projection() {
    let _alone = generator();
    let (store, single) = (VarStore::new(Device::Cpu), VarStore::new(Device::Cpu));
    tch::manual_seed(1);
    let layer = MultiHeadAttention::new(&store.root(), 8, 1, false, 0.0);
    tch::manual_seed(1);
    let head = CausalHead::new(&single.root(), 8, 8, 0.0);
    let output = Linear::new(&(single.root() / "output"), 8, 8, true);

    let x = seeded(&[2, 5, 8]);
    assert_agree(
        &layer.forward(&x, false),
        &output.forward(&head.forward(&x, false)),
        1e-6,
        "one head of many",
    );
}

#[test]
fn many_heads_are_single_heads_on_slices_of_the_weights() {
    let _alone = generator();
    let store = VarStore::new(Device::Cpu);
    let layer = MultiHeadAttention::new(&store.root(), 8, 2, false, 0.0);
    let variables = store.variables();
    let x = seeded(&[2, 5, 8]);
    let heads = [0, 1].map(|head| {
        let [q, k, v] = ["query", "key", "value"].map(|name| {
            let slice = variables[&format!("{name}.weight")].narrow(0, 4 * head, 4); // [D, C]
            x.matmul(&slice.tr())
        });
        attend(&q, &k, &v, 0.0, false)
    });
    let side_by_side = Tensor::cat(&heads, -1); // [B, T, C]
    let by_hand = side_by_side.matmul(&variables["output.weight"].tr()) + &variables["output.bias"];
    assert_agree(&layer.forward(&x, false), &by_hand, 1e-6, "two heads");
}

/// Two heads of four channels whose projections pass on what they are given.
fn passing_on() -> MultiHeadAttention {
    let store = VarStore::new(Device::Cpu);
    let layer = multi_head(&store, 8, 2, 0.0);
    tch::no_grad(|| {
        for (name, mut tensor) in store.variables() {
            let (is_weight, size) = (name.ends_with("weight"), tensor.size());
            tensor.copy_(&if is_weight { Tensor::eye(8, CPU) } else { Tensor::zeros(size, CPU) });
        }
    });
    layer
}

#[test]
fn each_head_gets_its_own_channels() {
    let _alone = generator();
    let x = seeded(&[2, 5, 8]);
    let (q, k, v) = passing_on().project(&x);
    for projected in [q, k, v] {
        for head in [0, 1] {
            assert_agree(
                &projected.select(1, head),
                &x.narrow(2, 4 * head, 4),
                0.0,
                &format!("head {head}"),
            );
        }
    }
}

#[test]
fn merging_undoes_the_split() {
    let _alone = generator();
    let layer = passing_on();
    // Every position says the same, so that whatever the weights are, the mixture is what each says.
    let x = seeded(&[2, 1, 8]).expand([2, 5, 8], false).contiguous();
    let (q, k, v) = layer.project(&x);
    assert_agree(&layer.mix(&q, &k, &v, false), &x, 1e-6, "what was split and merged");
}

#[test]
fn dropout_acts_in_training_only() {
    let _alone = generator();
    let store = VarStore::new(Device::Cpu);
    let (layer, head) =
        (multi_head(&store, 8, 2, 0.5), CausalHead::new(&(store.root() / "head"), 8, 4, 0.5));
    let x = seeded(&[2, 5, 8]);
    let layers: [(&str, &dyn Fn(bool) -> Tensor); 2] =
        [("layer", &|train| layer.forward(&x, train)), ("head", &|train| head.forward(&x, train))];
    for (name, pass) in layers {
        assert_eq!(pass(false), pass(false), "{name}: two passes outside training differ");
        let gap = largest_difference(&pass(true), &pass(true));
        assert!(
            gap > 1e-3,
            "{name}: two passes in training dropped the same: largest difference {gap:e}"
        );
    }
}

#[test]
fn a_head_drops_weights_in_training_only() {
    let _alone = generator();
    let head = CausalHead::new(&VarStore::new(Device::Cpu).root(), 8, 4, 0.5);
    let x = seeded(&[2, 5, 8]);
    let (q, k, v) = head.project(&x);
    let whole = attend(&q, &k, &v, 0.0, false);
    assert_agree(&head.forward(&x, false), &whole, 0.0, "something was dropped");
    assert_ne!(head.forward(&x, true), whole, "in training nothing was dropped");
}

#[test]
fn dropout_acts_on_the_weights_and_not_on_the_mixture() {
    let _alone = generator();
    // Two channels with the same values: a dropped weight is missing from both, a dropped output would be from one.
    let (q, k) = (seeded(&[50, 4]), seeded(&[50, 4]).flip([0]));
    let v = seeded(&[50, 1]).expand([50, 2], false);
    let mixed = attend(&q, &k, &v, 0.5, true);
    assert_agree(&mixed.select(1, 0), &mixed.select(1, 1), 0.0, "two channels of equal values");
    // Ones as values: the output is the sum of the weights that are left, doubled. Only a full row sums to 2 or to 0.
    let sums = attend(&q, &k, &Tensor::ones([50, 1], CPU), 0.5, true);
    let between = sums.gt(1e-3).logical_and(&sums.lt(2.0 - 1e-3)).sum(Kind::Int64).int64_value(&[]);
    assert!(between > 40, "only {between} of 50 rows lost a part of their weight");
}

#[test]
fn attention_drops_nothing_outside_training() {
    let _alone = generator();
    let (q, k) = (seeded(&[5, 4]), seeded(&[5, 4]).flip([-1]));
    let whole = attend(&q, &k, &q, 0.0, true);
    assert_agree(&attend(&q, &k, &q, 0.5, false), &whole, 0.0, "something was dropped");
    assert_ne!(attend(&q, &k, &q, 0.5, true), whole, "in training nothing was dropped");
}

#[test]
fn the_last_queries_read_what_they_would_read_in_the_whole_text() {
    let _alone = generator();
    let (q, k, v) =
        (seeded(&[2, 2, 7, 4]), seeded(&[2, 2, 7, 4]).flip([-1]), seeded(&[2, 2, 7, 4]).flip([2]));
    let whole = attend(&q, &k, &v, 0.0, false);
    for queries in [1, 3, 7] {
        let last = attend(&q.narrow(2, 7 - queries, queries), &k, &v, 0.0, false);
        assert_agree(
            &whole.narrow(2, 7 - queries, queries),
            &last,
            1e-6,
            &format!("{queries} queries"),
        );
    }
}

#[test]
#[should_panic(expected = "5 queries cannot stand at the end of 3 keys")]
fn more_queries_than_keys_are_refused() {
    let of_length = |t| Tensor::zeros([t, 4], CPU);
    let _ = attend_fused(&of_length(5), &of_length(3), &of_length(3));
}

#[test]
#[should_panic(expected = "x must be [B, T, C], got [5, 8]")]
fn an_input_without_a_batch_is_refused_by_its_shape() {
    let _alone = generator();
    let _ = multi_head(&VarStore::new(Device::Cpu), 8, 2, 0.0).forward(&seeded(&[5, 8]), false);
}
