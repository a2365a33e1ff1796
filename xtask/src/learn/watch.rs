//! `check --watch`: judges again whenever a file of the exercise at hand is saved.
//!
//! It looks at the files' times twice a second: watchers of the operating system fail on network drives and in WSL.

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::state::Reader;
use super::{Outcome, check};

const PAUSE: Duration = Duration::from_millis(500);

/// Judges until the chapter is written, or Ctrl-C ends it.
pub fn run(project: &Path, id: Option<&str>) -> Result<Outcome> {
    loop {
        let mut reader = Reader::here(project)?;
        let items = &reader.chosen(id)?.items;
        let files: Vec<PathBuf> = items.iter().map(|item| reader.folder.join(&item.file)).collect();
        let before = times(&files);
        let outcome = check::run(&mut reader, id)?;
        if outcome == Outcome::Done {
            if id.is_some() || reader.current()?.is_none() {
                return Ok(Outcome::Done);
            }
            // The next exercise may be in a file that nobody has touched: it is shown, and judged once saved.
            continue;
        }
        println!("  waiting for you to save; Ctrl-C ends\n");
        wait(&files, &before, PAUSE);
    }
}

/// Returns once a file has another time than before.
fn wait(files: &[PathBuf], before: &[Option<SystemTime>], pause: Duration) {
    while times(files) == before {
        sleep(pause);
    }
    // An editor may still be moving the new file into its place.
    sleep(pause / 5);
}

fn times(files: &[PathBuf]) -> Vec<Option<SystemTime>> {
    let time = |file: &PathBuf| std::fs::metadata(file).and_then(|known| known.modified()).ok();
    files.iter().map(time).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn waiting_ends_when_a_file_is_saved_and_not_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = [folder.path().join("a.rs"), folder.path().join("b.rs")];
        for file in &files {
            fs::write(file, "1").expect("written");
        }
        let before = times(&files);
        let waiting = std::thread::spawn({
            let files = files.clone();
            move || wait(&files, &before, Duration::from_millis(2))
        });
        sleep(Duration::from_millis(30));
        assert!(!waiting.is_finished(), "nothing was saved");
        sleep(Duration::from_millis(20)); // a file's time may be as coarse as that
        fs::write(&files[1], "2").expect("written");
        waiting.join().expect("it ended");
    }
}
