//! Sizes: one file, one question (250 lines at most, tests apart); one function, one thought (40 lines).

use std::path::Path;

use crate::findings::at;
use crate::modules::Module;

use super::laws::Root;

/// Lines of a file, its tests left out.
const FILE: usize = 250;
/// Lines of a function, from its name to its last bracket.
const FUNCTION: usize = 40;

/// Every file and function that is too long.
pub fn check(project: &Path, roots: &[Root]) -> Vec<String> {
    let mut findings = Vec::new();
    for module in roots.iter().flat_map(sources) {
        let mut add = |finding: String| findings.push(at(project, &module.file, &finding));
        let lines = module.source.lines.len() - module.source.test_lines().len();
        if lines > FILE {
            add(format!("{lines} lines without tests; {FILE} are enough for one question"));
        }
        for item in module.source.named().into_iter().filter(|item| item.body.is_some()) {
            let (name, line, length) = (item.path, *item.lines.start(), item.lines.count());
            if length > FUNCTION {
                let enough = format!("{FUNCTION} are enough for one thought");
                add(format!("line {line}: {name} takes {length} lines; {enough}"));
            }
        }
    }
    findings
}

/// The files that are not for tests alone.
pub fn sources(root: &Root) -> impl Iterator<Item = &Module> {
    root.modules.iter().filter(|module| !module.is_for_tests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    fn found(text: &str) -> Vec<String> {
        let folder = project(&[("xtask/src/lib.rs", text)]);
        check(folder.path(), &super::super::laws::roots(folder.path()).expect("read"))
    }

    #[test]
    fn the_longest_that_is_allowed_passes_and_a_line_more_does_not() {
        let function = |lines: usize| {
            format!(
                "/// Docs.\n#[inline]\npub fn long(\n    x: u8,\n) -> u8 {{\n{}}}\n",
                "    // x\n".repeat(lines - 4)
            )
        };
        assert_eq!(found(&function(40)), Vec::<String>::new());
        assert_eq!(
            found(&function(41)),
            ["xtask/src/lib.rs: line 3: long takes 41 lines; 40 are enough for one thought"]
        );
        let method = format!("impl A {{\n{}}}\n", function(41));
        assert!(found(&method)[0].contains("A::long takes 41"), "{:?}", found(&method));
        let file = |lines: usize| "// x\n".repeat(lines);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(60));
        assert_eq!(found(&(file(250) + &tests)), Vec::<String>::new());
        assert!(found(&(file(251) + &tests))[0].contains("251 lines without tests"));
    }
}
