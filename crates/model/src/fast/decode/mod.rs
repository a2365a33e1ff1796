//! The fast way to write: one token at a time by kernels of our own, on threads that stay awake (chapter 3.8).
//!
//! A new token needs each weight once. So its time is that of reading the weights from memory, and of everything that is not
//! reading: libtorch's operators each cost some microseconds, and wake their threads anew. A [`Decoder`] does the whole token in
//! plain loops and kernels ([`kernels`](crate::fast::cpu::kernels)), on workers that own some heads and some rows each, and it can keep the weights in
//! fewer bytes ([`Dtype`]). It gives what [`Gpt2::forward`] gives, to the last digits in `f32`, nearly in the others.
//!
//! The 124M model on two threads of one machine, in tokens a second: 52 by libtorch's operators with the cache; by the decoder 57 in
//! `f32`, 98 in `bf16`, 185 in `int8`. Programs that write for a while ask for large pages of memory, which bring `f32` to 64 and
//! `bf16` to 114. On an AMD Zen 3, which has no AVX-512: 49, 96 and 172.
//!
//! A text of several tokens is read all at once, by products of matrices, into the same cache (`decode/prompt.rs`): with the model's
//! own weights in `f32`; in the other types with copies in bfloat16, where the processor multiplies those faster.
//!
//! `cargo xtask bench decode` and `cargo xtask bench prefill` measure it.

mod barrier;
mod key_values;
mod packed;
mod prompt;
mod worker;

pub use packed::Dtype;

use crate::{
    config::Gpt2Config,
    fast::{
        cpu::{kernels::Kernels, tensor_slice::with_slices, threads::OneThread},
        gain,
        weights::Weights,
    },
    generate::TokenScorer,
    gpt2::Gpt2,
};
use anyhow::{Context, Result, ensure};
use key_values::KeyValues;
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle, ScopedJoinHandle},
};
use tch::{Device, Tensor};
use worker::{Exchange, Share, Worker};

/// Up to so many new tokens are read one by one, more of them together.
const FEW: usize = 3;

/// Multiplications of a prompt up to which it is not worth waking libtorch's other threads: one to three milliseconds of one. For
/// milliseconds after, they look for more to do, on the processors where the helpers write a short answer: 856 answers of a model of a
/// million parameters took 8.2 s, and take 3.8.
pub(super) const SHORT: i64 = 1 << 27;

/// A model that reads one token after another and gives the logits of the next, with its cache.
///
/// The model must not be trained while a decoder of it exists: in `f32` its weights are read where they are, in the other types as
/// they were. While a decoder exists, libtorch's operators on its thread run on that thread alone.
pub struct Decoder<'a> {
    model: &'a Gpt2,
    weights: Weights,
    /// What prompts are read with.
    of_prompts: Weights,
    exchange: Arc<Exchange>,
    own: Worker,
    helpers: Helpers,
    alone: OneThread,
    /// [`SHORT`], unless somebody wants to see what other prompts get.
    pub(super) short: i64,
}

impl<'a> Decoder<'a> {
    /// Packs the weights of linear layers as `dtype`, and starts `threads - 1` threads beside the caller's; no more than there are
    /// heads.
    ///
    /// Beside the model, `bf16` takes half and `int8` 27 % of the memory of its linear layers; and half of that of its blocks for
    /// prompts, on a processor that multiplies bfloat16 faster than float32.
    ///
    /// # Errors
    /// If the model is not on the CPU or has other layers than GPT-2's, or if a thread cannot be started.
    pub fn new(model: &'a Gpt2, dtype: Dtype, threads: usize) -> Result<Self> {
        let device = model.store.device();
        ensure!(
            device == Device::Cpu,
            "the decoder works on the CPU, and the model is on {device:?}"
        );
        let _guard = tch::no_grad_guard();
        let weights = Weights::of(model)?;
        let (workers, kernels) =
            (threads.clamp(1, model.config.heads as usize), Kernels::fastest());
        let share = |number| Share { number, workers, dtype, kernels };
        let heads = |number| share(number).of(model.config.heads as usize).len();
        let heads: Vec<usize> = (0..workers).map(heads).collect();
        let exchange = Arc::new(Exchange::new(workers, KeyValues::new(&model.config, &heads)));
        let (own, packed) = pack(&weights, workers, share);
        let mut helpers = Helpers { exchange: Arc::clone(&exchange), threads: Vec::new() };
        for (number, worker) in (1..).zip(packed) {
            helpers.start(number, worker)?;
        }
        let rounds = dtype != Dtype::F32 && gain::of_bf16(model.config.channels) > 1.0;
        let of_prompts = if rounds { weights.rounded() } else { weights.handles() };
        let alone = OneThread::begin();
        Ok(Self { model, weights, of_prompts, exchange, own, helpers, alone, short: SHORT })
    }

