//! How an error is told: in one sentence, without a trace.

use anyhow::Error;

/// An error and its causes on one line. Of libtorch's messages only the first line is kept; the rest is a C++ trace.
pub fn one_sentence(error: &Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain() {
        let cause = first_line(&cause.to_string());
        if sentence.contains(&cause) {
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(": ");
        }
        sentence.push_str(&cause);
    }
    sentence
}

/// The first line of a message, without what libtorch and tch write around it.
pub fn first_line(text: &str) -> String {
    // tch's operators panic with the debug form of libtorch's message, in which line breaks are written as \n.
    let text = text.split_once("Torch(\"").map_or(text, |(_, message)| message);
    let line = text.split('\n').next().unwrap_or(text);
    let line = line.split("\\n").next().unwrap_or(line).trim_end_matches("\")").trim();
    out_of_memory(line).unwrap_or_else(|| line.to_owned())
}

/// What libtorch says when the system gives it no more memory, in words for those who can change it.
fn out_of_memory(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("can't allocate memory: you tried to allocate ")?;
    let bytes: f64 = rest.split(' ').next()?.parse().ok()?;
    let (number, unit) = if bytes < 1e9 { (bytes / 1e6, "MB") } else { (bytes / 1e9, "GB") };
    Some(format!(
        "there is no memory for {number:.1} {unit} more; take a smaller batch, context or model"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_errors_becomes_one_sentence_without_a_trace() {
        let error = Error::msg(
            "index out of range in self\nException raised from apply at x.cpp:1\nframe #0: f",
        )
        .context("cannot read the batch");
        assert_eq!(one_sentence(&error), "cannot read the batch: index out of range in self");
    }

    #[test]
    fn the_message_of_a_panic_in_libtorch_is_cut_to_its_first_line() {
        let text = r#"called `Result::unwrap()` on an `Err` value: Torch("shape '[3]' is invalid\nException raised")"#;
        assert_eq!(first_line(text), "shape '[3]' is invalid");
    }

    #[test]
    fn memory_that_is_not_there_is_told_in_words() {
        let text = r#"called `Result::unwrap()` on an `Err` value: Torch("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 41006495552 bytes. Error code 12 (Cannot allocate memory)\nframe #0")"#;
        assert_eq!(
            first_line(text),
            "there is no memory for 41.0 GB more; take a smaller batch, context or model"
        );
    }
}
