//! The texts that the chapters read: the ones written for this project, or the articles' own where they have been fetched.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A short story for children, written for this project: chapter 1 cuts it into tokens.
pub const STORY: &str = include_str!("../../../../data/story.txt");

/// A longer prose text, written for this project: chapter 4 trains on it.
pub const PROSE: &str = include_str!("../../../../data/prose.txt");

/// Four hundred short tales of one village in few different words, written for this project: what a small model learns to write from.
/// A line `<|endoftext|>` ends each.
pub const TALES: &str = include_str!("../../../../data/tales.txt");

/// A text and the file it comes from.
pub struct Text {
    /// The file, seen from the project's root.
    pub file: &'static str,
    /// What it says.
    pub content: String,
}

/// The text of a chapter: the original series' own if `cargo xtask fetch` has put it under `data/public`, else the embedded one.
///
/// # Errors
/// If the fetched file cannot be read, or if the chapter has no text of its own (1 and 4 have one).
pub fn chapter_text(chapter: u8) -> Result<Text> {
    let (fetched, embedded_file, embedded) = sources(chapter)?;
    let path = project_root().join(fetched);
    if !path.exists() {
        return Ok(Text { file: embedded_file, content: embedded.to_string() });
    }
    let content =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Text { file: fetched, content })
}

/// The files of a chapter's text: the fetched one, the embedded one, and what the latter says.
fn sources(chapter: u8) -> Result<(&'static str, &'static str, &'static str)> {
    match chapter {
        1 => Ok(("data/public/peter-rabbit.txt", "data/story.txt", STORY)),
        4 => Ok(("data/public/world-war-i.txt", "data/prose.txt", PROSE)),
        other => bail!("chapter {other} has no text of its own; chapters 1 and 4 have one"),
    }
}

/// The folder of the workspace: the nearest one above the current folder, else the one this crate was built in.
pub fn project_root() -> PathBuf {
    let is_root =
        |folder: &&Path| folder.join("data/story.txt").is_file() && folder.join("crates").is_dir();
    let built_in = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::current_dir()
        .ok()
        .and_then(|here| here.ancestors().find(is_root).map(Path::to_path_buf))
        .unwrap_or_else(built_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chapters_with_a_text_find_one_and_say_where() {
        for chapter in [1, 4] {
            let text = chapter_text(chapter).expect("the embedded text is always there");
            let file = project_root().join(text.file);
            assert_eq!(text.content, fs::read_to_string(&file).expect("the file that was named"));
            let (_, file, embedded) = sources(chapter).expect("a chapter with a text");
            assert_eq!(
                embedded,
                fs::read_to_string(project_root().join(file)).expect("a committed file")
            );
        }
    }

    #[test]
    fn other_chapters_are_refused() {
        assert!(chapter_text(2).err().expect("no text").to_string().contains("chapters 1 and 4"));
    }
}
