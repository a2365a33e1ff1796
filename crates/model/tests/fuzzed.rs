//! What the fuzzer found worth keeping still holds: its inputs are tried again, without the fuzzer.

#[path = "../../../fuzz/properties/weights.rs"]
mod weights;

use std::{fs, path::Path};

#[test]
fn no_weight_file_of_the_fuzzer_does_harm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/weights");
    let inputs = fs::read_dir(&folder).expect("a corpus").flatten();
    assert!(inputs.map(|input| weights::holds(&fs::read(input.path()).expect("an input"))).count() > 9, "too few");
}
