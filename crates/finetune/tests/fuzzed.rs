//! What the fuzzer found worth keeping still holds: its inputs are tried again, without the fuzzer.

#[path = "../../../fuzz/properties/instructions.rs"]
mod instructions;
#[path = "../../../fuzz/properties/marks.rs"]
mod marks;

use std::{fs, path::Path};

fn replay(corpus: &str, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(corpus);
    let inputs = fs::read_dir(&folder).expect("a corpus").flatten();
    assert!(inputs.map(|input| holds(&fs::read(input.path()).expect("an input"))).count() > 9, "too few in {corpus}");
}

#[test]
fn no_file_of_instructions_of_the_fuzzer_does_harm() {
    replay("instructions", instructions::holds);
}

#[test]
fn no_mark_of_the_fuzzer_is_misread() {
    replay("marks", marks::holds);
}
