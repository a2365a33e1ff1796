//! Chapter 4: how a GPT-2 learns, and how nothing it has learnt is lost.
//!
//! | module | question it answers | chapter |
//! | --- | --- | --- |
//! | [`loss`] | how wrong is the model? | 4.1 |
//! | [`adamw`] | how does an error become a better weight? | 4.2 |
//! | [`schedule`] | how large should each step be? | 4.3 |
//! | [`split`] | what is learnt from, and what is kept to measure with? | 4.1 |
//! | [`protocol`] | can a published run be repeated, figure for figure? | 4.4 |
//! | [`sampling`] | how does a score become a word? | 4.5 |
//!
//! Shapes use the legend of [`embedding`].

pub mod adamw;
pub mod loss;
pub mod protocol;
pub mod sampling;
pub mod schedule;
pub mod split;
