//! What judges an exercise: tests and demos of the project, by name.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};
use serde::Deserialize;

use crate::contents::{self, Demo};

/// One of them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum Judge {
    /// A test, or all whose names begin so: `unit attention mask::tests::`, or `test attention properties NAME`.
    Test { program: Program, name: String },
    /// A demo, which must print what its `.out` says.
    Demo(Demo),
}

/// A program of tests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Program {
    /// The crate.
    pub krate: String,
    /// The file in `tests/`; none for the tests beside the code.
    pub file: Option<String>,
}

impl FromStr for Judge {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (krate, file, name) = match words[..] {
            ["demo", name] => return contents::demo(name).map(Self::Demo),
            ["unit", krate, name] => (krate, None, name),
            ["test", krate, file, name] => (krate, Some(file.to_owned()), name),
            _ => bail!(
                "`{text}` is no judge; write `unit CRATE NAME`, `test CRATE FILE NAME` or `demo NAME`"
            ),
        };
        let program = Program { krate: krate.to_owned(), file };
        Ok(Self::Test { program, name: name.to_owned() })
    }
}

impl fmt::Display for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Demo(demo) => write!(f, "demo {}", demo.name),
            Self::Test { name, .. } if name.ends_with("::") => write!(f, "tests {name}*"),
            Self::Test { name, .. } => write!(f, "test {name}"),
        }
    }
}

impl Judge {
    /// Whether a test of this name is meant: the name itself, or the beginning of it that ends with `::`.
    pub fn means(name: &str, test: &str) -> bool {
        test == name || (name.ends_with("::") && test.starts_with(name))
    }
}

/// The programs that judges are in.
pub fn programs(judges: &[Judge]) -> (Vec<&Program>, Vec<Demo>) {
    let (mut tests, mut demos) = (Vec::new(), Vec::new());
    for judge in judges {
        match judge {
            Judge::Test { program, .. } if !tests.contains(&program) => tests.push(program),
            Judge::Test { .. } => {}
            Judge::Demo(demo) => demos.push(*demo),
        }
    }
    (tests, demos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_is_read_from_its_words_and_nothing_else_is_one() {
        let unit: Judge = "unit attention mask::tests::".parse().expect("a judge");
        let of_attention = |file: Option<&str>| Program {
            krate: "attention".to_owned(),
            file: file.map(str::to_owned),
        };
        let test = |program, name: &str| Judge::Test { program, name: name.to_owned() };
        assert_eq!(unit, test(of_attention(None), "mask::tests::"));
        let property: Judge = "test attention properties f".parse().expect("a judge");
        assert_eq!(property, test(of_attention(Some("properties")), "f"));
        assert!("demo causal_mask".parse::<Judge>().is_ok());
        for text in ["demo causal_musk", "unit attention", "test a b c d", ""] {
            assert!(text.parse::<Judge>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_a_name_that_ends_with_colons_means_several_tests() {
        assert!(Judge::means("mask::tests::", "mask::tests::each"));
        assert!(Judge::means("later", "later"));
        assert!(!Judge::means("later", "later_still"));
    }
}
