//! What kind of machine this is, and how software is installed on it.

use std::fs;
use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::progress;

/// The first of `names` that is a program on `PATH`.
pub fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|directory| directory.join(name))
            .find(|candidate| is_program(candidate))
    })
}

/// Whether there is a file at `path` that may be executed.
pub fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// What a program prints, if it exists and succeeds.
pub fn ask(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// An address of this machine with a free port, so that a server on the usual port is not
/// disturbed.
pub fn free_address() -> Outcome<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| Failure::new(format!("No port is free: {error}.")))
}

/// Whether this program runs as root.
pub fn is_root() -> bool {
    ask(Command::new("id").arg("-u")).as_deref() == Some("0")
}

/// Whether packages come from apt: Debian and distributions that are based on it.
pub fn has_apt() -> bool {
    find_program(&["apt-get"]).is_some()
}

/// Whether this is Debian itself. Distributions that are based on it share apt, but their packages
/// may have other content.
pub fn is_debian() -> bool {
    has_apt()
        && fs::read_to_string("/etc/os-release")
            .is_ok_and(|text| text.lines().any(|line| line == "ID=debian"))
}

/// Runs a shell command as root: directly, or with sudo. On a terminal, sudo may ask for the
/// password. If root cannot be had, this fails. The failure says `reason` and has the exact command.
pub fn as_root(shell_command: &str, reason: &str) -> Outcome {
    let shell = format!("sh -c {}", quote(shell_command));
    let by_hand = if find_program(&["sudo"]).is_some() {
        format!("sudo {shell}")
    } else {
        format!("su -c {}", quote(shell_command))
    };
    let mut command = if is_root() {
        Command::new("sh")
    } else if may_use_sudo(reason) {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "sh"]);
        sudo
    } else {
        return Err(Failure::new(format!("{reason} That needs root.")).next(by_hand));
    };
    // The variable is part of the command, because sudo passes none on.
    command.args([
        "-c",
        &format!("export DEBIAN_FRONTEND=noninteractive; {shell_command}"),
    ]);
    progress::run_on_the_system("the system", &mut command).map_err(|failure| {
        if is_root() {
            failure
        } else {
            failure.next(by_hand)
        }
    })
}

/// Whether sudo works without a password, or the person has entered it.
fn may_use_sudo(reason: &str) -> bool {
    if find_program(&["sudo"]).is_none() {
        return false;
    }
    if ask(Command::new("sudo").args(["-n", "true"])).is_some() {
        return true;
    }
    if !std::io::stdin().is_terminal() {
        return false;
    }
    console::note(&format!(
        "{reason} That needs root; sudo may ask for your password."
    ));
    Command::new("sudo")
        .arg("-v")
        .status()
        .is_ok_and(|status| status.success())
}

/// One word of a shell's command.
pub fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Installs Debian packages. A new machine may know no packages yet, or old versions that are gone.
/// Then this fetches apt's list and tries once more.
pub fn apt_install(packages: &[&str], reason: &str) -> Outcome {
    console::note(&format!("apt-get install {}", packages.join(" ")));
    as_root(&apt_command(packages), reason)
}

/// Fetches apt's list of packages, so that the next installation takes their newest versions.
pub fn apt_update(reason: &str) -> Outcome {
    console::note("apt-get update");
    as_root(UPDATE, reason)
}

/// Another apt may be at work: one of the system, or one that goes on after Ctrl-C. `apt-get
/// install` waits for it by itself, but `apt-get update` does not.
const UPDATE: &str = "while said=$(apt-get update --quiet 2>&1); [ $? -ne 0 ] && \
                      printf %s \"$said\" | grep -q 'Could not get lock'; \
                      do echo Waiting for another apt; sleep 5; done; printf '%s\\n' \"$said\"";

/// The shell's command for it.
pub fn apt_command(packages: &[&str]) -> String {
    let packages = packages.join(" ");
    let install = format!(
        "apt-get install --yes --quiet --no-remove --no-install-recommends \
         -o DPkg::Lock::Timeout=300 {packages}"
    );
    // An earlier installation may have been interrupted.
    format!("{{ {install} || {{ dpkg --configure -a; {UPDATE}; {install}; }}; }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_the_first_name_that_there_is() {
        let found = find_program(&["no-such-program-on-earth", "sh"]).expect("there is a shell");
        assert!(found.ends_with("sh"));
        assert!(find_program(&["no-such-program-on-earth"]).is_none());
    }

    /// With a false apt that finds the lock taken once, and then fails for another reason.
    #[test]
    fn only_a_lock_is_waited_for() {
        let place = crate::temporary::TemporaryDirectory::new("holdfast-apt").expect("a directory");
        let write = |name: &str, script: &str| {
            use std::os::unix::fs::PermissionsExt;

            let program = place.path().join(name);
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a file");
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
        };
        write("sleep", ":");
        write(
            "apt-get",
            "[ -e tried ] && echo 'E: no Release file' || echo 'E: Could not get lock /x'; \
             echo x >> tried; exit 100",
        );
        let path = std::env::var("PATH").expect("a path");
        let said = ask(Command::new("sh")
            .args(["-c", &format!("{UPDATE}; cat tried")])
            .current_dir(place.path())
            .env("PATH", format!("{}:{path}", place.path().display())));
        let said = said.expect("a shell");
        assert_eq!(said, "Waiting for another apt\nE: no Release file\nx\nx");
    }

    #[test]
    fn a_word_stays_one_word_for_the_shell() {
        for word in ["a folder", "it's", "$HOME `x` \"y\" \\", ""] {
            let script = format!("printf %s {}", quote(word));
            let printed = Command::new("sh").args(["-c", &script]).output();
            assert_eq!(printed.expect("a shell").stdout, word.as_bytes());
        }
    }

    #[test]
    fn a_directory_is_not_a_program() {
        assert!(!is_program(Path::new("/")));
    }

    #[test]
    fn a_program_that_fails_has_no_answer() {
        assert_eq!(
            ask(Command::new("sh").args(["-c", "echo yes"])).as_deref(),
            Some("yes")
        );
        assert_eq!(
            ask(Command::new("sh").args(["-c", "echo yes; exit 1"])),
            None
        );
    }
}
