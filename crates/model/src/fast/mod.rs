//! The door to speed: the same numbers as the lesson's, sooner, on a CPU.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`decode`] | writes token by token, and reads prompts |
//! | [`ops`] | attention, softmax, GELU, norms and matrix products over plain slices |
//! | [`cpu`] | registers, threads and memory of the processor: all unsafe code of the workspace |

pub mod cpu;
pub mod decode;
pub mod ops;
