//! Loops of our own on libtorch's threads (chapter 4.4).
//!
//! After each piece of work the threads of libtorch look for the next one for some milliseconds before they go to sleep. Threads of
//! our own, which work just then, would have to share the processors with them. So the loops that are not libtorch's run on
//! libtorch's threads too, where it has them from GNU's OpenMP, as on Linux.
//!
//! Softmax, its logarithm and its gradient as such loops took a step of the 124M model from 2.74 to 2.55 s on an AMD Zen 3, together with
//! a product that is written transposed: `cargo xtask bench train --only train-2x256` measures it.

use super::simd::{lanes, narrowed};
use std::{
    ffi::{CStr, c_int, c_uint, c_void},
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Mutex, OnceLock, PoisonError},
    thread,
};

/// Gives each piece to one of the threads that libtorch uses.
pub fn parallel_for<T: Send>(pieces: Vec<T>, work: impl Fn(T) + Sync) {
    parallel_for_with(pieces, || (), |(), piece| work(piece));
}

/// The same, each thread with tools of its own, which it keeps from piece to piece.
pub fn parallel_for_with<T: Send, S>(
    pieces: Vec<T>,
    tools: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) + Sync,
) {
    let pieces = Mutex::new(pieces);
    // The lock is held while a piece is taken, not while it is worked on.
    let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).pop();
    on_all(&|| {
        let mut tools = tools();
        while let Some(piece) = next() {
            work(&mut tools, piece);
        }
    });
}

/// Whether they are libtorch's own threads, so that libtorch, called from one of them, knows that the others are at work too.
pub fn are_libtorchs() -> bool {
    open_mp().is_some()
}

/// Does this on every thread that libtorch uses, and waits for the last one.
///
/// # Panics
/// With the first panic of the threads, once all are done.
fn on_all(work: &(dyn Fn() + Sync)) {
    let threads = tch::get_num_threads().max(1) as usize;
    if threads == 1 {
        return work();
    }
    let (first_panic, lanes) = (OnceLock::new(), lanes());
    let caught = || {
        // No panic may leave a function that a foreign library has called.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| narrowed(lanes, work))) {
            let _ = first_panic.set(Mutex::new(panic));
        }
    };
    match open_mp() {
        Some(parallel) => parallel.run(threads, &caught),
        None => thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(caught);
            }
            caught();
        }),
    }
    if let Some(panic) = first_panic.into_inner() {
        resume_unwind(panic.into_inner().unwrap_or_else(PoisonError::into_inner));
    }
}

/// `GOMP_parallel` of GNU's OpenMP library: calls a function with its argument on so many threads.
#[derive(Clone, Copy)]
struct Parallel(GompParallel);

type GompParallel = extern "C" fn(extern "C" fn(*mut c_void), *mut c_void, c_uint, c_uint);

impl Parallel {
    #[expect(
        unsafe_code,
        reason = "an argument reaches a foreign function, and comes back from it, as a bare address"
    )]
    fn run(self, threads: usize, work: &(dyn Fn() + Sync)) {
        extern "C" fn call(work: *mut c_void) {
            // SAFETY: `run` gave this address, and what lies there outlives its call of `GOMP_parallel`, which waits for all threads.
            let work = unsafe { &*work.cast::<&(dyn Fn() + Sync)>().cast_const() };
            work();
        }
        self.0(call, (&raw const work).cast_mut().cast(), threads as c_uint, 0);
    }
}

/// Finds that library where libtorch has brought it along, as on Linux; elsewhere it has another one, or none.
#[expect(unsafe_code, reason = "which libraries a program has is known only when it runs")]
fn open_mp() -> Option<Parallel> {
    static FOUND: OnceLock<Option<Parallel>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let address = symbol(c"GOMP_parallel").filter(|_| cfg!(target_os = "linux"))?;
        // SAFETY: the function of this name has this type, by the binary interface that compilers use it through.
        Some(Parallel(unsafe { std::mem::transmute::<*mut c_void, GompParallel>(address) }))
    })
}

/// Keeps libtorch's operators to the calling thread as long as this value lives.
///
/// Another of libtorch's threads, once awake, looks for more to do for milliseconds after, on the processor where one of ours works:
/// copying the logits on two threads took decoding in 8 bits from 197 to 102 tokens a second.
///
/// The number of threads is OpenMP's own setting of this one thread; libtorch's, which is the whole process's, is not touched. Where
/// OpenMP is not found, nothing changes.
#[derive(Debug)]
pub struct OneThread {
    before: c_int,
    _of_this_thread: PhantomData<*const ()>,
}

