//! What a run reads.

pub mod tasks;
