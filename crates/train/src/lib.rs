//! Chapter 4: how a GPT-2 learns, and how nothing it has learned is lost.
//!
//! | module | question it answers | chapter |
//! | --- | --- | --- |
//! | [`loss`] | how wrong is the model? | 4.1 |
//! | [`split`] | what is learned from, and what is kept to measure with? | 4.1 |
//! | [`examples`] | what can it be trained on? | 4.1 |
//! | [`adamw`] | how does an error become a better weight? | 4.2 |
//! | [`schedule`] | how large should each step be? | 4.3 |
//! | [`settings`] | what decides a run? | 4.3 |
//! | [`step`] | how is one step taken? | 4.4 |
//! | [`evaluate`] | how well does the model do on what it has not seen? | 4.4 |
//! | [`course`] | which examples does each step learn from? | 4.4 |
//! | [`sampling`] | how does a logit become a word? | 4.5 |
//! | [`metrics`] | how does the run go? | 4.4 |
//! | [`callbacks`] | whom does a run tell of it? | 4.4 |
//! | [`progress`] | how far is it? | 4.6 |
//! | [`checkpoint`] | what if it is interrupted? | 4.6 |
//! | [`seeds`] | where do a resumed run's random numbers come from? | 4.6 |
//! | [`trainer`] | how do steps become a run? | 4.4 |
//! | [`protocol`] | can a published run be repeated, figure for figure? | 4.4 |
//!
//! [`fast`] finds the same gradients sooner on a CPU, [`run`] is what a run reads and leaves behind, [`command`] is the binary,
//! [`support`] quotes commands that are printed.
//!
//! Shapes use the legend of [`embedding`].

pub mod adamw;
pub mod callbacks;
pub mod checkpoint;
pub mod course;
pub mod evaluate;
pub mod examples;
pub mod loss;
pub mod metrics;
pub mod progress;
pub mod protocol;
pub mod sampling;
pub mod schedule;
pub mod seeds;
pub mod settings;
pub mod split;
pub mod step;
pub mod trainer;

pub mod command;
pub mod fast;
pub mod run;
pub mod support;