    /// Positions read so far.
    pub fn filled(&self) -> usize {
        self.exchange.cache.filled()
    }

    fn step(&mut self, id: i64, wants_logits: bool) {
        let position = self.filled() as i64;
        let [token, place] = [(id, &self.weights.token), (position, &self.weights.position)]
            .map(|(row, table)| table.get(row).contiguous()); // [C]
        with_slices([&token, &place], [], |[token, place], []| {
            self.exchange.residual.write(0, token.len(), |x| {
                for ((x, token), place) in x.iter_mut().zip(token).zip(place) {
                    *x = token + place;
                }
            });
        });
        self.exchange.wants_logits.store(wants_logits, Ordering::Relaxed);
        self.helpers.wake();
        // Who waits for this worker in the barrier must not wait for ever.
        let outcome =
            catch_unwind(AssertUnwindSafe(|| self.own.step(&self.exchange, wants_logits)));
        if let Err(panic) = outcome {
            self.exchange.barrier.poison();
            resume_unwind(panic);
        }
    }
}

impl TokenScorer for Decoder<'_> {
    fn model(&self) -> &Gpt2 {
        self.model
    }

    fn read(&mut self, ids: &[i64]) -> Tensor {
        let _guard = tch::no_grad_guard();
        let new = Tensor::from_slice(ids);
        if let Err(complaint) = self.model.check_ids(&new.unsqueeze(0), self.filled() as i64) {
            panic!("{complaint}");
        }
        if ids.len() > FEW {
            let read = || prompt::read(&self.of_prompts, &new, &self.exchange.cache);
            let Gpt2Config { layers, channels, hidden, .. } = self.model.config;
            let of_token = layers * channels * (4 * channels + 2 * hidden);
            let is_short = ids.len() as i64 * of_token <= self.short;
            let alone = &self.alone;
            return if is_short { alone.with_products(read) } else { alone.lifted(read) };
        }
        for (i, &id) in ids.iter().enumerate() {
            self.step(id, i + 1 == ids.len());
        }
        let mut logits = Vec::with_capacity(self.model.config.vocab_size as usize);
        self.exchange.logits.read(&mut logits);
        Tensor::from_slice(&logits)
    }

    fn clear(&mut self) {
        self.exchange.cache.clear();
    }
}

/// Packs the workers' weights, each on a thread of its own; returns the first apart.
fn pack(
    weights: &Weights,
    workers: usize,
    share: impl Fn(usize) -> Share,
) -> (Worker, Vec<Worker>) {
    thread::scope(|scope| {
        let others: Vec<_> = (1..workers)
            .map(|number| {
                let share = share(number);
                let own = weights.handles();
                scope.spawn(move || {
                    let _alone = OneThread::begin();
                    Worker::new(&own, share)
                })
            })
            .collect();
        let alone = OneThread::begin();
        let first = Worker::new(weights, share(0));
        drop(alone);
        let join =
            |other: ScopedJoinHandle<_>| other.join().unwrap_or_else(|panic| resume_unwind(panic));
        (first, others.into_iter().map(join).collect())
    })
}

/// The threads beside the caller's. They end when this value does.
struct Helpers {
    exchange: Arc<Exchange>,
    threads: Vec<JoinHandle<()>>,
}

impl Helpers {
    fn start(&mut self, number: usize, worker: Worker) -> Result<()> {
        let exchange = Arc::clone(&self.exchange);
        let named = thread::Builder::new().name(format!("decoder {number}"));
        let thread = named.spawn(move || help(worker, &exchange));
        self.threads.push(thread.context("cannot start a thread for the decoder")?);
        Ok(())
    }

    /// Begins the next step.
    fn wake(&self) {
        self.exchange.start.next();
        for helper in &self.threads {
            helper.thread().unpark();
        }
    }
}

impl Drop for Helpers {
    fn drop(&mut self) {
        self.exchange.stop.store(true, Ordering::Relaxed);
        self.wake();
        for helper in self.threads.drain(..) {
            let _ = helper.join(); // whoever panicked has poisoned the barrier, and was heard there
        }
    }
}

/// What each thread but the caller's does.
fn help(mut worker: Worker, exchange: &Exchange) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        for seen in 0.. {
            exchange.start.wait(seen);
            if exchange.stop.load(Ordering::Relaxed) {
                return;
            }
            worker.step(exchange, exchange.wants_logits.load(Ordering::Relaxed));
        }
    }));
    if let Err(panic) = outcome {
        exchange.barrier.poison();
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests;
