//! A file to which lines of JSON are added one by one (chapter 5.5), so that whatever ends the program, no line that was added is lost.

use anyhow::{Context, Result, bail, ensure};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

/// Such a file, which is there from its first line on.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Bytes of whole lines; what a broken-off program has left behind them is taken away before the next is added.
    whole: u64,
    /// Whether the last whole line still wants its end.
    unended: bool,
    file: Option<File>,
}

impl Journal {
    /// Looks at the file, if there is one, and returns its lines; nothing is changed or made.
    ///
    /// A last line that was cut off counts for nothing. It is recognized by `beginning`, with which each line of this kind begins.
    ///
    /// # Errors
    /// If the file cannot be read, or holds a line that is not of this kind: then it is somebody else's.
    pub fn open<T: DeserializeOwned>(path: &Path, beginning: &str) -> Result<(Self, Vec<T>)> {
        let path = path.to_owned();
        // A pipe or a device is written to, and has nothing to be read.
        let bytes = if path.is_file() {
            fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?
        } else {
            Vec::new()
        };
        let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let (whole, tail) = bytes.split_at(end);
        let foreign = |line: &[u8]| {
            let line = line.trim_ascii_end(); // a sentence ends with its line
            let begin: String = String::from_utf8_lossy(line).chars().take(40).collect();
            format!(
                "{} holds {begin:?}, which is not what such a file holds; choose another, nothing was changed",
                path.display()
            )
        };
        let mut lines = Vec::new();
        for line in whole.split_inclusive(|&byte| byte == b'\n') {
            lines.push(serde_json::from_slice(line).with_context(|| foreign(line))?);
        }
        let mut journal =
            Self { whole: end as u64, unended: false, file: None, path: path.clone() };
        match serde_json::from_slice(tail) {
            Ok(line) => {
                lines.push(line);
                journal.whole = bytes.len() as u64;
                journal.unended = true;
            }
            Err(error) => {
                let beginning = beginning.as_bytes();
                let cut_off = tail.starts_with(beginning) || beginning.starts_with(tail);
                ensure!(error.is_eof() && cut_off, foreign(tail));
            }
        }
        Ok((journal, lines))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If the disk refuses; the lines before then still are whole.
    pub fn add<T: Serialize>(&mut self, line: &T) -> Result<()> {
        let cannot = |path: &Path| format!("cannot write {}", path.display());
        if self.file.is_none() {
            let file = OpenOptions::new().create(true).append(true).open(&self.path);
            let mut file = file.with_context(|| cannot(&self.path))?;
            if self.path.is_file() {
                file.set_len(self.whole).with_context(|| cannot(&self.path))?;
            }
            if self.unended {
                file.write_all(b"\n").with_context(|| cannot(&self.path))?;
                self.whole += 1;
            }
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { bail!(cannot(&self.path)) };
        let text = serde_json::to_string(line)? + "\n";
        if let Err(error) = file.write_all(text.as_bytes()) {
            let _ = file.set_len(self.whole); // a part of the line may have found room
            return Err(error).with_context(|| cannot(&self.path));
        }
        self.whole += text.len() as u64;
        Ok(())
    }
}

/// Whether a file can be written, tried without leaving anything behind.
///
/// # Errors
/// If it cannot, or is a folder.
pub fn check_writable(path: &Path) -> Result<()> {
    let target = &followed(path); // of a link that leads to nothing yet, too
    let tried = if target.exists() {
        if target.is_file() || target.is_dir() {
            OpenOptions::new().append(true).open(target).map(|_| ())
        } else {
            Ok(()) // opening a pipe would wait for its reader
        }
    } else {
        File::create_new(target).and_then(|_| fs::remove_file(target))
    };
    tried.with_context(|| format!("cannot write {}; choose another --out", path.display()))
}

/// The file that a link leads to, whether it is there yet or not.
pub fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..40 {
        let Ok(target) = fs::read_link(&path) else { break };
        if is_stream(&path) {
            break; // such as /dev/stdout, whose target has no name that could be opened
        }
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// Whether a path is there and no plain file, or stands for what the process has open already.
pub fn is_stream(path: &Path) -> bool {
    let open_already = path.starts_with("/dev") || path.starts_with("/proc");
    path.exists() && !path.is_dir() && (open_already || !path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Line {
        number: u32,
    }
    const BEGINNING: &str = r#"{"number":"#;

    #[test]
    fn a_line_cut_off_in_the_middle_is_taken_away_and_one_without_its_end_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        for (before, numbers, after) in [
            ("", vec![], "{\"number\":9}\n"),
            ("{\"number\":1}\n{\"num", vec![1], "{\"number\":1}\n{\"number\":9}\n"),
            ("{\"number\":1}\n{\"number\":", vec![1], "{\"number\":1}\n{\"number\":9}\n"),
            ("{\"number\":1}", vec![1], "{\"number\":1}\n{\"number\":9}\n"),
        ] {
            fs::write(&path, before).expect("a file");
            let (mut journal, lines) = Journal::open::<Line>(&path, BEGINNING).expect("ours");
            assert_eq!(lines.into_iter().map(|line| line.number).collect::<Vec<_>>(), numbers);
            assert_eq!(
                fs::read_to_string(&path).expect("a file"),
                before,
                "looking changes nothing"
            );
            journal.add(&Line { number: 9 }).expect("room");
            assert_eq!(fs::read_to_string(&path).expect("a file"), after);
        }
    }

    #[test]
    fn a_line_cut_off_inside_a_character_is_taken_away() {
        #[derive(Serialize, Deserialize)]
        struct Said {
            said: String,
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        let whole = "{\"said\":\"süß\"}\n";
        for cut in 1..whole.len() - 2 {
            fs::write(&path, [whole.as_bytes(), &whole.as_bytes()[..cut]].concat())
                .expect("a file");
            let (mut journal, lines) = Journal::open::<Said>(&path, "{\"said\":").expect("ours");
            assert_eq!(lines.len(), 1, "{cut} bytes of the second line");
            journal.add(&lines[0]).expect("room");
            assert_eq!(fs::read_to_string(&path).expect("a file"), whole.repeat(2));
        }
    }

    #[test]
    fn a_file_that_is_not_ours_is_refused_and_stays_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notes.txt");
        for text in [
            "My notes, without an end",
            "one\ntwo\n",
            "{\"number\":1}\nnotes",
            "[1, 2]",
            "{\"number\":\"x\"}",
        ] {
            fs::write(&path, text).expect("a file");
            Journal::open::<Line>(&path, BEGINNING).expect_err("somebody else's");
            assert_eq!(fs::read_to_string(&path).expect("a file"), text);
        }
    }

    #[test]
    fn trying_whether_a_file_can_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, nowhere) = (folder.path().join("a.json"), folder.path().join("no/a.json"));
        check_writable(&file).expect("a folder of our own");
        assert!(!file.exists());
        check_writable(&nowhere).expect_err("no such folder");
        check_writable(folder.path()).expect_err("a folder");
        #[cfg(unix)]
        for (link, target, possible) in [("to", "b.json", true), ("away", "no/b.json", false)] {
            let link = folder.path().join(link);
            std::os::unix::fs::symlink(target, &link).expect("a link that leads to nothing yet");
            assert_eq!(check_writable(&link).is_ok(), possible, "{target}");
            assert!(link.is_symlink() && !link.exists());
        }
    }
}
