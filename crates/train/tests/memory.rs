//! That a long run needs no more memory than a short one. Alone in its file, as memory is counted for the whole process.

mod small;

use embedding::windows::Windows;
use small::{alone, model, settings};
use std::fs;
use train::{
    settings::{Length, TrainSettings},
    trainer::Trainer,
};

#[test]
fn memory_does_not_grow_over_200_steps() {
    let _alone = alone();
    let resident = || {
        let status = fs::read_to_string("/proc/self/statm").ok()?;
        status.split(' ').nth(1)?.parse::<u64>().ok().map(|pages| pages * 4096)
    };
    if resident().is_none() {
        println!("skipped: this system does not say how much memory a process has");
        return;
    }
    let ids = (0..4000).map(|place| place % 40).collect();
    let windows = Windows::new(ids, 8, 8).expect("windows");
    let settings = TrainSettings { batch_size: 16, ..settings(Length::Steps(300)) };
    let mut trainer =
        Trainer::new(model(), settings, Box::new(windows), None, serde_json::Value::Null).expect("a trainer");
    let mut after = |steps| {
        for _ in 0..steps {
            trainer.step().expect("a step");
        }
        resident().expect("asked before")
    };
    let (before, after) = (after(50), after(200));
    let grown = after.saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more after 200 steps");
}
