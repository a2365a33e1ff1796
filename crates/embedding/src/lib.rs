//! Chapter 1: how a text becomes vectors that a network can work with.
//!
//! | module | question it answers | chapter |
//! | --- | --- | --- |
//! | [`words`] | how is a text cut into words and numbered? | 1.1 |
//! | [`split`] | where may a byte-pair encoder not merge? | 1.2 |
//! | [`learn`] | which strings deserve a number of their own? | 1.2 |
//! | [`bpe`] | how does GPT-2 write any text with 50,257 numbers? | 1.2 |
//! | [`windows`] | what does the network read, and what should it answer? | 1.3 |
//! | [`loader`] | in which order does training see the windows? | 1.3 |
//! | [`embed`] | how does a number become a vector that knows its position? | 1.4 |
//!
//! [`support`] finds the texts of the chapters, prints tensors as PyTorch does, and draws as libtorch and Python do.
//! [`fast`] is an encoder with a queue, for the commands.
//!
//! # Shapes
//!
//! All five crates write shapes in `[ ]` with these letters:
//!
//! | letter | meaning | GPT-2 small |
//! | --- | --- | --- |
//! | `B` | sequences in a batch | – |
//! | `T` | positions in a sequence | at most 1024 |
//! | `C` | channels of the residual stream | 768 |
//! | `H` | heads | 12 |
//! | `D` | channels per head, `C = H * D` | 64 |
//! | `F` | hidden width of the feed-forward network, `4C` | 3072 |
//! | `V` | vocabulary | 50257 |
//! | `L` | blocks | 12 |

pub mod bpe;
pub mod embed;
pub mod learn;
pub mod loader;
pub mod split;
pub mod windows;
pub mod words;

pub mod fast;
pub mod support;
