//! Reference outputs: what a `.out` file says of a demo, and where its truth comes from.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;

use crate::files::matching;
use crate::findings::at;

/// How far two decimals may lie apart: `|ours - expected| <= rtol * |expected| + atol`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Relative part.
    pub rtol: f64,
    /// Absolute part, small enough that a small probability cannot pass as zero.
    pub atol: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { rtol: 1e-4, atol: 1e-7 }
    }
}

impl Tolerance {
    /// Whether `ours` may stand for `expected`.
    pub fn allows(self, ours: f64, expected: f64) -> bool {
        if ours.is_infinite() || expected.is_infinite() {
            return ours.to_bits() == expected.to_bits();
        }
        // Written so that a NaN on either side makes it false.
        (ours - expected).abs() <= self.rtol * expected.abs() + self.atol
    }
}

/// A `.out` file: where its truth comes from, and what the demo must print.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// The lines above the output, each starting with `# `.
    pub header: Vec<String>,
    /// What comes after `# from `.
    pub from: String,
    /// Read from `# rtol R atol A`, else the default.
    pub tolerance: Tolerance,
    /// The expected output.
    pub body: String,
}

impl Reference {
    /// Takes the text of a `.out` file apart.
    pub fn parse(text: &str) -> Result<Self> {
        let mut header = Vec::new();
        let mut tolerance = Tolerance::default();
        let mut rest = text;
        while rest.starts_with("# ") {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            if let Some(numbers) = line.strip_prefix("# rtol ") {
                tolerance = parse_tolerance(numbers)
                    .with_context(|| format!("cannot read the line `{line}`"))?;
            }
            header.push(line.trim_end().to_owned());
            rest = after;
        }
        let from = header
            .first()
            .and_then(|line| line.strip_prefix("# from "))
            .context("the first line must say where the output comes from: `# from …`")?;
        ensure!(!from.trim().is_empty(), "`# from` names no source");
        Ok(Self { from: from.trim().to_owned(), header, tolerance, body: rest.to_owned() })
    }

    /// Reads a `.out` file.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&fs::read_to_string(path)?).with_context(|| path.display().to_string())
    }

    /// Whether the numbers come from PyTorch, by itself or under transformers, which computes with it.
    pub fn is_from_pytorch(&self) -> bool {
        ["PyTorch ", "transformers "].iter().any(|program| self.from.starts_with(program))
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.header.join("\n"), self.body)
    }
}

fn parse_tolerance(numbers: &str) -> Result<Tolerance> {
    let words: Vec<_> = numbers.split_whitespace().collect();
    let [rtol, "atol", atol] = words[..] else { bail!("it must read `# rtol R atol A`") };
    let tolerance = Tolerance { rtol: rtol.parse()?, atol: atol.parse()? };
    let is_sane = [tolerance.rtol, tolerance.atol].iter().all(|part| (0.0..1.0).contains(part));
    ensure!(is_sane, "both tolerances must lie from 0 up to 1");
    Ok(tolerance)
}

/// Demos without an output, and outputs that do not say where they come from.
pub fn demo_errors(root: &Path) -> Result<Vec<String>> {
    // Deeper down lie modules that demos share.
    let mut demos = matching(root, "crates/*/examples/*.rs")?;
    demos.retain(|demo| !demo.with_extension("out").is_file());
    let mut errors: Vec<_> =
        demos.iter().map(|demo| at(root, demo, "the demo has no .out")).collect();
    for output in matching(root, "crates/*/examples/*.out")? {
        if let Err(error) = Reference::read(&output) {
            errors.push(at(root, &output, &error.root_cause().to_string()));
        }
    }
    Ok(errors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    #[test]
    fn a_demo_without_output_and_an_output_without_source_are_errors() {
        let project = project(&[
            ("crates/attention/examples/d.rs", "fn main() {}\n"),
            ("crates/attention/examples/d.out", "# from arithmetic\n1\n"),
        ]);
        let folder = project.path().join("crates/attention/examples");
        assert_eq!(demo_errors(project.path()).expect("listed"), Vec::<String>::new());
        fs::write(folder.join("e.rs"), "fn main() {}\n").expect("a file");
        fs::write(folder.join("d.public.out"), "one\n").expect("a file");
        fs::create_dir(folder.join("shared")).expect("a folder");
        fs::write(folder.join("shared/mod.rs"), "").expect("a file");
        let errors = demo_errors(project.path()).expect("listed").join("\n");
        assert!(errors.contains("e.rs: the demo has no .out"), "{errors}");
        assert!(errors.contains("d.public.out: the first line must say"), "{errors}");
        assert!(!errors.contains("mod.rs"), "{errors}");
    }

    #[test]
    fn a_header_gives_source_and_tolerance() {
        let reference = Reference::parse(
            "# from PyTorch 2.13.0: data/reference/x.py\n# rtol 0.01 atol 0.5\n1.0\n### a\n",
        )
        .expect("a good file");
        assert!(reference.is_from_pytorch());
        for (from, is_pytorchs) in
            [("transformers 5.23.0: x.py", true), ("Python 3", false), ("this repository", false)]
        {
            let reference = Reference::parse(&format!("# from {from}\n")).expect("a good file");
            assert_eq!(reference.is_from_pytorch(), is_pytorchs, "{from}");
        }
        assert_eq!(reference.tolerance, Tolerance { rtol: 0.01, atol: 0.5 });
        assert_eq!(reference.body, "1.0\n### a\n");
        assert_eq!(
            reference.text(),
            "# from PyTorch 2.13.0: data/reference/x.py\n# rtol 0.01 atol 0.5\n1.0\n### a\n"
        );
    }

    #[test]
    fn a_heading_in_the_output_is_not_a_header() {
        let reference =
            Reference::parse("# from arithmetic\n### Instruction:\nAdd.\n").expect("a good file");
        assert_eq!(reference.body, "### Instruction:\nAdd.\n");
    }

    #[test]
    fn a_file_without_source_or_with_a_wild_tolerance_is_refused() {
        for text in [
            "",
            "1.0\n",
            "# rtol 0.1 atol 0.1\n1.0\n",
            "# from \n1.0\n",
            "# from x\n# rtol 0.1\n1.0\n",
            "# from x\n# rtol 2 atol 0\n",
            "# from x\n# rtol nan atol 0\n",
        ] {
            assert!(Reference::parse(text).is_err(), "{text:?}");
        }
    }
}
