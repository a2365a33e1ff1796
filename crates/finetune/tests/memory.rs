//! That a large file of instructions takes no multiple of its size. Alone in its file, as memory is counted for the whole process.

#[path = "../../model/tests/peak/mod.rs"]
mod peak;

use finetune::run::tasks;
use std::fs;

const LENGTH: usize = 100_000_000;

#[test]
fn a_file_of_100_mb_is_read_and_one_that_is_no_list_of_entries_refused_in_bounded_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("instructions.json");
    let entry = r#"{"instruction": "Say it again, and then a third time.", "input": "It is late.", "output": "Late."},"#;
    let entries = LENGTH / entry.len();
    let list = |item: &str| {
        format!("[{}{}]", item.repeat(LENGTH / item.len()), item.trim_end_matches(','))
    };
    for (text, expected) in [(list(entry), entries + 1), (list("1,"), 0), (list("[],"), 0)] {
        fs::write(&path, &text).expect("room on the disk");
        drop(text);
        // The text, and what of it makes up entries.
        peak::takes_less_than(4 * LENGTH as u64, || {
            let read = tasks::load(&path).map_or(0, |entries| entries.len());
            assert_eq!(read, expected);
        });
    }
}
