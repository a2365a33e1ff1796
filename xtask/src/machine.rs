//! What a figure was measured on: the processor, and the state of the project.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run::capture;

/// The processor's name, which some virtual machines shorten so much that its model number is needed too.
pub fn processor() -> String {
    processor_in(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
}

fn processor_in(cpuinfo: &str) -> String {
    let field = |name: &str| {
        let line = cpuinfo
            .lines()
            .find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    match (field("model name"), field("model")) {
        (Some(name), Some(model)) => format!("{name} (model {model})"),
        _ => std::env::consts::ARCH.to_owned(),
    }
}

/// The commit that is checked out; `-dirty` behind it where files differ from it.
pub fn commit(root: &Path) -> String {
    said(root, "git", &["describe", "--always", "--dirty", "--exclude", "*"])
}

/// What a program prints in the project's folder; nothing where it cannot be started.
pub fn said(root: &Path, program: &str, arguments: &[&str]) -> String {
    capture(Command::new(program).args(arguments).current_dir(root))
        .map_or(String::new(), |finished| finished.stdout.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_named_with_its_model() {
        let text = "processor\t: 0\nmodel\t\t: 143\nmodel name\t: Some(R) Processor\n";
        assert_eq!(processor_in(text), "Some(R) Processor (model 143)");
        assert_eq!(processor_in(""), std::env::consts::ARCH);
    }
}
