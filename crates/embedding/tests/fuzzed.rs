//! What the fuzzer found worth keeping still holds: its inputs are tried again, without the fuzzer.

#[path = "../../../fuzz/properties/byte_pairs.rs"]
mod byte_pairs;
#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn no_text_of_the_fuzzer_is_encoded_otherwise_than_by_tiktoken() {
    replay::replay("byte_pairs", byte_pairs::holds);
}
