//! Threads that stay awake between layers.
//!
//! A token of the 124M model waits for its workers 49 times. Waking a sleeping thread costs the operating system tens of microseconds
//! each time, looking at a number until it changes well under one. So who waits looks for a while, then lets others have the
//! processor, and sleeps only between tokens.
//!
//! For what the [decoder](super) gains.

use std::{
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// How often one looks before one lets other threads run: some tens of microseconds.
const LOOKS: u32 = 1000;

/// How often one lets others run before one goes to sleep, where somebody will wake one: about a millisecond.
const YIELDS: u32 = 2000;

/// A place where all workers wait for the last one, again and again.
#[derive(Debug)]
pub struct Barrier {
    workers: usize,
    arrived: AtomicUsize,
    round: AtomicUsize,
    broken: AtomicBool,
}

impl Barrier {
    /// For so many workers.
    pub fn new(workers: usize) -> Self {
        Self {
            workers,
            arrived: AtomicUsize::new(0),
            round: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
        }
    }

    /// Waits until all workers are here. What each wrote before is visible to all afterwards.
    ///
    /// # Panics
    /// If another worker has panicked.
    pub fn wait(&self) {
        let round = self.round.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.workers {
            self.arrived.store(0, Ordering::Relaxed);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            return;
        }
        let mut looks = 0;
        while self.round.load(Ordering::Acquire) == round {
            assert!(!self.broken.load(Ordering::Relaxed), "a decoding thread has panicked");
            look_again(&mut looks);
        }
    }

    /// Lets nobody wait for ever for a worker that has panicked.
    pub fn poison(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }
}

/// Passes a moment: the first times on the processor, later by leaving it to others.
fn look_again(looks: &mut u32) {
    *looks = looks.saturating_add(1);
    if *looks < LOOKS { std::hint::spin_loop() } else { thread::yield_now() }
}

/// The signal to begin: a number that grows with each step.
#[derive(Debug, Default)]
pub struct Start(AtomicUsize);

impl Start {
    /// Begins the next step; threads that may sleep have to be unparked afterwards.
    pub fn next(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    /// Waits for the step after `seen`, and sleeps if that takes long.
    pub fn wait(&self, seen: usize) {
        let mut looks = 0;
        while self.0.load(Ordering::Acquire) == seen {
            if looks < LOOKS + YIELDS { look_again(&mut looks) } else { thread::park() }
        }
    }
}

/// A vector that workers write in parts, one each, and all read as a whole after the next barrier.
#[derive(Debug)]
pub struct Shared(Vec<RwLock<Vec<f32>>>);

impl Shared {
    /// One part per worker; a part gets its length when it is first written.
    pub fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| RwLock::default()).collect())
    }

    /// Replaces the part of a worker, by a function that fills so many numbers.
    pub fn write(&self, worker: usize, numbers: usize, fill: impl FnOnce(&mut [f32])) {
        let mut part = self.0[worker].write().unwrap_or_else(PoisonError::into_inner);
        part.resize(numbers, 0.0);
        fill(&mut part);
    }

    /// Copies all parts, one after the other.
    pub fn read(&self, whole: &mut Vec<f32>) {
        whole.clear();
        for part in &self.0 {
            whole.extend_from_slice(&part.read().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn after_a_barrier_every_worker_reads_what_all_have_written() {
        let (workers, rounds) = (3, 2000);
        let (barrier, shared) = (Arc::new(Barrier::new(workers)), Arc::new(Shared::new(workers)));
        let work = move |worker: usize| {
            let mut whole = Vec::new();
            for round in 0..rounds {
                shared.write(worker, 2, |part| part.fill((round * workers + worker) as f32));
                barrier.wait();
                shared.read(&mut whole);
                let first = (round * workers) as f32;
                assert_eq!(whole, [0.0, 0.0, 1.0, 1.0, 2.0, 2.0].map(|worker| first + worker));
                barrier.wait();
            }
        };
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                let work = work.clone();
                thread::spawn(move || work(worker))
            })
            .collect();
        for thread in threads {
            thread.join().expect("no worker read something else");
        }
    }

    #[test]
    #[should_panic(expected = "a decoding thread has panicked")]
    fn nobody_waits_for_a_worker_that_has_panicked() {
        let barrier = Barrier::new(2);
        barrier.poison();
        barrier.wait();
    }
}
