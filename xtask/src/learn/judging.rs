//! Judges at work: programs of tests and demos are run, and what they say is cut to what helps.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::judge::{Judge, Program};
use super::programs::{self, Build, Ended, LIMIT, STOPPED};
use crate::chapter;
use crate::compare::Comparison;
use crate::contents::Demo;
use crate::outputs::Reference;

/// A judge that does not accept what was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// `demo causal_mask` or `test NAME`.
    pub judge: String,
    /// What differs, from the first line on.
    pub message: String,
}

impl Failure {
    /// The exercise that is still to be written, where the run met its hole.
    pub fn hole(&self) -> Option<&str> {
        let (_, rest) = self.message.split_once("not yet implemented: ")?;
        rest.split(':').next()
    }
}

/// Programs that are built, and the workspace that they run in.
pub struct Court<'a> {
    /// Whose tests and expected outputs hold.
    pub project: &'a Path,
    /// Where the programs run.
    pub folder: &'a Path,
    pub build: &'a Build,
    /// Variables for the programs.
    pub variables: Vec<(String, String)>,
}

impl Court<'_> {
    /// The first judge that does not accept, in their order.
    pub fn first_failure(&self, judges: &[Judge]) -> Result<Option<Failure>> {
        for together in judges.chunk_by(same_program) {
            if let Some(failure) = self.hear(together)?.into_iter().flatten().next() {
                return Ok(Some(failure));
            }
        }
        Ok(None)
    }

    /// What each of the judges finds.
    pub fn all(&self, judges: &[Judge]) -> Result<Vec<Option<Failure>>> {
        let heard = judges.chunk_by(same_program).map(|together| self.hear(together));
        Ok(heard.collect::<Result<Vec<_>>>()?.concat())
    }

    /// Runs judges of one program.
    fn hear(&self, judges: &[Judge]) -> Result<Vec<Option<Failure>>> {
        match &judges[0] {
            Judge::Demo(demo) => {
                let failure = self.demo(*demo)?;
                let judge = judges[0].to_string();
                let message = failure.map(|message| self.without_folders(&message));
                Ok(vec![message.map(|message| Failure { judge, message })])
            }
            Judge::Test { program, .. } => self.tests(program, judges),
        }
    }

    /// A message whose files are named from their workspace on, so that it is the same wherever that lies.
    fn without_folders(&self, message: &str) -> String {
        [self.folder, self.project].iter().fold(message.to_owned(), |message, folder| {
            message.replace(&format!("{}/", folder.display()), "")
        })
    }

    fn start(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).envs(self.variables.iter().cloned());
        // A test that skips for want of data has judged nothing.
        command.env("GPT2_REQUIRE_DATA", "1").env("RUST_BACKTRACE", "0");
        command
    }

    fn tests(&self, program: &Program, judges: &[Judge]) -> Result<Vec<Option<Failure>>> {
        let names = || {
            judges.iter().filter_map(|judge| match judge {
                Judge::Test { name, .. } => Some(name.as_str()),
                Judge::Demo(_) => None,
            })
        };
        let folder = self.folder.join("crates").join(&program.krate);
        let mut command = self.start(self.build.test(program)?, &folder);
        command.arg("--test-threads=1").args(names());
        // A name that is the beginning of several cannot be exact.
        if !names().any(|name| name.ends_with("::")) {
            command.arg("--exact");
        }
        let ended = programs::run(&mut command, LIMIT)?;
        let verdict = |(judge, name): (&Judge, &str)| {
            let message = self.without_folders(&of_test(&ended, name)?);
            Some(Failure { judge: judge.to_string(), message })
        };
        Ok(judges.iter().zip(names()).map(verdict).collect())
    }

    fn demo(&self, demo: Demo) -> Result<Option<String>> {
        let mut command = self.start(self.build.demo(demo)?, self.folder);
        let ended = programs::run(&mut command, LIMIT)?;
        if let Some(failure) = &ended.failure {
            return Ok(Some(
                panic(&ended.stderr).unwrap_or_else(|| format!("it ended: {failure}")),
            ));
        }
        let (_, reference, comparison) = chapter::judge(self.project, demo, &ended.stdout)?;
        Ok((!comparison.differences.is_empty()).then(|| difference(&reference, &comparison)))
    }
}

