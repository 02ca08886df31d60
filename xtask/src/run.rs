//! `cargo xtask run`: from a fresh clone to a page in the browser.

use std::io::ErrorKind;
use std::net::TcpListener;

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
    // This check comes before minutes of compiling, not after them.
    if !for_server.iter().any(|argument| argument == "--help") {
        ensure_port_is_free(&address_to_listen_on(for_server))?;
    }
    let toolbox = setup::prepare_to_serve(Purpose::Run, for_server)?;
    release::build(&toolbox)?;

    // The server replaces this process instead of being a child. So Ctrl-C and every signal reach
    // it, it can shut down normally, and its exit code is that of the command.
    let binary = release::binary();
    let mut serve = toolbox.command(&binary.to_string_lossy());
    serve.arg("serve").args(for_server);
    Err(toolbox::become_program(&mut serve, "The server"))
}

/// The arguments after `--`; there must be none before it.
pub fn server_arguments(arguments: &[String]) -> Outcome<&[String]> {
    match arguments.split_first() {
        None => Ok(&[]),
        Some((dashes, rest)) if dashes == "--" => Ok(rest),
        Some((other, _)) => Err(Failure::usage(format!(
            "`{other}` is not understood here; put arguments of the server after `--`."
        ))),
    }
}

/// The address as the server understands it: an argument, a variable, or the default.
pub fn address_to_listen_on(for_server: &[String]) -> String {
    let position = for_server
        .iter()
        .position(|argument| argument.starts_with("--listen"));
    let argument = position.and_then(|position| match for_server[position].split_once('=') {
        Some((_, address)) => Some(address.to_owned()),
        None => for_server.get(position + 1).cloned(),
    });
    argument
        .or_else(|| std::env::var("HOLDFAST_LISTEN").ok())
        .unwrap_or_else(|| "127.0.0.1:3000".to_owned())
}

/// Only a quick check. If the text is no address, or the server may not listen on it, the server
/// itself explains that.
pub fn ensure_port_is_free(address: &str) -> Outcome {
    match TcpListener::bind(address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Failure::new(format!(
            "Another program already listens on {address}."
        ))
        .next(
            "Stop it (another `cargo xtask run`?), or choose another address: \
             cargo xtask run -- --listen 127.0.0.1:8080",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_told_before_anything_is_built() {
        let other = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = other.local_addr().expect("an address").to_string();
        let arguments = ["--listen".to_owned(), address.clone()];
        assert_eq!(address_to_listen_on(&arguments), address);
        assert_eq!(
            address_to_listen_on(&[format!("--listen={address}")]),
            address
        );
        let failure = ensure_port_is_free(&address).expect_err("it is taken");
        assert!(failure.to_string().contains(&address));
        drop(other);
        assert!(ensure_port_is_free(&address).is_ok());
    }

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
