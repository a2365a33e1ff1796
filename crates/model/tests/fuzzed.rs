//! What the fuzzer found worth keeping still holds: its inputs are tried again, without the fuzzer.

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;
#[path = "../../../fuzz/properties/weights.rs"]
mod weights;

#[test]
fn no_weight_file_of_the_fuzzer_does_harm() {
    replay::replay("weights", weights::holds);
}
