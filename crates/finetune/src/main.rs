//! `cargo run -p finetune`: makes a GPT-2 answer, and talks to it (chapter 5.7).

use std::process::ExitCode;

fn main() -> ExitCode {
    finetune::command::main()
}
