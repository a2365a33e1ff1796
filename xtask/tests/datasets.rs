//! Datasets are installed from a folder by what is in the files, not by what they are called.

use std::fs;
use std::path::{Path, PathBuf};

use xtask::{datasets, fetch};

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// The public files beside the project, where there are any.
fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("GPT2_DATA")
        .map_or_else(|| xtask::project_root().join("../shared/data"), PathBuf::from);
    if !folder.is_dir() {
        assert!(
            std::env::var_os("GPT2_REQUIRE_DATA").is_none(),
            "{} is not here",
            folder.display()
        );
        println!("skipped: {} is not here", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn files_are_recognized_by_their_hash_whatever_their_name() {
    let Some(shared) = shared() else { return };
    let (root, from) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    fs::create_dir_all(from.path().join("deep/er")).expect("a folder");
    fs::copy(shared.join("text/the-verdict.txt"), from.path().join("deep/er/something.bin"))
        .expect("a copy");
    let mut damaged = fs::read(shared.join("text/peter-rabbit.txt")).expect("a text");
    damaged[100] ^= 1;
    fs::write(from.path().join("peter-rabbit.txt"), damaged).expect("written");

    fetch::run(root.path(), &names(&["the-verdict", "peter-rabbit"]), Some(from.path()))
        .expect("what is missing is no error");
    let verdict =
        datasets::path(root.path(), "the-verdict").expect("a known name").expect("installed");
    assert_eq!(verdict, root.path().join("data/public/the-verdict.txt"));
    assert_eq!(
        datasets::path(root.path(), "peter-rabbit").expect("a known name"),
        None,
        "the damaged one stays out"
    );
}

#[test]
fn all_takes_what_the_folder_holds_and_a_dataset_of_three_files_needs_all_three() {
    let Some(shared) = shared() else { return };
    let root = tempfile::tempdir().expect("a folder");
    fetch::run(root.path(), &names(&["all"]), Some(&shared)).expect("what is missing is no error");
    for name in [
        "peter-rabbit",
        "world-war-i",
        "the-verdict",
        "tiny-shakespeare",
        "tinystories",
        "instruction-data",
        "alpaca-sample",
    ] {
        assert!(datasets::path(root.path(), name).expect("a known name").is_some(), "{name}");
    }
    assert!(root.path().join("data/public/wikitext-2/valid.txt").is_file());
    let all_three = shared.join("text/wikitext2-train.txt").is_file();
    assert_eq!(
        datasets::path(root.path(), "wikitext-2").expect("a known name").is_some(),
        all_three
    );
    fetch::run(root.path(), &names(&["all"]), Some(&shared))
        .expect("a second time changes nothing");
}

#[test]
fn a_folder_that_is_not_there_and_a_name_that_is_unknown_are_errors() {
    let root = tempfile::tempdir().expect("a folder");
    let said = |names: &[&str], from: Option<&Path>| {
        fetch::run(root.path(), &self::names(names), from).expect_err("an error").to_string()
    };
    assert_eq!(
        said(&["all"], Some(Path::new("/no/such"))),
        "--from /no/such: there is no such folder"
    );
    assert!(said(&["gpt3"], None).starts_with("no dataset is called \"gpt3\"; there are"));
}

#[test]
fn a_proxy_that_is_not_there_is_named_in_the_error() {
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir(root.path().join("data")).expect("made");
    fs::write(root.path().join("data/datasets.json"), "").expect("written");
    fs::write(root.path().join("Cargo.toml"), "").expect("written");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"));
    for variable in ["ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(variable);
    }
    let output = command
        .args(["fetch", "alpaca-sample"])
        .current_dir(root.path())
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("refused the connection (asked through the proxy 127.0.0.1:9)"),
        "{said}"
    );
    assert!(!root.path().join("data/public/alpaca-sample.json").exists());
}
