//! The fast way to write: one token at a time by kernels of our own, on threads that stay awake (chapter 3.8).
//!
//! A new token needs each weight once. So its time is that of reading the weights from memory, and of everything that is not
//! reading: libtorch's operators each cost some microseconds, and wake their threads anew. A [`Decoder`] does the whole token in
//! plain loops and kernels (`decode/kernels.rs`), on workers that own some heads and some rows each, and it can keep the weights in
//! fewer bytes ([`Dtype`]). It gives what [`Gpt2::forward`] gives, to the last digits in `f32`, nearly in the others.
//!
//! The 124M model on two threads of one machine, in tokens a second: 52 by libtorch's operators with the cache; by the decoder 57 in
//! `f32`, 98 in `bf16`, 185 in `int8`. Programs that write for a while ask for large pages of memory, which bring `f32` to 64 and
//! `bf16` to 114. On an AMD Zen 3, which has no AVX-512: 49, 96 and 172.
//!
//! A text of several tokens is read all at once, by products of matrices with the model's own weights whatever the dtype, into the
//! same cache (`decode/prompt.rs`).

mod barrier;
mod linear;
mod prompt;
mod weights;
mod worker;

pub use weights::Dtype;

use crate::{
    cache::Cache,
    fast::cpu::{kernels::Kernels, tensor_slice::as_f32_slice, threads::on_one_thread},
    gpt2::Gpt2,
};
use anyhow::{Result, ensure};
use prompt::PromptReader;
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
};
use tch::{Device, Tensor};
use worker::{Exchange, Share, Worker};

/// Up to so many new tokens are read one by one, more of them together.
const FEW: usize = 3;

/// A model that reads and logits one token after another, with its cache.
///
/// The model must not be trained while a decoder of it exists: in `f32` its weights are read where they are, in the other types as
/// they were.
pub struct Decoder<'a> {
    model: &'a Gpt2,
    cache: Cache,
    reader: PromptReader,
    exchange: Arc<Exchange>,
    own: Worker,
    helpers: Vec<JoinHandle<()>>,
}

impl<'a> Decoder<'a> {
    /// Packs the weights of linear layers as `dtype`, and starts `threads - 1` threads beside the caller's; no more than there are heads.
    ///
    /// Beside the model, `bf16` takes half and `int8` 27 % of the memory of its linear layers.
    ///
    /// # Errors
    /// If the model is not on the CPU, or if a thread cannot be started.
    pub fn new(model: &'a Gpt2, dtype: Dtype, threads: usize) -> Result<Self> {
        Self::with_kernels(model, dtype, threads, Kernels::fastest())
    }

    fn with_kernels(
        model: &'a Gpt2,
        dtype: Dtype,
        threads: usize,
        kernels: Kernels,
    ) -> Result<Self> {
        let device = model.store.device();
        ensure!(
            device == Device::Cpu,
            "the decoder works on the CPU, and the model is on {device:?}"
        );
        let _guard = tch::no_grad_guard();
        let cache = Cache::new(&model.config, 1, Device::Cpu);
        let workers = threads.clamp(1, model.config.heads as usize);
        let exchange = Arc::new(Exchange::new(workers));
        let share = |number| Share::new(model, &cache, number, workers, dtype, kernels);
        let helpers = (1..workers)
            .map(|number| {
                let (share, exchange) = (share(number), Arc::clone(&exchange));
                thread::Builder::new()
                    .name(format!("decoder {number}"))
                    .spawn(move || help(share, &exchange))
            })
            .collect::<Result<_, _>>()?;
        let own = Worker::new(share(0));
        Ok(Self { model, cache, reader: PromptReader::new(model), exchange, own, helpers })
    }

    /// The model whose texts are continued.
    pub fn model(&self) -> &'a Gpt2 {
        self.model
    }

    /// Positions read so far.
    pub fn filled(&self) -> usize {
        self.cache.filled() as usize
    }

    /// Forgets everything that was read.
    pub fn clear(&mut self) {
        self.cache.clear();
    }

    /// Reads tokens behind those read before and logits the successor of the last.
    ///
    /// # Shapes
    /// - returns `[V]`
    ///
    /// # Panics
    /// As [`Gpt2::forward_cached`].
    pub fn read(&mut self, ids: &[i64]) -> Tensor {
        let _guard = tch::no_grad_guard();
        let new = Tensor::from_slice(ids);
        if let Err(complaint) = self.model.check_ids(&new.unsqueeze(0), self.cache.filled()) {
            panic!("{complaint}");
        }
        if ids.len() > FEW {
            return self.reader.read(&new, &mut self.cache);
        }
        for (i, &id) in ids.iter().enumerate() {
            self.step(id, i + 1 == ids.len());
        }
        let mut logits = Vec::with_capacity(self.model.config.vocab_size as usize);
        self.exchange.logits.read(&mut logits);
        on_one_thread(|| Tensor::from_slice(&logits))
    }

    fn step(&mut self, id: i64, wants_logits: bool) {
        let position = self.filled();
        let [token, place] = [(id, &self.reader.token), (position as i64, &self.reader.position)]
            .map(|(row, table)| table.get(row).contiguous()); // [C]
        self.exchange.residual.write(0, token.numel(), |x| {
            for ((x, token), place) in
                x.iter_mut().zip(as_f32_slice(&token)).zip(as_f32_slice(&place))
            {
                *x = token + place;
            }
        });
        self.exchange.position.store(position, Ordering::Relaxed);
        self.exchange.wants_logits.store(wants_logits, Ordering::Relaxed);
        self.exchange.start.next();
        for helper in &self.helpers {
            helper.thread().unpark();
        }
        self.own.step(&self.exchange, position, wants_logits);
        self.cache.advance();
    }
}

impl Drop for Decoder<'_> {
    fn drop(&mut self) {
        self.exchange.stop.store(true, Ordering::Relaxed);
        self.exchange.start.next();
        for helper in self.helpers.drain(..) {
            helper.thread().unpark();
            let _ = helper.join(); // whoever panicked has broken up the barrier, and was heard there
        }
    }
}

/// What each thread but the caller's does.
fn help(share: Share, exchange: &Exchange) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut worker = Worker::new(share);
        for seen in 0.. {
            exchange.start.wait(seen);
            if exchange.stop.load(Ordering::Relaxed) {
                return;
            }
            let (position, wants_logits) = (
                exchange.position.load(Ordering::Relaxed),
                exchange.wants_logits.load(Ordering::Relaxed),
            );
            worker.step(exchange, position, wants_logits);
        }
    }));
    if let Err(panic) = outcome {
        exchange.barrier.poison();
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests;
