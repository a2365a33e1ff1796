//! What the fuzzer found worth keeping still holds: its inputs are tried again, without the fuzzer.

#[path = "../../../fuzz/properties/byte_pairs.rs"]
mod byte_pairs;

use std::{fs, path::Path};

#[test]
fn no_text_of_the_fuzzer_is_encoded_otherwise_than_by_tiktoken() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/byte_pairs");
    let inputs = fs::read_dir(&folder).expect("a corpus").flatten();
    assert!(inputs.map(|input| byte_pairs::holds(&fs::read(input.path()).expect("an input"))).count() > 9, "too few");
}
