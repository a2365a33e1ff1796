//! What must hold whatever the weights are.

use model::{
    cache::Cache,
    config::{Gelu, Gpt2Config},
    format,
    generate::{CachedModel, Generator, greedy, most_probable},
    gpt2::Gpt2,
};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tch::{Device, Tensor};

/// Sizes that differ from each other, so that swapped axes cannot hide.
const SIZES: Gpt2Config = Gpt2Config {
    vocab_size: 17,
    context: 9,
    channels: 12,
    heads: 3,
    layers: 2,
    hidden: 20,
    dropout: 0.3,
    qkv_bias: true,
    tied: false,
    gelu: Gelu::Tanh,
    norm_epsilon: 1e-5,
};

const TEXT: [i64; 9] = [3, 14, 0, 16, 7, 7, 1, 12, 5];

/// Tests run side by side but libtorch has one random generator: whoever draws holds it alone.
fn generator() -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A model whose every parameter matters: norms and biases are drawn as well.
fn drawn(config: Gpt2Config) -> Gpt2 {
    let _alone = generator();
    tch::set_num_threads(1);
    tch::manual_seed(7);
    let model = Gpt2::new(config, Device::Cpu).expect("possible sizes");
    let _guard = tch::no_grad_guard();
    for (_, mut parameter) in model.parameters() {
        let noise = parameter.randn_like() * 0.2;
        let _ = parameter.g_add_(&noise);
    }
    model
}

fn batch(text: &[i64]) -> Tensor {
    Tensor::from_slice(text).unsqueeze(0) // [1, T]
}

fn largest_difference(one: &Tensor, other: &Tensor) -> f64 {
    assert_eq!(one.size(), other.size());
    (one - other).abs().max().double_value(&[])
}

#[test]
fn later_tokens_cannot_change_earlier_logits() {
    let model = drawn(SIZES);
    let mut edited = TEXT;
    edited[4] = 8;
    for train in [false, true] {
        let logits = |text: &[i64]| {
            let _alone = generator();
            tch::manual_seed(1); // the same activations are dropped
            model.forward(&batch(text), train)
        };
        let (before, after) = (logits(&TEXT), logits(&edited));
        assert_eq!(
            before.narrow(1, 0, 4),
            after.narrow(1, 0, 4),
            "the past changed, training {train}"
        );
        for position in 4..9 {
            let gap = largest_difference(&before.select(1, position), &after.select(1, position));
            assert!(gap > 1e-4, "the edit did nothing at position {position}, training {train}");
        }
    }
}

#[test]
fn a_text_is_scored_alike_alone_and_in_a_batch() {
    let model = drawn(SIZES);
    let rows = [TEXT, [9, 9, 9, 1, 2, 3, 4, 5, 6], [0; 9]];
    let together = model.forward(&Tensor::from_slice2(&rows), false); // [B, T, V]
    assert_eq!(together.size(), [3, 9, 17]);
    for (row, text) in rows.iter().enumerate() {
        let gap = largest_difference(
            &together.get(row as i64),
            &model.forward(&batch(text), false).get(0),
        );
        assert!(gap < 1e-5, "row {row}: largest difference {gap:e}");
    }
}

#[test]
fn the_same_token_is_scored_otherwise_at_another_position() {
    let model = drawn(SIZES);
    let logits = model.forward(&batch(&[5, 5]), false);
    assert!(
        largest_difference(&logits.select(1, 0), &logits.select(1, 1)) > 1e-3,
        "positions do not count"
    );
}

#[test]
fn dropout_acts_in_training_alone() {
    let model = drawn(SIZES);
    let logits = |train| model.forward(&batch(&TEXT), train);
    assert_eq!(logits(false), logits(false));
    {
        let _alone = generator();
        assert_ne!(logits(true), logits(true));
    }
    let model = drawn(Gpt2Config { dropout: 0.0, ..SIZES });
    let gap = largest_difference(
        &model.forward(&batch(&TEXT), true),
        &model.forward(&batch(&TEXT), false),
    );
    assert!(gap < 1e-6, "nothing is dropped, yet training differs by {gap:e}");
}

/// The logits of the successor of the last position, `[B, V]`.
fn last_logits(model: &Gpt2, ids: &Tensor, cache: &mut Cache) -> Tensor {
    model.logits(&model.hidden(ids, Some(cache), false).select(1, -1))
}

