//! Speed for chapter 1.

pub(crate) mod join;
