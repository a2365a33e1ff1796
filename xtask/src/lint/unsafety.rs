//! Unsafe code is in one folder of the workspace, behind functions that are sound for every caller.

use std::path::Path;

use anyhow::Result;

use crate::files::matching;
use crate::findings::at;
use crate::source::Source;

/// The one place for it.
const FOLDER: &str = "crates/model/src/fast/cpu";

/// Every `unsafe` elsewhere, in tests and examples too.
pub fn check(project: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let files =
        [matching(project, "crates/**/*.rs")?, matching(project, "xtask/**/*.rs")?].concat();
    for file in files.iter().filter(|file| !file.starts_with(project.join(FOLDER))) {
        let lines = Source::read(file)?.lines_of_word("unsafe");
        let found =
            lines.iter().map(|line| format!("line {line}: unsafe code belongs into {FOLDER}"));
        findings.extend(found.map(|finding| at(project, file, &finding)));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::project;

    #[test]
    fn unsafe_code_is_found_everywhere_but_in_its_folder() {
        let text = "// unsafe\n#![deny(unsafe_code)]\n\nfn f() { p!(unsafe { g(\"unsafe\") }) }\nunsafe fn g() {}\n";
        let folder = project(&[
            ("crates/model/src/fast/cpu/a.rs", text),
            ("crates/model/src/fast/mod.rs", text),
            ("crates/train/tests/t.rs", "unsafe impl Send for A {}\n"),
        ]);
        assert_eq!(
            check(folder.path()).expect("read"),
            [("model/src/fast/mod.rs", 4), ("model/src/fast/mod.rs", 5), ("train/tests/t.rs", 1)].map(|(file, line)| {
                format!("crates/{file}: line {line}: unsafe code belongs into crates/model/src/fast/cpu")
            })
        );
    }
}