#[test]
fn a_cache_gives_the_logits_of_a_full_pass_however_the_text_is_cut() {
    let model = drawn(SIZES);
    let full = model.forward(&batch(&TEXT), false).squeeze_dim(0); // [T, V]
    let mut cache = Cache::new(&SIZES, 1, Device::Cpu);
    // Each bit says whether the text is cut after that position: all 256 ways to read nine tokens in pieces.
    for cuts in 0..256_u32 {
        cache.clear();
        let mut start = 0;
        for end in 1..=9 {
            if end < 9 && cuts >> (end - 1) & 1 == 0 {
                continue;
            }
            let last = last_logits(&model, &batch(&TEXT[start..end]), &mut cache).squeeze_dim(0); // [V]
            let gap = largest_difference(&last, &full.get(end as i64 - 1));
            assert!(gap < 1e-5, "cuts {cuts:b}, position {}: largest difference {gap:e}", end - 1);
            assert_eq!(cache.filled(), end as i64);
            start = end;
        }
    }
}

#[test]
fn a_cache_holds_several_texts_apart() {
    let model = drawn(SIZES);
    let rows = Tensor::from_slice2(&[TEXT, [9, 9, 9, 1, 2, 3, 4, 5, 6]]); // [B, T]
    let mut cache = Cache::new(&SIZES, 2, Device::Cpu);
    let full = model.forward(&rows, false); // [B, T, V]
    for (first, count) in [(0, 5), (5, 1), (6, 3)] {
        let last = last_logits(&model, &rows.narrow(1, first, count), &mut cache); // [B, V]
        let gap = largest_difference(&last, &full.select(1, first + count - 1));
        assert!(gap < 1e-5, "positions from {first}: largest difference {gap:e}");
    }
}

#[test]
fn a_cache_keeps_no_gradient() {
    let model = drawn(SIZES);
    let mut cache = Cache::new(&SIZES, 1, Device::Cpu);
    let _ = model.hidden(&batch(&TEXT[..4]), Some(&mut cache), true);
    let later = model.hidden(&batch(&TEXT[4..5]), Some(&mut cache), true);
    later.sum(tch::Kind::Float).backward();
    let positions = model.store.variables()["position.weight"].grad();
    let of_stored = positions.narrow(0, 0, 4).abs().max().double_value(&[]);
    assert!(
        of_stored.abs() < f64::MIN_POSITIVE,
        "a gradient reached what is stored: {of_stored:e}"
    );
    assert!(positions.get(4).abs().max().double_value(&[]) > 0.0, "of the new position");
}

#[test]
#[should_panic(expected = "texts, heads and their width differ from the cache's")]
fn a_cache_for_two_texts_refuses_one() {
    let mut cache = Cache::new(&SIZES, 2, Device::Cpu);
    let _ = last_logits(&drawn(SIZES), &batch(&TEXT), &mut cache);
}

#[test]
#[should_panic(expected = "10 positions do not fit into a context of 9")]
fn a_full_cache_refuses_another_position() {
    let (model, mut cache) = (drawn(SIZES), Cache::new(&SIZES, 1, Device::Cpu));
    let _ = last_logits(&model, &batch(&TEXT), &mut cache);
    let _ = last_logits(&model, &batch(&[1]), &mut cache);
}

#[test]
#[should_panic(expected = "id 17 is outside the vocabulary of 17 entries")]
fn an_id_beyond_the_vocabulary_is_named() {
    let _ = drawn(SIZES).forward(&batch(&[0, 17, 1]), false);
}

#[test]
fn every_impossible_input_is_refused_by_name() {
    let model = drawn(SIZES);
    let complaint =
        |ids: &Tensor, known| model.check_ids(ids, known).expect_err("a refusal").to_string();
    assert_eq!(complaint(&batch(&[0, -1]), 0), "id -1 is outside the vocabulary of 17 entries");
    assert_eq!(complaint(&batch(&[0; 10]), 0), "10 positions do not fit into a context of 9");
    assert_eq!(complaint(&batch(&[0; 3]), 7), "10 positions do not fit into a context of 9");
    assert_eq!(complaint(&Tensor::from_slice(&[1_i64, 2]), 0), "ids must be [B, T], got [2]");
    assert_eq!(complaint(&batch(&[]), 0), "there must be at least one id, got [1, 0]");
    let floats = Tensor::from_slice(&[1.0_f32]).unsqueeze(0);
    assert_eq!(complaint(&floats, 0), "ids must be 64-bit whole numbers, got Float");
    assert!(model.check_ids(&batch(&[16; 2]), 7).is_ok());
}

