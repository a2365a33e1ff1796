//! `cargo run -p train`: trains a GPT-2 on any text (chapter 4.4).

use std::process::ExitCode;

fn main() -> ExitCode {
    train::command::main()
}
