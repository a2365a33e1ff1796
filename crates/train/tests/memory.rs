//! That a long run needs no more memory than a short one, and a broken checkpoint none. Alone in their file, as memory is counted for
//! the whole process.

#[path = "../../model/tests/peak/mod.rs"]
mod peak;
mod small;

use small::{PATHS, alone, bits, run, settings, trainer, trainer_by, windows};
use std::{fs, path::PathBuf};
use tch::Device;
use train::{
    checkpoint,
    settings::{Length, TrainSettings},
};

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_over_100_steps_by_either_path_on_two_threads() {
    let _alone = alone();
    let resident = || {
        let status = fs::read_to_string("/proc/self/statm").expect("Linux tells");
        let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
        pages.expect("resident pages, the second number") * 4096
    };
    let settings = TrainSettings { batch_size: 16, ..settings(Length::Steps(150)) };
    for path in PATHS {
        let mut trainer = trainer_by(path, settings.clone(), windows(4000, 0));
        let mut after = |steps| {
            for _ in 0..steps {
                trainer.step().expect("a step");
            }
            resident()
        };
        let (before, after) = (after(30), after(100));
        let grown = after.saturating_sub(before);
        assert!(grown < 4 << 20, "{path}: {grown} bytes more after 100 steps");
    }
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
    peak::takes_less_than(64 << 20, || {
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
}