#[test]
fn a_writer_with_a_cache_writes_what_greedy_writes() {
    let model = drawn(SIZES);
    for prompt in 1..=8 {
        let new = 9 - prompt;
        let text = greedy(&model, &TEXT[..prompt], new);
        let mut reader = CachedModel::new(&model);
        let writer = Generator::new(&mut reader, &TEXT[..prompt], most_probable).expect("a prompt");
        assert_eq!(writer.take(new).collect::<Vec<_>>(), text[prompt..], "after {prompt} tokens");
    }
}

#[test]
fn beyond_the_context_a_writer_goes_on_from_the_later_half() {
    let model = drawn(SIZES);
    let prompt: Vec<i64> = (0..11).map(|id| id % 17).collect();
    let written: Vec<i64> = Generator::new(&mut CachedModel::new(&model), &prompt, most_probable)
        .expect("a prompt")
        .take(30)
        .collect();

    let mut visible = prompt[2..].to_vec(); // the last 9
    for (step, &id) in written.iter().enumerate() {
        if visible.len() > 9 {
            visible = visible[visible.len() - 5..].to_vec();
        }
        let logits = model.forward(&batch(&visible), false); // [1, T, V]
        assert_eq!(id, most_probable(&logits.select(1, -1).squeeze_dim(0)), "step {step}");
        visible.push(id);
    }
}

#[test]
fn greedy_sees_the_last_tokens_of_a_long_text() {
    let model = drawn(SIZES);
    // Several texts, as one token may be the answer to two of them.
    for start in 0..8 {
        let long: Vec<i64> = (start..start + 20).map(|id| id * id % 17).collect();
        assert_eq!(greedy(&model, &long, 4)[20..], greedy(&model, &long[11..], 4)[9..], "{start}");
    }
}

#[test]
fn an_impossible_prompt_is_refused_by_name() {
    let model = drawn(SIZES);
    let complaint = |prompt: &[i64]| {
        Generator::new(&mut CachedModel::new(&model), prompt, most_probable)
            .err()
            .expect("a refusal")
            .to_string()
    };
    assert_eq!(complaint(&[]), "the prompt has no token; give at least one");
    assert_eq!(complaint(&[1, 99]), "id 99 is outside the vocabulary of 17 entries");
}

#[test]
fn a_saved_model_comes_back_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // The large one has matrices that are read in several pieces.
    let large = Gpt2Config { vocab_size: 300, channels: 120, hidden: 300, layers: 1, ..SIZES };
    for (qkv_bias, tied, gelu, sizes) in [
        (true, true, Gelu::Tanh, SIZES),
        (true, false, Gelu::Exact, SIZES),
        (false, true, Gelu::Exact, SIZES),
        (false, false, Gelu::Tanh, SIZES),
        (true, false, Gelu::Tanh, large),
    ] {
        let model = drawn(Gpt2Config { qkv_bias, tied, gelu, ..sizes });
        format::save(folder.path(), &model).expect("room on the disk");
        let loaded = format::load(folder.path(), Device::Cpu).expect("what was saved");
        assert_eq!(loaded.config, model.config);
        let (ours, theirs) = (model.parameters(), loaded.parameters());
        assert_eq!(ours.len(), theirs.len());
        for ((name, ours), (_, theirs)) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{name}");
            assert!(theirs.is_contiguous() && theirs.requires_grad(), "{name}");
        }
        assert_eq!(model.forward(&batch(&TEXT), false), loaded.forward(&batch(&TEXT), false));
    }
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .flatten()
        .map(|file| file.file_name())
        .collect();
    assert_eq!(left.len(), 2, "only the weights and the configuration stay: {left:?}");
}

#[test]
fn a_mapped_model_is_the_saved_one_and_stays_it_when_another_takes_its_place() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (qkv_bias, tied) in [(true, true), (false, false)] {
        let model = drawn(Gpt2Config { qkv_bias, tied, dropout: 0.0, ..SIZES });
        format::save(folder.path(), &model).expect("room on the disk");
        let bytes = std::fs::read(folder.path().join(format::WEIGHTS)).expect("a written file");
        let mapped = format::map(folder.path()).expect("what was saved");
        let first = &mapped.parameters()[0].1;
        let _ = tch::no_grad(|| first.get(0).fill_(7.0));
        assert_eq!(
            std::fs::read(folder.path().join(format::WEIGHTS)).expect("still there"),
            bytes,
            "a change of a mapped weight reaches the file"
        );
        tch::no_grad(|| first.get(0).copy_(&model.parameters()[0].1.get(0)));

        let other = Gpt2::new(model.config, Device::Cpu).expect("possible sizes");
        format::save(folder.path(), &other).expect("room on the disk");
        for ((name, ours), (_, theirs)) in model.parameters().iter().zip(&mapped.parameters()) {
            assert_eq!(ours, theirs, "{name}");
        }
        let gap = largest_difference(
            &model.forward(&batch(&TEXT), false),
            &mapped.forward(&batch(&TEXT), false),
        );
        assert!(gap < 1e-6, "largest difference {gap:e}");
    }
}

