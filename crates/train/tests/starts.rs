//! That one command with one seed makes one model, however busy the machine is. Alone in its file, as it takes all processors.

use model::{config::Gpt2Config, fast::proof::processor_name, format, gpt2::Gpt2};
use std::{
    fs,
    hint::spin_loop,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use tch::Device;

const STARTS: usize = 6;

/// The bytes of the model that a short training from the folder `weights` ends with.
fn trained(folder: &Path, threads: &str) -> Vec<u8> {
    let words = "--init weights --text text.txt --context 32 --batch-size 2 --max-steps 1 --eval-every 0 --eval-batches 1 --out-dir run";
    let _ = fs::remove_dir_all(folder.join("run"));
    let output = Command::new(env!("CARGO_BIN_EXE_train"))
        .current_dir(folder)
        .args(words.split_whitespace())
        .args(["--threads", threads])
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(folder.join("run/model.safetensors")).expect("a model")
}

#[test]
fn starts_from_a_folder_on_two_threads_of_a_busy_machine_write_the_same_bytes() {
    let room = tempfile::tempdir().expect("a folder");
    tch::manual_seed(1);
    let config = Gpt2Config {
        context: 32,
        channels: 32,
        heads: 2,
        layers: 2,
        hidden: 128,
        dropout: 0.0,
        ..Gpt2Config::SMALL
    };
    let model = Gpt2::new(config, Device::Cpu).expect("a possible model");
    model.initialize_as_gpt2();
    format::save(&room.path().join("weights"), &model).expect("saved");
    fs::write(room.path().join("text.txt"), embedding::support::texts::PROSE).expect("written");

    let expected = trained(room.path(), "2");
    // On an AMD EPYC the fast path writes the same with one thread as with two: nothing is lost there, and nothing can be told.
    let told = trained(room.path(), "1") != expected;
    assert!(
        told || !processor_name().contains("Intel"),
        "the bytes do not tell how many threads worked"
    );
    let busy = Busy::new(2);
    let others = (0..STARTS).filter(|_| trained(room.path(), "2") != expected).count();
    assert_eq!(others, 0, "of {STARTS} starts so many wrote another model");
    drop(busy);
}

/// Threads that do nothing as fast as they can, until this value is dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn new(threads: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..threads {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    spin_loop();
                }
            });
        }
        Self(stop)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
