//! What a run reads and leaves behind, and how it talks with its user.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`arguments`] | checks numbers on the command line |
//! | [`corpus`] | finds the text to train on |
//! | [`folder`] | writes the folder of a run |
//! | [`hub`] | finds public weights on the machine or fetches them |
//! | [`memory_check`] | refuses a model that does not fit into memory |
//! | [`newest`] | finds the runs that there are |
//! | [`plot`] | draws curves |
//! | [`recorder`] | writes down what happens in a run, and shows it |
//! | [`shell`] | quotes commands that are printed to be pasted |
//! | [`terminal`] | progress, messages, signals |

pub mod arguments;
pub mod corpus;
pub mod folder;
pub mod hub;
pub mod memory_check;
pub mod newest;
pub mod plot;
pub mod recorder;
pub mod shell;
pub mod terminal;
