//! Listing the runs that there are (chapter 5.7).

use anyhow::{Result, ensure};
use train::run::{
    newest::{self, Maker, Run, Stage},
    runs,
};

const HEAD: [&str; 5] = ["run", "by", "steps", "loss", "state"];

/// Prints the runs of the project, the newest first.
///
/// # Errors
/// If there is none.
pub fn list() -> Result<()> {
    let runs = newest::all();
    ensure!(!runs.is_empty(), "there is no run in {}", runs::root().display());
    let rows: Vec<[String; 5]> =
        [HEAD.map(str::to_owned)].into_iter().chain(runs.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let [run, by, steps, loss, _] = std::array::from_fn(|column| width(column).unwrap_or(0));
    for row in &rows {
        println!(
            "{:<run$}  {:<by$}  {:>steps$}  {:>loss$}  {}",
            row[0], row[1], row[2], row[3], row[4]
        );
    }
    Ok(())
}

fn row(run: &Run) -> [String; 5] {
    let by = match run.maker {
        Some(Maker::Train) => "train",
        Some(Maker::Finetune) => "finetune",
        None => "-",
    };
    let state = match run.stage {
        Stage::Running => "running",
        Stage::Finished => "finished",
        Stage::Interrupted if run.maker.is_none() => "without a checkpoint",
        Stage::Interrupted => "interrupted",
    };
    [
        run.folder.display().to_string(),
        by.to_owned(),
        run.steps.to_string(),
        run.loss.map_or_else(|| "-".to_owned(), |loss| format!("{loss:.3}")),
        state.to_owned(),
    ]
}