fn same_program(one: &Judge, other: &Judge) -> bool {
    match (one, other) {
        (Judge::Test { program: one, .. }, Judge::Test { program: other, .. }) => one == other,
        _ => false,
    }
}

/// What went wrong in the tests that a name means; nothing where all passed.
fn of_test(ended: &Ended, name: &str) -> Option<String> {
    let mut passed = 0;
    for line in ended.stdout.lines().filter_map(|line| line.strip_prefix("test ")) {
        let Some((test, result)) = line.split_once(" ... ") else { continue };
        let test = test.trim_end_matches(" - should panic");
        if !Judge::means(name, test) {
            continue;
        }
        if result.ends_with("ok") {
            passed += 1;
            continue;
        }
        let report = ended.stdout.split(&format!("---- {test} stdout ----\n")).nth(1);
        let report = report.map(|rest| rest.split("\n---- ").next().unwrap_or(rest));
        let ending = || format!("it did not end: {}", ended.failure.clone().unwrap_or_default());
        return Some(match report {
            Some(report) => refusal(report)
                .or_else(|| panic(report))
                .unwrap_or_else(|| report.trim().to_owned()),
            None => panic(&ended.stderr).unwrap_or_else(ending),
        });
    }
    // A test that was stopped may not have come to be named.
    let ending = || match &ended.failure {
        Some(stopped) if stopped.starts_with(STOPPED) => format!("it did not end: {stopped}"),
        Some(failure) => format!("it was not run: {failure}"),
        None => "it was not run: no such test".to_owned(),
    };
    (passed == 0).then(ending)
}

/// The words that a test waits for in vain: something else was refused, or by other words.
fn refusal(report: &str) -> Option<String> {
    let (_, expected) = report.split_once("expected substring: ")?;
    let expected = expected.lines().next()?;
    Some(format!("{}\nexpected, among its words: {expected}", panic(report)?))
}

/// What a panic says, without the place that it comes from; libtorch's words to their first line.
fn panic(text: &str) -> Option<String> {
    let (_, after) = text.split_once(" panicked at ")?;
    let (place, message) = after.split_once('\n')?;
    let message = message.split("\nnote: ").next().unwrap_or(message);
    let message = message.split("\nfailures:").next().unwrap_or(message).trim_end();
    let message = match message.split_once("value: Torch(\"") {
        Some((_, torch)) => {
            let first = torch.split("\\n").next().unwrap_or(torch);
            format!("libtorch refuses: {}", first.replace("\\\"", "\""))
        }
        None => message.to_owned(),
    };
    // Lines are of the reader's files, or of the project's tests; where in tch it was helps nobody.
    let place = place.trim_end_matches(':');
    let is_ours = place.contains("crates/");
    Some(if is_ours { format!("{message}\nat {}", short(place)) } else { message })
}

/// `crates/…` and the line of it.
fn short(place: &str) -> String {
    let from = place.rfind("crates/").unwrap_or(0);
    place[from..].rsplit_once(':').map_or(&place[from..], |(line, _)| line).to_owned()
}

