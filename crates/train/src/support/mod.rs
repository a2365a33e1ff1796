//! What both commands use and no chapter explains.

pub mod shell;
