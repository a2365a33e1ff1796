//! Against other programs: PyTorch's and Python's draws (`data/reference/loader_order.py`) and tiktoken-rs' ids.

mod public_data;

use std::fs;
use std::sync::{Mutex, MutexGuard};

use embedding::bpe::{BytePairEncoder, END_OF_TEXT};
use embedding::embed::Embedding;
use embedding::fast::{FastEncoder, agrees_with_lesson};
use embedding::loader::Loader;
use embedding::support::generators::{Libtorch, python};
use embedding::support::sample::python_sample;
use embedding::support::texts::{PROSE, STORY, project_root};
use public_data::public_data;
use serde_json::Value;
use tch::{Device, Kind, Tensor, nn::VarStore};

/// libtorch has one generator for all threads, so tests that seed it take turns.
fn seeded(seed: i64) -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    tch::manual_seed(seed);
    turn
}

fn next_draw() -> i64 {
    Tensor::empty([], (Kind::Int64, Device::Cpu)).random_().int64_value(&[])
}

fn expected(list: &str) -> Vec<Value> {
    let path = project_root().join("data/reference/loader_order.json");
    let text = fs::read_to_string(path).expect("a committed file");
    let values: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(values["versions"]["torch"], "2.13.0");
    values[list].as_array().expect("a list").clone()
}

fn size(value: &Value) -> usize {
    value.as_u64().expect("a whole number") as usize
}

fn sizes(value: &Value) -> Vec<usize> {
    value.as_array().expect("a list").iter().map(size).collect()
}

#[test]
fn passes_deal_out_the_batches_that_pytorch_does_and_draw_as_often() {
    for case in expected("passes") {
        let _turn = seeded(123);
        let flag = |name: &str| case[name].as_bool().expect("a flag");
        let loader = Loader::new(
            size(&case["items"]),
            size(&case["batch_size"]),
            flag("shuffled"),
            flag("complete_only"),
        )
        .expect("a loader that works");

        let first: Vec<_> = loader.pass(Libtorch).collect();
        let first_expected: Vec<_> =
            case["first_pass"].as_array().expect("batches").iter().map(sizes).collect();
        assert_eq!(first, first_expected, "{} items", case["items"]);
        assert_eq!(
            next_draw(),
            case["after_first_pass"],
            "draws of a whole pass over {} items",
            case["items"]
        );

        let second = loader.pass(Libtorch).next().expect("a batch");
        assert_eq!(second, sizes(&case["first_batch_of_second_pass"]));
        assert_eq!(next_draw(), case["after_that"], "draws of a pass left after one batch");

        let _ = loader.pass(Libtorch);
        assert_eq!(
            next_draw(),
            case["after_a_pass_without_a_batch"],
            "draws of a pass without a batch"
        );
    }
}

#[test]
fn samples_pick_what_python_picks_in_its_order() {
    for case in expected("samples") {
        let seed = case["seed"].as_u64().expect("a seed");
        let picked = python_sample(&mut python(seed), size(&case["items"]), size(&case["size"]))
            .expect("fewer than there are");
        assert_eq!(
            picked,
            sizes(&case["picked"]),
            "seed {seed}: {} of {}",
            case["size"],
            case["items"]
        );
    }
}

#[test]
fn embedding_tables_hold_the_values_that_pytorch_draws() {
    for case in expected("embeddings") {
        let _turn = seeded(123);
        let store = VarStore::new(Device::Cpu);
        let (rows, channels) = (size(&case["rows"]) as i64, size(&case["channels"]) as i64);
        let weight = Embedding::new(&store.root(), rows, channels).weight.flatten(0, 1);
        let count = rows * channels;
        for (name, start) in [("first", 0), ("last", count - 4)] {
            let ours = Vec::<f32>::try_from(weight.narrow(0, start, 4)).expect("a vector");
            let theirs: Vec<f32> = case[name]
                .as_array()
                .expect("values")
                .iter()
                .map(|v| v.as_f64().expect("a value") as f32)
                .collect();
            for (ours, theirs) in ours.iter().zip(theirs) {
                // The last bits depend on the processor's vector instructions.
                assert!(
                    (ours - theirs).abs() < 1e-6,
                    "{rows} x {channels}, {name}: {ours} is not {theirs}"
                );
            }
        }
        assert_eq!(next_draw(), case["after"], "draws of a {rows} x {channels} table");
    }
}

