//! libtorch's threads beside our own.

/// Keeps libtorch to the caller's thread for small pieces of work, such as those between two tokens.
///
/// Another of its threads, once awake, looks for more to do for milliseconds after, on the processor where one of ours works: copying
/// the scores on two threads took decoding in 8 bits from 197 to 102 tokens a second.
pub fn on_one_thread<T>(work: impl FnOnce() -> T) -> T {
    let threads = tch::get_num_threads();
    tch::set_num_threads(1);
    let done = work();
    tch::set_num_threads(threads);
    done
}
