//! What a run reads and leaves behind, and how it talks with its user.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`arguments`] | checks numbers on the command line |
//! | [`best`] | keeps the weights with the lowest validation loss |
//! | [`cache`] | looks into the cache of the Hugging Face library |
//! | [`card`] | writes the card of a model |
//! | [`corpus`] | finds the text to train on |
//! | [`environment`] | reads the variables of that library |
//! | [`fetch`] | brings a model from the hub |
//! | [`folder`] | writes the folder of a run |
//! | [`hub`] | finds public weights on the machine or fetches them |
//! | [`memory_check`] | refuses a model that does not fit into memory |
//! | [`newest`] | finds the runs that there are |
//! | [`plot`] | draws curves |
//! | [`presets`] | models that are trained in minutes |
//! | [`recorder`] | writes down what happens in a run, and shows it |
//! | [`report`] | writes the report card of a run, and compares two |
//! | [`repository`] | knows the names of models on the hub |
//! | [`runs`] | finds the runs of the project |
//! | [`terminal`] | progress, messages, signals |
//! | [`text_file`] | reads a text in the encodings that there are |
//! | [`weights`] | reads the model that a user names |

pub mod arguments;
pub mod best;
pub mod cache;
pub mod card;
pub mod corpus;
pub mod environment;
pub mod fetch;
pub mod folder;
pub mod hub;
pub mod memory_check;
pub mod newest;
pub mod plot;
pub mod presets;
pub mod recorder;
pub mod report;
pub mod repository;
pub mod runs;
pub mod terminal;
pub mod text_file;
pub mod tokenizer;
pub mod weights;