#[test]
fn parameters_stand_in_the_order_of_construction_after_new_and_after_load() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (qkv_bias, tied) in [(true, true), (false, false)] {
        let config = Gpt2Config { qkv_bias, tied, ..SIZES };
        let model = drawn(config);
        format::save(folder.path(), &model).expect("room on the disk");
        let loaded = format::load(folder.path(), Device::Cpu).expect("what was saved");
        for model in [model, loaded] {
            let named = model.parameters();
            let shapes: Vec<_> =
                named.iter().map(|(name, parameter)| (name.clone(), parameter.size())).collect();
            let expected: Vec<_> = format::origins(&config)
                .into_iter()
                .map(|origin| (origin.ours, origin.shape))
                .collect();
            assert_eq!(shapes, expected);
            let trained = model.store.trainable_variables();
            assert_eq!(trained.len(), named.len());
            for ((name, parameter), variable) in named.iter().zip(&trained) {
                assert_eq!(
                    parameter.data_ptr(),
                    variable.data_ptr(),
                    "{name} is drawn at another place"
                );
            }
            assert_eq!(
                trained.iter().map(Tensor::numel).sum::<usize>() as i64,
                config.parameters()
            );
        }
    }
}

#[test]
fn gradients_reach_every_parameter() {
    for (qkv_bias, tied) in [(true, true), (false, false)] {
        let model = drawn(Gpt2Config { qkv_bias, tied, dropout: 0.0, ..SIZES });
        let logits = model.forward(&batch(&TEXT), true);
        (&logits * &logits).mean(None).backward();
        for (name, parameter) in model.parameters() {
            let largest = parameter.grad().abs().max().double_value(&[]);
            // A bias of all keys adds the same to every score of a row, and softmax does not see it.
            assert!(largest > 1e-6 || name.ends_with("key.bias"), "{name}: {largest:e}");
        }
    }
}

#[test]
fn weights_start_as_gpt2_started() {
    let config = Gpt2Config {
        vocab_size: 500,
        context: 64,
        channels: 64,
        heads: 4,
        hidden: 256,
        layers: 8,
        ..SIZES
    };
    let model = drawn(config);
    let start = || {
        let _alone = generator();
        tch::manual_seed(3);
        model.initialize_as_gpt2();
        model
            .parameters()
            .into_iter()
            .map(|(name, parameter)| (name, parameter.copy()))
            .collect::<Vec<_>>()
    };
    let parameters = start();
    for (name, parameter) in &parameters {
        let (mean, deviation) =
            (parameter.mean(None).double_value(&[]), parameter.std(false).double_value(&[]));
        let (wanted_mean, wanted) = match (parameter.dim(), &name[..]) {
            (1, name) if name.ends_with("bias") => (0.0, 0.0),
            (1, _) => (1.0, 0.0),
            (_, name) if name.ends_with("output.weight") || name.ends_with("down.weight") => {
                (0.0, 0.02 / 4.0)
            }
            _ => (0.0, 0.02),
        };
        // With 4,096 values and more, the deviation of a sample strays by 1.1 percent, its mean by 1.6 percent of it.
        assert!((deviation - wanted).abs() <= 0.05 * wanted, "{name}: deviation {deviation}");
        assert!((mean - wanted_mean).abs() <= 0.08 * wanted, "{name}: mean {mean}");
    }
    for ((name, first), (_, again)) in parameters.iter().zip(start()) {
        assert_eq!(first, &again, "{name} does not follow from the seed");
    }
}

#[test]
fn a_tied_head_scores_by_the_token_table() {
    let tied = drawn(Gpt2Config { tied: true, ..SIZES });
    let hidden = tied.hidden(&batch(&TEXT), None, false); // [1, T, C]
    let by_hand = hidden.matmul(&tied.parameters()[0].1.tr()); // [1, T, V]
    let gap = largest_difference(&tied.forward(&batch(&TEXT), false), &by_hand);
    assert!(gap < 1e-5, "largest difference {gap:e}");
}
