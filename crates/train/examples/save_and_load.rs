//! Training that is broken off and taken up again in another process equals training in one go, bit for bit (chapter 4.6).

use anyhow::{Context, Result, bail, ensure};
use embedding::{bpe::BytePairEncoder, support::texts::PROSE, windows::Windows};
use model::{config::Gpt2Config, gpt2::Gpt2};
use serde_json::Value;
use std::{env, path::Path, process::Command};
use tch::{Device, Tensor};
use train::{
    checkpoint,
    settings::{Length, TrainSettings},
    trainer::Trainer,
};

const CONFIG: Gpt2Config = Gpt2Config {
    context: 32,
    channels: 64,
    heads: 2,
    layers: 2,
    hidden: 4 * 64,
    ..Gpt2Config::ARTICLE
};

fn main() -> Result<()> {
    tch::set_num_threads(1);
    if let Some(folder) = env::args_os().nth(1) {
        return go_on(Path::new(&folder));
    }
    println!("text data/prose.txt");
    let (whole, broken) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut trainer = begin()?;
    let in_one_go = steps(&mut trainer, 10)?;
    save(&trainer, whole.path())?;
    print_losses("ten steps in one go", 1, &in_one_go);

    let mut trainer = begin()?;
    let mut in_two = steps(&mut trainer, 5)?;
    save(&trainer, broken.path())?;
    print_losses("five steps, then saved", 1, &in_two);

    // Nothing but the folder reaches the other process.
    let other = Command::new(env::current_exe()?).arg(broken.path()).output()?;
    if !other.status.success() {
        bail!("the other process failed: {}", String::from_utf8_lossy(&other.stderr));
    }
    for bits in String::from_utf8(other.stdout)?.lines() {
        in_two.push(f64::from_bits(bits.parse().context("the other process wrote no number")?));
    }
    print_losses("loaded by another process, five more", 6, &in_two[5..]);

    let equal = in_one_go.iter().zip(&in_two).filter(|(a, b)| a.to_bits() == b.to_bits()).count();
    println!("losses that are equal: {equal} of {}", in_one_go.len());
    let (ours, theirs) = (tensors(whole.path())?, tensors(broken.path())?);
    let same = ours.iter().zip(&theirs).filter(|(a, b)| a == b).count();
    println!("weights and moments at the end that are equal bit for bit: {same} of {}", ours.len());
    ensure!(
        equal == in_two.len() && same == theirs.len(),
        "a run that was resumed took another path"
    );
    Ok(())
}

/// The beginning of the run: a new model, a new optimizer, the first window of the data.
fn begin() -> Result<Trainer> {
    tch::manual_seed(123);
    let model = Gpt2::new(CONFIG, Device::Cpu)?;
    Trainer::new(model, settings(), Box::new(windows()?), None, Value::Null)
}

/// The rest of the run, told to the process that started this one as the bits of each loss.
fn go_on(folder: &Path) -> Result<()> {
    let loaded = checkpoint::load(folder, Device::Cpu)?;
    let mut trainer = Trainer::resume(loaded, settings(), Box::new(windows()?), None)?;
    for loss in steps(&mut trainer, 5)? {
        println!("{}", loss.to_bits());
    }
    save(&trainer, folder)
}

fn save(trainer: &Trainer, folder: &Path) -> Result<()> {
    trainer.save(folder)
}

/// Every weight of the last checkpoint, and both moments of each that the optimizer keeps.
fn tensors(folder: &Path) -> Result<Vec<(String, Tensor)>> {
    let loaded = checkpoint::load(folder, Device::Cpu)?;
    Ok(loaded.model.parameters().into_iter().chain(loaded.optimizer()?.state()).collect())
}

fn settings() -> TrainSettings {
    TrainSettings {
        batch_size: 4,
        length: Length::Steps(10),
        learning_rate: 1e-3,
        min_lr: 1e-4,
        warmup_steps: 2,
        grad_clip: 1.0,
        ..TrainSettings::default()
    }
}

fn windows() -> Result<Windows> {
    Windows::new(BytePairEncoder::gpt2().encode(PROSE), 32, 32)
}

/// Takes so many steps and returns their losses.
fn steps(trainer: &mut Trainer, count: usize) -> Result<Vec<f64>> {
    let loss = |_| Ok(trainer.step()?.context("a batch without targets")?.loss);
    (0..count).map(loss).collect()
}

fn print_losses(title: &str, first: usize, losses: &[f64]) {
    println!("{title}");
    for (step, loss) in (first..).zip(losses) {
        println!("step {step} loss {loss:.4}");
    }
}
