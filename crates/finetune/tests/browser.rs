//! The page in a real browser, used as a person would. Needs Chromium, Node.js and `playwright-core`, which no other test does.

use embedding::support::texts::project_root;
use finetune::export;
use model::{config::Gpt2Config, gpt2::Gpt2};
use serde_json::{Value, json};
use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tch::Device;

/// A process that ends with this value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The module that drives a browser, and the browser; or a skip with one line, which `cargo xtask test --require-browser` makes a failure.
fn browser() -> Option<(PathBuf, PathBuf)> {
    let module = project_root().join(".browser/node_modules/playwright-core/index.mjs");
    let module = env::var_os("GPT2_PLAYWRIGHT").map_or(module, PathBuf::from);
    let folders = env::var_os("PATH").unwrap_or_default();
    let find = |name: &str| {
        env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
    };
    let chromium = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(find);
    let found = chromium.filter(|_| module.is_file() && find("node").is_some());
    if found.is_none() {
        let missing = "Chromium, Node.js or playwright-core is missing (`apt install chromium nodejs npm` and `npm install --prefix .browser playwright-core`)";
        assert!(env::var_os("GPT2_REQUIRE_BROWSER").is_none(), "{missing}");
        eprintln!("skipped: {missing}");
    }
    Some((module, found?))
}

fn finetune(words: &[&str], weights: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_finetune"));
    command.args(words).arg("--weights").arg(weights);
    command
}

#[test]
fn a_person_can_write_branch_look_compare_and_watch_and_the_page_asks_nobody_else() {
    let Some((module, chromium)) = browser() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let config = Gpt2Config {
        context: 64,
        channels: 8,
        heads: 2,
        layers: 3,
        hidden: 32,
        ..Gpt2Config::SMALL
    };
    let model = Gpt2::new(config, Device::Cpu).expect("a possible model");
    model.initialize_as_gpt2();
    export::export(folder.path(), &model).expect("a writable folder");
    let file = folder.path().join("page.html");
    let mut written = finetune(
        &["inspect", "--prompt", "It <b>slept</b>.", "--out", &file.display().to_string()],
        folder.path(),
    );
    assert!(written.status().expect("the command runs").success());

    let mut server =
        finetune(&["serve", "--port", "0", "--threads", "1", "--path", "lesson"], folder.path());
    let mut server = Ended(server.stdout(Stdio::piped()).spawn().expect("the command runs"));
    // Kept open: what a server says to nobody ends it.
    let mut printed = BufReader::new(server.0.stdout.take().expect("piped"));
    let mut line = String::new();
    printed.read_line(&mut line).expect("a line");
    let address = line.split_whitespace().nth(1).expect("an address");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/page.mjs");
    let mut command = Command::new("node");
    command.args([&script, &module, &chromium]).arg(address).arg(&file);
    let output = command.args(env::var_os("GPT2_PICTURES")).output().expect("Node.js runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let seen: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    let expected = json!({
        "errors": [], "foreign": [], "tokens": 12, "alternatives": 10, "redrawn": true, "greedy": "100 %", "branches": 2, "keyboard": 1,
        "heads": 6, "head": "Block 3, head 2", "depths": 5, "readers": 8, "ranks": 10, "alone": 6, "lines": seen["lines"],
        "lookedAt": "Below is an inst", // a folder of ours is asked in the form of an instruction
    });
    assert_eq!(seen, expected);
    assert!(seen["lines"].as_u64().is_some_and(|lines| lines > 1), "{seen}");
}
