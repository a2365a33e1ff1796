//! Commands that are printed to be pasted into a shell: what comes from the user, a text or a model stays a word there, and is never run.

use std::path::Path;

/// The command that runs `package` of this workspace with `words`, as a shell wants it.
pub fn command<'a>(package: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(quoted).collect();
    format!("cargo run -p {package} -- {}", words.join(" "))
}

/// A word as a shell reads it back letter for letter.
pub fn quoted(word: &str) -> String {
    // The only word that no shell can be given holds a zero byte, and no argument can.
    shlex::try_quote(word).map_or_else(|_| "''".to_owned(), Into::into)
}

/// A path as a word that is not taken for an option.
pub fn path(path: &Path) -> String {
    let text = path.to_string_lossy().into_owned();
    if text.starts_with('-') { format!("./{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_shell_reads_back_every_word_and_runs_none() {
        for word in [
            "runs/train",
            "my runs/été 🚀",
            "costs $HOME `id` \"5\" \\ é",
            "it's",
            "'",
            "",
            "a\nb",
            "$(id)",
            "!! ^x ~ * [a] {b,c} #d ;e &f |g >h",
            "-- Act I",
        ] {
            let script = format!("printf '%s|' {}", quoted(word));
            let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{word}|"), "{script}");
        }
        assert_eq!(
            command("train", ["--resume", "my runs/a"]),
            "cargo run -p train -- --resume 'my runs/a'"
        );
        assert_eq!(path(Path::new("-odd")), "./-odd");
    }
}
