//! The runs of the project while they train, from what they write down (chapter 4.4).

use super::limits::Refusal;
use anyhow::{Context, Result};
use axum::{
    Json,
    extract::{Query, rejection::QueryRejection},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};
use train::{
    metrics::{Line, from_jsonl},
    run::{
        folder::METRICS,
        newest::{self, Maker, Stage},
    },
};

/// Bytes of metrics that are sent at once; the page asks for the rest.
const MOST_BYTES: u64 = 1 << 21;

/// Which run's metrics, and from which byte on.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    run: String,
    #[serde(default)]
    from: u64,
}

/// `GET /api/runs`: the newest first.
pub async fn list() -> Json<Value> {
    let describe = |run: newest::Run| {
        let stage = match run.stage {
            Stage::Running => "running",
            Stage::Finished => "finished",
            Stage::Interrupted => "interrupted",
        };
        let maker = match run.maker {
            Some(Maker::Train) => "train",
            Some(Maker::Finetune) => "finetune",
            None => "",
        };
        json!({ "name": run.folder.display().to_string(), "steps": run.steps, "loss": run.loss, "stage": stage, "maker": maker })
    };
    Json(json!({ "runs": newest::all().into_iter().map(describe).collect::<Vec<_>>() }))
}

/// `GET /api/metrics?run=NAME&from=BYTE`: the lines from there on that are whole, and from where the next will be.
///
/// # Errors
/// If there is no such run, or what it wrote makes no sense.
pub async fn metrics(
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Refusal> {
    let Query(wanted) = wanted.map_err(|problem| Refusal::bad(problem.body_text()))?;
    let run = newest::all().into_iter().find(|run| run.folder.display().to_string() == wanted.run);
    let sentence = || format!("there is no run {:?}", wanted.run);
    let run = run.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, sentence()))?;
    let (lines, next) = whole_lines(&run.folder.join(METRICS), wanted.from)?;
    Ok(Json(json!({ "lines": lines, "next": next, "running": run.stage == Stage::Running })))
}

/// The lines of a file that is being written, without the last if it has no end yet.
fn whole_lines(path: &Path, from: u64) -> Result<(Vec<Line>, u64)> {
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    // A run that was begun anew is shorter.
    let from = if from > file.metadata()?.len() { 0 } else { from };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let text = str::from_utf8(&bytes[..end]).context("the metrics are no text")?;
    Ok((from_jsonl(text)?, from + end as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn of_a_file_that_is_being_written_only_whole_lines_are_read_and_the_rest_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(METRICS);
        let line = |step: usize| {
            format!("{{\"step\":{step},\"epoch\":0.5,\"tokens\":64,\"validation_loss\":2.5}}\n")
        };
        fs::write(&path, line(1) + &line(2)[..20]).expect("room");
        let (lines, next) = whole_lines(&path, 0).expect("one line");
        assert_eq!((lines.len(), next), (1, line(1).len() as u64));
        fs::write(&path, line(1) + &line(2)).expect("room");
        let (lines, end) = whole_lines(&path, next).expect("the other");
        assert!(matches!(&lines[..], [Line::Validation(two)] if two.step == 2), "{lines:?}");
        fs::write(&path, line(7)).expect("room");
        let (lines, _) = whole_lines(&path, end).expect("a run that was begun anew");
        assert!(matches!(&lines[..], [Line::Validation(seven)] if seven.step == 7), "{lines:?}");
    }
}
