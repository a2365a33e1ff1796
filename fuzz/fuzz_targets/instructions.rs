//! Feeds arbitrary bytes to the property of the same name.

#![no_main]

#[path = "../properties/instructions.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::holds(bytes));
