//! The program `holdfast`.

use std::process::ExitCode;

fn main() -> ExitCode {
    holdfast_server::cli::run(std::env::args_os().collect())
}
