//! `postroom`: the command line of the house.

mod command_line;

use std::process::ExitCode;

fn main() -> ExitCode {
    command_line::run()
}