fn assert_equal_to_tiktoken(text: &str, name: &str) {
    assert_fast_equal_to_tiktoken(text, name);
    let ids = BytePairEncoder::gpt2().encode(text);
    assert!(ids == FastEncoder::gpt2().encode(text), "{name} is encoded otherwise by the lesson");
}

fn assert_fast_equal_to_tiktoken(text: &str, name: &str) {
    let ids = FastEncoder::gpt2().encode(text);
    let official = tiktoken_rs::r50k_base_singleton().encode_ordinary(text);
    assert!(
        ids.iter().copied().eq(official.into_iter().map(i64::from)),
        "{name} is encoded otherwise"
    );
    let decoded = BytePairEncoder::gpt2().decode(&ids).expect("its own ids");
    assert!(decoded == text, "{name} does not come back");
}

#[test]
fn the_embedded_texts_are_encoded_as_tiktoken_encodes_them() {
    assert_equal_to_tiktoken(STORY, "the story");
    assert_equal_to_tiktoken(PROSE, "the prose");
    assert_equal_to_tiktoken(&"<|endoftext|>".repeat(10), "the end token's characters");
}

#[test]
fn the_fast_encoder_proves_itself_and_one_with_other_pieces_does_not() {
    let lesson = BytePairEncoder::gpt2();
    agrees_with_lesson(FastEncoder::gpt2(), lesson).expect("the same ids");
    let other = FastEncoder::new(&BytePairEncoder::train("Once upon a time", 3));
    let error = agrees_with_lesson(&other, lesson).expect_err("other ids").to_string();
    assert_eq!(
        error,
        "the fast encoder gives id 79 at place 0 of a text of odd characters, the lesson 7454"
    );
}

#[test]
fn every_piece_of_gpt2_that_is_text_is_encoded_as_tiktoken_encodes_it() {
    let encoder = BytePairEncoder::gpt2();
    for id in 0..END_OF_TEXT {
        if let Ok(text) = str::from_utf8(encoder.piece(id).expect("an id")) {
            assert_equal_to_tiktoken(text, text);
        }
    }
}

#[test]
fn characters_of_every_class_are_encoded_as_tiktoken_encodes_them() {
    // Between letters, whitespace and digits, so that a character of a misjudged class shows. Beyond plane 3, only plane 14 has
    // characters with a class of their own.
    let around = |c: char| ['a', c, 'b', ' ', c, c, '1', c, '\n'];
    let codes = (0..0x4_0000).chain(0xE_0000..0xE_1000);
    let all: String = codes.filter_map(char::from_u32).flat_map(around).collect();
    assert_equal_to_tiktoken(&all, "the list of characters");
}

/// What has brought tokenizers to a panic, tiktoken-rs among them, or to minutes.
#[test]
fn a_million_equal_characters_are_encoded_in_seconds_by_the_fast_encoder() {
    for repeated in [" ", "^", "\n", "\t ", "a", "'s", "e\u{301}", "\u{1f468}\u{200d}"] {
        let text = |bytes: usize| format!("a{}b", repeated.repeat(bytes / repeated.len()));
        assert_fast_equal_to_tiktoken(
            &text(10_000),
            &format!("ten thousand bytes of {repeated:?}"),
        );
        let million = text(1_000_000);
        let ids = FastEncoder::gpt2().encode(&million);
        assert!(BytePairEncoder::gpt2().decode(&ids).expect("its own ids") == million);
    }
}

#[test]
fn words_of_a_million_letters_are_encoded_in_seconds_by_the_fast_encoder() {
    assert_fast_equal_to_tiktoken(&" ".repeat(1_000_000), "a million spaces");
    assert_fast_equal_to_tiktoken(
        &"abcdefghijklmnopqrstuvwxyz".repeat(40_000),
        "a million letters",
    );
}

#[test]
fn real_texts_are_encoded_as_tiktoken_encodes_them() {
    let Some(folder) = public_data("text") else { return };
    for name in [
        "peter-rabbit",
        "world-war-i",
        "the-verdict",
        "tiny-shakespeare",
        "tinystories-2MiB",
        "wikitext2-test",
    ] {
        let bytes =
            fs::read(folder.join(format!("{name}.txt"))).expect("a file of the shared data");
        assert_equal_to_tiktoken(&String::from_utf8_lossy(&bytes), name);
    }
}
