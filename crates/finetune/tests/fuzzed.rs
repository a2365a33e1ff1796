//! What the fuzzer found worth keeping still holds: its inputs are tried again, without the fuzzer.

#[path = "../../../fuzz/properties/instructions.rs"]
mod instructions;
#[path = "../../../fuzz/properties/marks.rs"]
mod marks;
#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn no_file_of_instructions_of_the_fuzzer_does_harm() {
    replay::replay("instructions", instructions::holds);
}

#[test]
fn no_mark_of_the_fuzzer_is_misread() {
    replay::replay("marks", marks::holds);
}
