//! Published training runs, repeated draw by draw: our log and PyTorch's.

#[path = "../../embedding/tests/public_data/mod.rs"]
mod public_data;

use embedding::support::texts::{STORY, project_root};
use public_data::public_data;
use std::{
    fs,
    sync::{Mutex, MutexGuard, PoisonError},
};
use train::protocol::{Event, Protocol};

/// libtorch has one generator for all threads: whoever draws from it waits here.
fn generator() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lines of a file without its header.
fn lines(path: &str) -> Vec<String> {
    let text = fs::read_to_string(project_root().join(path)).expect("a committed file");
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// What a run tells, with losses of so many decimals.
fn log(protocol: &Protocol, text: &str, decimals: usize) -> Vec<String> {
    let mut log = Vec::new();
    let tell = |event| {
        log.push(match event {
            Event::Losses { epoch, step, training_loss, validation_loss } => format!(
                "epoch {epoch} step {step} training {training_loss:.decimals$} validation {validation_loss:.decimals$}"
            ),
            sample @ Event::Sample { .. } => sample.to_string(),
        });
    };
    protocol.run(text, tell).expect("a text long enough");
    log
}

#[test]
fn the_books_run_made_small_gives_pytorchs_losses_and_words() {
    let _lock = generator();
    let expected = lines("crates/train/examples/book_protocol.out");
    let ours = log(&Protocol::small(), STORY, 6);
    assert_eq!(ours.len() + 1, expected.len());
    for (ours, theirs) in ours.iter().zip(&expected[1..]) {
        if ours == theirs {
            continue;
        }
        let close = ours.split(' ').zip(theirs.split(' ')).all(|(ours, theirs)| {
            match (ours.parse::<f64>(), theirs.parse::<f64>()) {
                (Ok(ours), Ok(theirs)) => (ours - theirs).abs() <= 1e-3 * theirs.abs(),
                _ => ours == theirs,
            }
        });
        assert!(close, "ours:      {ours}\nPyTorch's: {theirs}");
        println!(
            "not the digits that were committed, but within a thousandth, as on another processor: {ours}"
        );
    }
}

/// The text of a published run, or a skip with one line; with `GPT2_REQUIRE_DATA=1` a skip is a failure.
fn public_text(name: &str) -> Option<String> {
    let path = public_data(&format!("text/{name}"))?;
    Some(fs::read_to_string(path).expect("UTF-8"))
}

/// Runs with the two threads that PyTorch's log was made with, and compares every line.
fn equals_log(protocol: &Protocol, text: &str, path: &str) {
    let _lock = generator();
    tch::set_num_threads(2);
    assert_eq!(log(protocol, text, 3), lines(path));
}

#[test]
#[ignore = "ten epochs of the 124M model take several minutes and 4 GB"]
fn the_books_ten_epochs_equal_pytorchs_in_every_line() {
    let Some(text) = public_text("the-verdict.txt") else { return };
    equals_log(&Protocol::book(), &text, "data/reference/book_the-verdict.log");
}

#[test]
#[ignore = "two epochs of the 124M model take several minutes and 4 GB"]
fn the_articles_first_two_epochs_equal_pytorchs_in_every_line() {
    let Some(text) = public_text("world-war-i.txt") else { return };
    equals_log(
        &Protocol { epochs: 2, ..Protocol::article() },
        &text,
        "data/reference/article_world-war-i.log",
    );
}