/// The first place at which an output differs, what was expected there, and how much else differs.
fn difference(reference: &Reference, comparison: &Comparison) -> String {
    let all = comparison.numbers.len();
    let wrong = comparison.numbers.iter().filter(|pair| !pair.holds).count();
    let first = &comparison.differences[0];
    let source = reference.from.as_str();
    let pair = comparison.numbers.iter().find(|pair| !pair.holds && pair.line == first.line);
    let place = match pair {
        Some(pair) => format!(
            "line {}, below \"{}\", number {}\n  expected  {}    yours  {}    ({source})",
            pair.line, pair.label, pair.place, pair.expected, pair.ours
        ),
        None => format!(
            "line {}\n  expected  {}    ({source})\n  yours     {}",
            first.line, first.expected, first.ours
        ),
    };
    // Where words differ, numbers tell nothing.
    let pattern = format!("\n  pattern   {wrong} of {all} numbers differ");
    if wrong == 0 { place } else { place + &pattern }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STDOUT: &str = "running 2 tests\ntest a::tests::one ... ok\ntest a::tests::two - should panic ... FAILED\n\nfailures:\n\n\
        ---- a::tests::two stdout ----\n\nthread 'a::tests::two' (12) panicked at /x/crates/a/src/a.rs:3:5:\nlargest difference 1e0\n\
        note: run with `RUST_BACKTRACE=1`\n\n\nfailures:\n    a::tests::two\n";

    fn ended(stdout: &str, failure: Option<&str>) -> Ended {
        let failure = failure.map(str::to_owned);
        Ended { stdout: stdout.to_owned(), stderr: String::new(), failure }
    }

    #[test]
    fn a_test_passes_only_where_it_ran_and_passed() {
        let ended = ended(STDOUT, Some("exit status: 101"));
        assert_eq!(of_test(&ended, "a::tests::one"), None);
        let message = of_test(&ended, "a::tests::").expect("one of them failed");
        assert_eq!(message, "largest difference 1e0\nat crates/a/src/a.rs:3");
        let message = of_test(&ended, "a::tests::three").expect("there is none");
        assert!(message.starts_with("it was not run"), "{message}");
    }

    #[test]
    fn a_message_is_the_same_wherever_the_project_lies() {
        let build = Build::default();
        let court = Court {
            project: Path::new("/home/one/gpt2"),
            folder: Path::new("/home/one/gpt2/target/learn/variants"),
            build: &build,
            variables: Vec::new(),
        };
        let said = "at /home/one/gpt2/crates/a/tests/b.rs:9 and /home/one/gpt2/target/learn/variants/crates/a/src/c.rs:3";
        assert_eq!(court.without_folders(said), "at crates/a/tests/b.rs:9 and crates/a/src/c.rs:3");
    }

    #[test]
    fn a_test_that_never_ends_fails_and_says_so() {
        let ended = ended("running 1 test\ntest a ... ", Some("stopped after 60 s"));
        assert_eq!(of_test(&ended, "a").expect("failed"), "it did not end: stopped after 60 s");
        assert_eq!(of_test(&ended, "b::").expect("failed"), "it did not end: stopped after 60 s");
    }

    #[test]
    fn a_refusal_by_other_words_names_those_that_are_waited_for() {
        let stdout = "running 1 test\ntest a - should panic ... FAILED\n\nfailures:\n\n---- a stdout ----\n\n\
            thread 'a' (12) panicked at /x/crates/a/src/a.rs:3:5:\nno\nnote: run with `RUST_BACKTRACE=1`\n\
            note: panic did not contain expected string\n      panic message: \"no\"\n expected substring: \"5 queries\"\n\nfailures:\n    a\n";
        let message = of_test(&ended(stdout, Some("exit status: 101")), "a").expect("failed");
        assert_eq!(message, "no\nat crates/a/src/a.rs:3\nexpected, among its words: \"5 queries\"");
    }

    #[test]
    fn libtorchs_words_are_cut_to_their_first_line() {
        let text = "thread 'x' panicked at /r/tch/src/a.rs:1:2:\ncalled `Result::unwrap()` on an `Err` value: Torch(\"shape '[2]' is \\\"bad\\\"\\nException raised from x\\nframe 1\")\nnote: run\n";
        assert_eq!(panic(text).expect("a panic"), "libtorch refuses: shape '[2]' is \"bad\"");
    }

    #[test]
    fn a_hole_is_known_by_its_number() {
        let failure = |message: &str| Failure { judge: String::new(), message: message.to_owned() };
        assert_eq!(failure("not yet implemented: 2.3.1: the mask\nat x").hole(), Some("2.3.1"));
        assert_eq!(failure("largest difference").hole(), None);
    }
}
