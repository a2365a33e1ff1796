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
//! | [`decode`] | how does it write as fast as memory can be read? | 3.8 |
//! | [`heads`] | how do heads read without a table of weights, and what is the gradient of that? | 4.4 |
//! | [`plain`] | how do loops of our own reach the numbers of a tensor? | 3.8 |
//! | [`workers`], [`multiversion`] | how do such loops use a whole processor? | 4.4 |
//! | [`product`] | how do threads share a product of matrices? | 4.4 |
//! | [`public_weights`] | how does everybody else store a GPT-2? | 5.1 |
//! | [`weight_file`] | what if such a file is broken? | 5.1 |
//!
//! Shapes use the legend of [`embedding`]; this chapter adds `F`, the hidden width of the feed-forward network, and `L`,
//! the number of blocks.

pub mod block;
pub mod cache;
pub mod config;
pub mod decode;
pub mod feed_forward;
pub mod flash_attention;
pub mod generate;
pub mod gpt2;
pub mod matmul;
mod micro_kernel;
pub mod norm;
pub mod public_weights;
mod simd;
pub mod summary;
pub mod tensor_slice;
pub mod threads;
pub mod weight_file;
