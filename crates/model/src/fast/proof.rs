//! Proofs that the fast path does what the lesson does, and where they are kept.
//!
//! A proof holds for one executable, one twin, one number of threads and one processor. It is kept under `target/proofs`, so that
//! only the first start after a build pays for it.

use super::{
    decode::{Decoder, Dtype, SHORT},
    twin::{self, TOLERANCE, compare},
    weights::Weights,
};
use crate::{
    config::Gpt2Config,
    generate::{CachedModel, TokenScorer},
    gpt2::Gpt2,
};
use anyhow::{Result, ensure};
use rustc_hash::FxHasher;
use std::{
    env, fs,
    hash::Hasher,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    sync::OnceLock,
};
use tch::{Device, Tensor};

/// Makes a proof unless one is kept already, and keeps it.
///
/// # Errors
/// As `prove`, which returns what it has measured.
pub fn once(what: &str, config: &Gpt2Config, prove: impl FnOnce() -> Result<String>) -> Result<()> {
    let claim = format!(
        "{what} by {}, {} threads on {}",
        serde_json::to_string(&twin::sizes(config))?,
        tch::get_num_threads(),
        processor()
    );
    let kept = folder().map(|(folder, executable)| folder.join(name(*executable, &claim)));
    if kept.as_ref().is_some_and(|place| is_kept(place, &claim)) {
        return Ok(());
    }
    let measured = prove()?;
    if let Some(place) = kept {
        // Where it cannot be kept, it is made again at the next start.
        let _ = place.parent().map(fs::create_dir_all);
        let _ = fs::write(place, format!("{claim}\n{measured}\n"));
    }
    Ok(())
}

fn is_kept(place: &Path, claim: &str) -> bool {
    fs::read_to_string(place).is_ok_and(|kept| kept.lines().next() == Some(claim))
}

/// Where proofs for this executable are kept, in the target folder that it was built in, and what tells this build from others: its
/// length, and when the system last wrote it, to the nanosecond. Its bytes would take a start that is over in half a second 30 ms.
fn folder() -> Option<&'static (PathBuf, u64)> {
    static FOUND: OnceLock<Option<(PathBuf, u64)>> = OnceLock::new();
    let find = || {
        let executable = env::current_exe().ok()?;
        let target = executable.ancestors().find(|folder| folder.ends_with("target"))?;
        let file = fs::metadata(&executable).ok()?;
        let build =
            [file.len() as i64, file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
        let build = build.map(i64::to_le_bytes).concat();
        Some((target.join("proofs"), hash(&[executable.as_os_str().as_bytes(), &build])))
    };
    FOUND.get_or_init(find).as_ref()
}

/// The name of a claim's file.
fn name(executable: u64, claim: &str) -> String {
    format!("{:016x}", hash(&[&executable.to_le_bytes(), claim.as_bytes()]))
}

fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = FxHasher::default();
    for part in parts {
        hasher.write(part);
    }
    hasher.finish()
}

/// The name and the instructions of the processor.
fn processor() -> String {
    let instructions = hash(&[told_by_linux("flags").as_bytes()]);
    format!("{} {} {instructions:016x}", env::consts::ARCH, processor_name())
}

/// The name of the processor, as Linux tells it; empty elsewhere.
pub fn processor_name() -> String {
    told_by_linux("model name")
}

fn told_by_linux(key: &str) -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = told.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_once(": ").map_or(String::new(), |(_, value)| value.trim().to_owned())
}

/// Proves that a decoder writes what the lesson's model with its cache writes: a prompt of two thirds of the context, which it reads on
/// one thread and on several, and three tokens more. A decoder with fewer bits is held against the one in float32.
///
/// # Errors
/// Names what differs, or why there is no decoder for such a model.
pub fn writing(model: &Gpt2, dtype: Dtype, threads: usize) -> Result<()> {
    ensure!(model.store.device() == Device::Cpu, "the fast path runs on the CPU alone");
    Weights::of(model)?; // other layers than it knows are told by name
    once(&format!("writing in {dtype}"), &model.config, || {
        let _guard = tch::no_grad_guard();
        let twin = twin::model(&model.config)?;
        let lesson = write(&mut CachedModel::new(&twin));
        let decoded = |dtype, short| -> Result<Vec<Tensor>> {
            let mut decoder = Decoder::new(&twin, dtype, threads)?;
            decoder.short = short;
            Ok(write(&mut decoder))
        };
        let exact = decoded(Dtype::F32, 0)?;
        let on_one = largest_gap(&decoded(Dtype::F32, SHORT)?, &lesson, TOLERANCE)?;
        let gap = largest_gap(&exact, &lesson, TOLERANCE)?.max(on_one);
        if dtype == Dtype::F32 {
            return Ok(format!("f32 against the lesson: {gap:.1e}"));
        }
        let of_type = largest_gap(&decoded(dtype, 0)?, &exact, dtype.rounding())?;
        Ok(format!("f32 against the lesson: {gap:.1e}; {dtype} against f32: {of_type:.1e}"))
    })
}

/// The logits after a prompt and after each of three tokens.
fn write(scorer: &mut dyn TokenScorer) -> Vec<Tensor> {
    let context = scorer.model().config.context;
    let prompt = (context * 2 / 3).max(1);
    let mut logits = vec![scorer.read(&twin::ids(prompt, 1))];
    for id in twin::ids((context - prompt).min(3), 2) {
        logits.push(scorer.read(&[id]));
    }
    logits
}

fn largest_gap(ours: &[Tensor], expected: &[Tensor], tolerance: f64) -> Result<f64> {
    let mut largest = 0.0_f64;
    for (number, (ours, expected)) in ours.iter().zip(expected).enumerate() {
        let name = match number {
            0 => "the logits after a prompt".to_owned(),
            token => format!("the logits after cached token {token}"),
        };
        largest = largest.max(compare(&name, ours, expected, tolerance, 0.0)?);
    }
    Ok(largest)
}
