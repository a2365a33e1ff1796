//! What the chapters use and do not explain: texts, printing, random numbers, and Python's way to draw from a list.

pub mod generators;
pub mod sample;
pub mod show;
pub mod texts;
