//! Chapter 5: how a model that continues texts becomes one that answers.
//!
//! | module | question it answers | chapter |
//! | --- | --- | --- |
//! | [`instructions`] | what does a task look like to the model? | 5.2 |
//! | [`data`] | which tasks are kept back? | 5.2 |
//! | [`collate`] | how do tasks of different lengths become one batch? | 5.3 |
//! | [`respond`] | how does the model answer? | 5.4 |
//! | [`measure`] | how good is an answer, by counting? | 5.5 |
//! | [`answers`] | how good are many answers? | 5.5 |
//! | [`judge`] | how good is an answer, in another model's opinion? | 5.5 |
//! | [`info`] | what is in a model's folder? | 5.1 |
//! | [`export`] | how do other programs go on with it? | 5.6 |
//!
//! The public weights with which it begins are read by [`model::format`] (5.1). [`run`] reads and writes files and asks a judge;
//! [`serve`] shows a model at work in the browser; [`command`] is the binary. Shapes use the legend of [`embedding`].

pub mod answers;
pub mod collate;
pub mod data;
pub mod export;
pub mod info;
pub mod instructions;
pub mod judge;
pub mod measure;
pub mod respond;

pub mod command;
pub mod run;
pub mod serve;
