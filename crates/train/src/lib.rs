//! Chapter 4: how a GPT-2 learns, and how nothing it has learned is lost.
//!
//! | module | question it answers | chapter |
//! | --- | --- | --- |
//! | [`loss`] | how wrong is the model? | 4.1 |
//! | [`examples`] | what can it be trained on? | 4.1 |
//! | [`split`] | what is learned from, and what is kept to measure with? | 4.1 |
//! | [`adamw`] | how does an error become a better weight? | 4.2 |
//! | [`schedule`] | how large should each step be? | 4.3 |
//! | [`settings`] | what decides a run? | 4.3 |
//! | [`step`] | how is one step taken? | 4.4 |
//! | [`gradient`] | how is its gradient found without autograd? | 4.4 |
//! | `fused_adamw` | how is that done without waiting for memory? | 4.4 |
//! | [`trainer`] | how do steps become a run? | 4.4 |
//! | [`protocol`] | can a published run be repeated, figure for figure? | 4.4 |
//! | [`room`] | does it fit into memory? | 4.4 |
//! | [`heap`] | where does its memory go between steps? | 4.4 |
//! | [`metrics`] | how does the run go? | 4.4 |
//! | [`output`] | what does it leave behind? | 4.4 |
//! | [`plot`] | how does that look as a curve? | 4.4 |
//! | [`sampling`] | how does a score become a word? | 4.5 |
//! | [`checkpoint`] | what if it is interrupted? | 4.6 |
//! | [`seeds`] | where do a resumed run's random numbers come from? | 4.6 |
//! | [`hub`] | where do pretrained weights come from? | 5.1 |
//! | [`tokenizer_files`] | how do other tools learn what the numbers mean? | 5.6 |
//!
//! Beside the road: [`corpus`] finds the text for the command `train`, [`arguments`] and [`terminal`] are how the
//! commands listen to their user and speak with them.
//!
//! Shapes use the legend of [`embedding`].

pub mod adamw;
pub mod allocator;
pub mod arguments;
pub mod checkpoint;
pub mod corpus;
pub mod examples;
mod fused_adamw;
pub mod gradient;
pub mod hub;
pub mod loss;
pub mod memory_check;
pub mod metrics;
pub mod output;
pub mod plot;
pub mod protocol;
pub mod sampling;
pub mod schedule;
pub mod seeds;
pub mod settings;
pub mod split;
pub mod step;
pub mod terminal;
pub mod tokenizer_files;
pub mod trainer;
