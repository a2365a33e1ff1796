//! A model and data so small that a step takes a moment, shared by the tests of the trainer.

#![allow(dead_code)] // each test file uses a part of it

use anyhow::Result;
use embedding::windows::Windows;
use model::{config::Gpt2Config, fast::path::CodePath, gpt2::Gpt2};
use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tch::{Device, Tensor};
use train::{
    callbacks::Outcome,
    command::take_path,
    run::{folder::RunFolder, recorder::Recorder},
    settings::{Length, TrainSettings},
    trainer::Trainer,
};

pub const CONFIG: Gpt2Config = Gpt2Config {
    vocab_size: 40,
    context: 8,
    channels: 16,
    heads: 2,
    layers: 2,
    hidden: 32,
    dropout: 0.1,
    ..Gpt2Config::SMALL
};

/// To be held while a test draws random numbers: libtorch has one generator for the whole process, so that tests take turns.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    tch::set_num_threads(1); // for the whole process, and so only by whose turn it is
    turn
}

/// A model drawn from a seed.
pub fn model(config: Gpt2Config) -> Gpt2 {
    tch::manual_seed(7);
    let model = Gpt2::new(config, Device::Cpu).expect("a possible model");
    model.initialize_as_gpt2();
    model
}

/// A text of `tokens` ids in which each follows from the one before, from `start` on.
#[expect(clippy::unnecessary_box_returns, reason = "the trainer wants it boxed")]
pub fn windows(tokens: i64, start: i64) -> Box<Windows> {
    let ids = (0..tokens).map(|place| (start + place * place) % 40).collect();
    Box::new(Windows::new(ids, 8, 8).expect("windows"))
}

pub fn settings(length: Length) -> TrainSettings {
    TrainSettings {
        batch_size: 2,
        length,
        eval_every: 4,
        eval_batches: 2,
        warmup_steps: 2,
        ..TrainSettings::default()
    }
}

/// A new run on the usual data.
pub fn trainer(settings: TrainSettings) -> Trainer {
    trainer_of(CONFIG, settings, windows(60, 0))
}

fn trainer_of(config: Gpt2Config, settings: TrainSettings, training: Box<Windows>) -> Trainer {
    let validation = windows(30, 3);
    Trainer::new(model(config), settings, training, Some(validation), serde_json::Value::Null)
        .expect("a trainer")
}

/// Both ways to take a step.
pub const PATHS: [CodePath; 2] = [CodePath::Lesson, CodePath::Fast];

/// A new run that takes its steps by this path, on two threads.
pub fn trainer_by(path: CodePath, settings: TrainSettings, training: Box<Windows>) -> Trainer {
    tch::set_num_threads(2);
    let mut trainer = trainer_of(CONFIG, settings, training);
    take_path(&mut trainer, Some(path)).expect("a way to take steps");
    trainer
}

/// Trains until the run ends or `stop_after` steps are done, in a folder of its own.
pub fn run(trainer: &mut Trainer, folder: &Path, stop_after: Option<usize>) -> Result<Outcome> {
    let taken = std::cell::Cell::new(trainer.progress.step);
    let mut run = RunFolder::open(folder, &trainer.progress.history)?;
    let mut recorder = Recorder {
        folder: &mut run,
        best: None,
        show: &mut |line| {
            if let train::metrics::Line::Step(step) = line {
                taken.set(step.step);
            }
        },
        sample: &|_| Ok("a sample".to_owned()),
        stop: &|| stop_after.is_some_and(|steps| taken.get() >= steps),
    };
    trainer.run(folder, &mut recorder)
}

/// All weights as bits, so that two models can be compared exactly.
pub fn bits(model: &Gpt2) -> Vec<(String, Vec<u32>)> {
    let bits = |tensor: Tensor| {
        let values: Vec<f32> = Vec::try_from(tensor.detach().reshape([-1])).expect("a vector");
        values.into_iter().map(f32::to_bits).collect()
    };
    model.parameters().into_iter().map(|(name, tensor)| (name, bits(tensor))).collect()
}
