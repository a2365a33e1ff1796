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
    match (field(cpuinfo, "model name"), field(cpuinfo, "model")) {
        (Some(name), Some(model)) => format!("{name} (model {model})"),
        _ => std::env::consts::ARCH.to_owned(),
    }
}

/// Instructions for products of matrices, as Linux names them and as everybody else does.
const INSTRUCTIONS: [(&str, &str); 6] = [
    ("avx2", "AVX2"),
    ("avx512f", "AVX-512"),
    ("avx512_vnni", "VNNI"),
    ("avx512_bf16", "AVX512-BF16"),
    ("amx_bf16", "AMX"),
    ("bf16", "BF16"), // Arm's
];

/// The processor's name with those of its instructions that decide how fast matrices are multiplied.
pub fn processor_with_instructions() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let (name, known) = (processor_in(&cpuinfo), instructions_in(&cpuinfo));
    if known.is_empty() { name } else { format!("{name} with {}", known.join(", ")) }
}

fn instructions_in(cpuinfo: &str) -> Vec<&'static str> {
    let flags = field(cpuinfo, "flags").or_else(|| field(cpuinfo, "Features"));
    let flags = flags.unwrap_or_default();
    let has = |wanted: &str| flags.split_whitespace().any(|flag| flag == wanted);
    INSTRUCTIONS.iter().filter(|(flag, _)| has(flag)).map(|(_, name)| *name).collect()
}

/// What Linux says of the first processor under a name.
fn field(cpuinfo: &str, name: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
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

    #[test]
    fn of_its_instructions_those_are_named_that_multiply_matrices() {
        let text = "processor\t: 0\nflags\t\t: fpu avx2 avx512f amx_bf16 amx_int8\n";
        assert_eq!(instructions_in(text), ["AVX2", "AVX-512", "AMX"]);
        assert_eq!(instructions_in("Features\t: fp asimd bf16\n"), ["BF16"]);
        assert!(instructions_in("").is_empty());
    }
}
