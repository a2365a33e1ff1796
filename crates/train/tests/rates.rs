//! That the rates which nobody chose let no loss leap.

#[path = "../../embedding/tests/public_data/mod.rs"]
mod public_data;

use public_data::public_data;
use std::{fs, process::Command};
use train::metrics::{self, Line};

/// At the rate for four times as many tokens, 2e-3, the loss of these runs rises by 6.5 and 2.6 nats.
#[test]
fn small_batches_do_not_leap_at_the_default_rate_whatever_the_seed() {
    let Some(text) = public_data("text/tiny-shakespeare.txt") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for seed in ["123", "2"] {
        let run = folder.path().join(seed);
        let status = Command::new(env!("CARGO_BIN_EXE_train"))
            .args([
                "--max-steps",
                "45",
                "--batch-size",
                "2",
                "--context",
                "64",
                "--eval-batches",
                "1",
            ])
            .args(["--seed", seed, "--text"])
            .arg(&text)
            .arg("--out-dir")
            .arg(&run)
            .output()
            .expect("it runs")
            .status;
        assert!(status.success());
        let history = fs::read_to_string(run.join("metrics.jsonl")).expect("metrics");
        let history = metrics::from_jsonl(&history).expect("lines of metrics");
        let losses = history.iter().filter_map(|line| match line {
            Line::Step(step) => Some(step.loss),
            _ => None,
        });
        let (mut least, mut rise) = (f64::INFINITY, 0.0_f64);
        for loss in losses {
            rise = rise.max(loss - least);
            least = least.min(loss);
        }
        assert!(rise < 1.5, "with seed {seed} the loss rises by {rise} nats");
    }
}
