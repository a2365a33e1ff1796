//! `test`: every test of the workspace.
//!
//! A test that needs what a clone does not bring (`../shared/data`, or the folder that `GPT2_DATA` names; a Python with
//! PyTorch, which `GPT2_PYTHON` names) prints one line `skipped: …` and returns. With `--require-data` the variable
//! `GPT2_REQUIRE_DATA=1` is set, and such a test panics instead; the one of llama.cpp, which is compiled for minutes, does not. Those of
//! the page need a browser and others' clients, and have a switch of their own: `--require-browser` sets `GPT2_REQUIRE_BROWSER=1`.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::reference;
use crate::run::{cargo, pass_through};
use xtask::setup;

/// Runs `cargo test --workspace` with the given further arguments.
pub fn run(
    root: &Path,
    require_data: bool,
    require_browser: bool,
    arguments: &[String],
) -> Result<()> {
    setup::ensure(root)?;
    let mut command = command(root, require_data, arguments);
    if require_browser {
        command.env("GPT2_REQUIRE_BROWSER", "1");
    }
    pass_through(&mut command)
}

fn command(root: &Path, require_data: bool, arguments: &[String]) -> Command {
    let mut command = cargo(root);
    command.arg("test");
    // Beside --workspace cargo would pass over the choice of a package.
    let chooses_package =
        |argument: &String| argument.starts_with("-p") || argument.starts_with("--package");
    if !arguments.iter().take_while(|argument| *argument != "--").any(chooses_package) {
        command.arg("--workspace");
    }
    command.args(arguments);
    // Tests run in the folder of their crate, so a relative path would lead elsewhere.
    let data = env::var_os("GPT2_DATA")
        .map_or_else(|| root.join("../shared/data"), |path| root.join(path));
    if let Ok(data) = data.canonicalize() {
        command.env("GPT2_DATA", data);
    }
    if let Some(python) = reference::interpreter(root) {
        command.env("GPT2_PYTHON", root.join(python));
    }
    if require_data {
        command.env("GPT2_REQUIRE_DATA", "1");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_workspace_is_tested_unless_a_package_is_chosen() {
        let words = |arguments: &[&str]| {
            let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
            crate::run::words(&command(Path::new("."), false, &arguments))
        };
        assert!(words(&[]).ends_with(" test --workspace"));
        assert!(words(&["mask", "--", "-p"]).ends_with(" test --workspace mask -- -p"));
        assert!(words(&["--package", "model"]).ends_with(" test --package model"));
    }

    #[test]
    fn requiring_data_is_told_to_the_tests_by_a_variable() {
        let required = |require_data| {
            let command =
                command(Path::new("."), require_data, &["-p".to_owned(), "model".to_owned()]);
            assert!(
                crate::run::words(&command).ends_with(" test -p model"),
                "{}",
                crate::run::words(&command)
            );
            command.get_envs().any(|(name, value)| {
                name == "GPT2_REQUIRE_DATA" && value.is_some_and(|value| value == "1")
            })
        };
        assert!(required(true));
        assert!(!required(false));
    }
}