impl OneThread {
    /// Takes effect at once. Several on one thread must end in the reverse order.
    pub fn begin() -> Self {
        Self { before: set_own_threads(1), _of_this_thread: PhantomData }
    }

    /// Does some work with as many threads as before.
    pub fn lifted<T>(&self, work: impl FnOnce() -> T) -> T {
        let _again = Restore(set_own_threads, set_own_threads(self.before));
        work()
    }

    /// Does some work with the products of matrices on this thread alone, too. MKL, which makes them, has a number of threads of its own.
    pub fn with_products<T>(&self, work: impl FnOnce() -> T) -> T {
        let _again = Restore(set_product_threads, set_product_threads(1));
        work()
    }
}

impl Drop for OneThread {
    fn drop(&mut self) {
        set_own_threads(self.before);
    }
}

/// Puts a number of threads back, after a panic too.
struct Restore(fn(c_int) -> c_int, c_int);

impl Drop for Restore {
    fn drop(&mut self) {
        let Self(set, before) = self;
        set(*before);
    }
}

/// Sets how many threads OpenMP gives to operators on this thread, and returns how many they were.
#[expect(unsafe_code, reason = "which libraries a program has is known only when it runs")]
fn set_own_threads(threads: c_int) -> c_int {
    let _ = tch::get_num_threads(); // libtorch sets this thread's number itself, once, at the first question
    let (Some(get), Some(set)) = (symbol(c"omp_get_max_threads"), symbol(c"omp_set_num_threads"))
    else {
        return threads;
    };
    // SAFETY: the functions of these names have these types, by OpenMP's specification.
    unsafe {
        let get = std::mem::transmute::<*mut c_void, extern "C" fn() -> c_int>(get);
        let set = std::mem::transmute::<*mut c_void, extern "C" fn(c_int)>(set);
        let before = get();
        set(threads);
        before
    }
}

/// Sets how many threads MKL takes for products on this thread, 0 for as many as the process has set, and returns how many they were.
#[expect(unsafe_code, reason = "as above")]
fn set_product_threads(threads: c_int) -> c_int {
    let _ = tch::get_num_threads(); // as above
    let Some(set) = symbol(c"MKL_Set_Num_Threads_Local") else { return threads };
    // SAFETY: the function of this name has this type, by MKL's header. Its namesake in small letters is Fortran's and takes an address.
    let set = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(c_int) -> c_int>(set) };
    set(threads)
}

/// Finds a function of a library that the process has loaded.
#[expect(unsafe_code, reason = "as above")]
fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name ends with a zero byte.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_piece_is_worked_on_once_and_on_two_threads() {
        tch::set_num_threads(2);
        let (mut numbers, threads) = (vec![0_u32; 10_000], Mutex::new(HashSet::new()));
        let tools = || threads.lock().expect("nobody panics").insert(thread::current().id());
        parallel_for_with(numbers.chunks_mut(7).collect(), tools, |_, piece| {
            for number in piece {
                *number += 1;
            }
        });
        assert!(numbers.iter().all(|&number| number == 1));
        assert_eq!(threads.lock().expect("nobody panics").len(), 2);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_threads_are_those_of_libtorchs_library() {
        let _ = tch::get_num_threads(); // so that libtorch is there
        assert!(are_libtorchs());
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn a_thread_alone_gets_no_others_for_operators_and_if_it_likes_none_for_products() {
        let now = |set: fn(c_int) -> c_int| {
            let now = set(1);
            set(now);
            now
        };
        let both = || [set_own_threads, set_product_threads].map(now);
        set_own_threads(2);
        set_product_threads(2);
        let alone = OneThread::begin();
        assert_eq!(both(), [1, 2]);
        assert_eq!(alone.with_products(both), [1, 1]);
        assert_eq!(alone.lifted(both), [2, 2]);
        assert_eq!(both(), [1, 2]);
        drop(alone);
        assert_eq!(both(), [2, 2]);
    }

    #[test]
    fn a_panic_on_another_thread_reaches_the_caller_and_the_next_loop_runs() {
        tch::set_num_threads(2);
        let caller = thread::current().id();
        let loop_that_panics = || {
            on_all(&|| assert!(thread::current().id() == caller, "a piece of work panics"));
        };
        let panic = catch_unwind(loop_that_panics).expect_err("a panic");
        assert_eq!(panic.downcast_ref(), Some(&"a piece of work panics"));
        let done = Mutex::new(0);
        on_all(&|| *done.lock().expect("nobody panics") += 1);
        assert_eq!(done.into_inner().expect("nobody panics"), 2);
    }
}
