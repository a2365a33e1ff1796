//! What `finetune` reads and leaves behind, and whom it asks.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`embedded`] | holds the data that comes with the project |
//! | [`induction`] | sets the weights that a model made on the spot starts from |
//! | [`pretraining`] | is what such a model reads first |
//! | [`fields`] | keeps an entry of a file letter for letter |
//! | [`records`] | reads files of tasks and answers, in whatever form they come |
//! | [`no_json`] | says what a file is that is no JSON |
//! | [`tasks`] | finds tasks and answers by the name of a dataset or a file |
//! | [`journal`] | adds lines to a file, none of which is lost |
//! | [`answer_file`] | keeps answers while they are given |
//! | [`judge`] | asks a judge for a mark |
//! | [`scoring`] | has many answers marked |

pub mod answer_file;
pub mod embedded;
pub mod fields;
pub mod induction;
pub mod journal;
pub mod judge;
pub mod no_json;
pub mod pretraining;
pub mod records;
pub mod scoring;
pub mod tasks;
