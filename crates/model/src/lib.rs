//! Chapter 3: GPT-2, from its parts to a first word.
//!
//! | module | question it answers | chapter |
//! | --- | --- | --- |
//! | [`config`] | how large is the model, and what are its four published sizes? | 3.1 |
//! | [`norm`] | how are activations kept in a range that trains well? | 3.2 |
//! | [`feed_forward`] | what does each position do with what it has read? | 3.3 |
//! | [`block`] | how do attention and feed-forward become one block? | 3.4 |
//! | [`gpt2`] | how do ids become scores for the next token? | 3.5 |
//! | [`summary`] | where are the parameters? | 3.6 |
//! | [`generate`] | how does the model write? | 3.7 |
//! | [`cache`] | why does it not start over for each token? | 3.8 |
//! | [`mod@trace`] | what does a text pass through on its way? | 3.9 |
//!
//! [`mod@format`] is how everybody else stores a GPT-2 (chapters 5.1 and 5.6), [`fast`] how the same numbers come sooner on a CPU.
//!
//! Shapes use the legend of [`embedding`]; this chapter adds `F`, the hidden width of the feed-forward network, and `L`,
//! the number of blocks.

pub mod block;
pub mod cache;
pub mod config;
pub mod feed_forward;
pub mod generate;
pub mod gpt2;
pub mod norm;
pub mod summary;
pub mod trace;

pub mod fast;
pub mod format;
