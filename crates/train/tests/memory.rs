//! That a long run needs no more memory than a short one, and a broken checkpoint none. Alone in their file, as memory is counted for
//! the whole process.

#[path = "../../model/tests/peak/mod.rs"]
mod peak;
mod small;

use embedding::windows::Windows;
use small::{alone, bits, model, run, settings, trainer};
use std::{fs, path::PathBuf};
use tch::Device;
use train::{
    checkpoint,
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
        Trainer::new(model(), settings, Box::new(windows), None, serde_json::Value::Null)
            .expect("a trainer");
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

/// Every file of a checkpoint, cut off at 200 places and with a bit flipped at 200 places: each is an error, and a cheap one.
#[test]
fn a_checkpoint_broken_anywhere_is_never_loaded_and_takes_no_memory() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a folder");
    run(&mut trainer(settings(Length::Steps(10))), folder.path(), Some(5)).expect("a run");
    let checkpoint = folder.path().join("checkpoints/step-000005");
    let original = bits(&checkpoint::load(&checkpoint, Device::Cpu).expect("whole").model);
    let files: Vec<PathBuf> =
        fs::read_dir(&checkpoint).expect("a folder").flatten().map(|entry| entry.path()).collect();
    assert_eq!(files.len(), 6);
    let taken = peak::bytes_taken(|| {
        for file in files {
            let whole = fs::read(&file).expect("a file");
            for place in 0..200 {
                let at = place * whole.len() / 200;
                fs::write(&file, &whole[..at]).expect("cut");
                assert!(
                    checkpoint::load(&checkpoint, Device::Cpu).is_err(),
                    "{} cut at {at}",
                    file.display()
                );
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << (place % 8);
                fs::write(&file, &flipped).expect("flipped");
                if let Ok(loaded) = checkpoint::load(&checkpoint, Device::Cpu) {
                    // Only a space in the list of hashes may change without being noticed.
                    assert!(file.ends_with("files.json"), "{} flipped at {at}", file.display());
                    assert_eq!(bits(&loaded.model), original);
                }
            }
            fs::write(&file, &whole).expect("mended");
        }
    });
    assert!(checkpoint::load(&checkpoint, Device::Cpu).is_ok());
    assert!(taken.is_none_or(|taken| taken < 64 << 20), "{taken:?} bytes were taken");
}
