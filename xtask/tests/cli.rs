//! The command line of `cargo xtask`: what it says and how it ends.

use std::process::{Command, Output, Stdio};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const COMMANDS: [&str; 12] = [
    "setup",
    "doctor",
    "fetch",
    "chapter",
    "test",
    "reference",
    "weave",
    "lint",
    "ledger",
    "book",
    "learn",
    "ci",
];

#[test]
fn every_help_fits_a_screen_and_ends_with_an_example() {
    for command in COMMANDS.iter().map(|&command| vec![command, "--help"]).chain([vec!["--help"]]) {
        let output = xtask(&command);
        assert_eq!(output.status.code(), Some(0), "{command:?}");
        let help = String::from_utf8_lossy(&output.stdout);
        assert!(help.lines().count() <= 30, "{command:?} takes {} lines", help.lines().count());
        assert!(
            help.lines().all(|line| line.chars().count() <= 120),
            "{command:?} has a line over 120 characters"
        );
        let example = help.trim_end().lines().next_back().unwrap_or_default();
        assert!(example.contains("cargo xtask "), "{command:?} ends with {example:?}");
    }
}

#[test]
fn an_unknown_chapter_lists_the_valid_ones_and_is_a_failure() {
    let output = xtask(&["chapter", "6"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("1 (embedding), 2 (attention)"), "{}", stderr(&output));
}

#[test]
fn an_unknown_demo_lists_the_valid_ones_and_is_a_failure() {
    for command in [&["chapter", "2", "causal_musk"][..], &["reference", "causal_musk"]] {
        let output = xtask(command);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(
            stderr(&output).contains("causal_mask, dropout"),
            "{command:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_wrong_usage_is_told_apart_from_a_failure() {
    for command in [&["chapter"][..], &["chapters", "1"], &["weave", "--chekc"], &["fetch"], &[]] {
        assert_eq!(xtask(command).status.code(), Some(2), "{command:?}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_program_without_a_word() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("lint").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}
