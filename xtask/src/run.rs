//! `cargo xtask run`: from a fresh clone to a page in the browser.

use crate::failure::{Failure, Outcome};
use crate::release;
use crate::setup::{self, Purpose};
use crate::toolbox;

pub const SUMMARY: &str = "Set up what is missing, build the release, and serve it";

pub const HELP: &str = "
Usage: cargo xtask run [-- <arguments of `holdfast serve`>]

Sets up what is missing, builds the release when the sources have changed, and serves it. Without
DATABASE_URL the server starts a private Postgres and keeps its data in .holdfast. The address is
printed when it listens; Ctrl-C stops it.

  cargo xtask run -- --help                      what can be configured
  cargo xtask run -- --listen 127.0.0.1:8080     another address
";

pub fn run(arguments: &[String]) -> Outcome {
    let for_server = server_arguments(arguments)?;
    let toolbox = setup::prepare(Purpose::Run)?;
    release::build(&toolbox)?;

    // Not as a child: as ourselves, so that Ctrl-C and every signal reach it, nobody stands between
    // it and its graceful shutdown, and its exit code is ours.
    let binary = release::binary();
    let mut serve = toolbox.command(&binary.to_string_lossy());
    serve.arg("serve").args(for_server);
    Err(toolbox::become_program(&mut serve, "The server"))
}

/// What stands behind `--`; before it there is nothing to say.
pub fn server_arguments(arguments: &[String]) -> Outcome<&[String]> {
    match arguments.split_first() {
        None => Ok(&[]),
        Some((dashes, rest)) if dashes == "--" => Ok(rest),
        Some((other, _)) => Err(Failure::usage(format!(
            "`{other}` is not understood here; arguments of the server stand behind `--`."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_arguments_stand_behind_two_dashes() {
        let line = ["--", "--listen", "[::1]:3000"].map(String::from);
        assert_eq!(
            server_arguments(&line).expect("it is well formed"),
            &line[1..]
        );
        assert!(server_arguments(&[]).expect("it is well formed").is_empty());
        assert!(server_arguments(&line[1..]).is_err());
    }
}
