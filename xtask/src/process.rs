//! Processes of this machine.

use std::process::{Command, Stdio};

/// Sends a signal, such as `TERM`. The shell has this command itself; a machine need not have a
/// program `kill`.
pub fn signal(process: u32, name: &str) {
    let _ = Command::new("sh")
        .args(["-c", &format!("kill -{name} {process}")])
        .stderr(Stdio::null())
        .status();
}

/// Whether there is a process with this id.
pub fn is_running(process: u32) -> bool {
    // For a process of another account, `kill` fails, but says that it is not permitted.
    Command::new("sh")
        .args(["-c", &format!("LC_ALL=C kill -0 {process}")])
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| {
            output.status.success() || !String::from_utf8_lossy(&output.stderr).contains("No such")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_runs_until_a_signal_ends_it() {
        let mut child = Command::new("sleep").arg("600").spawn().expect("sleep");
        assert!(is_running(child.id()));
        signal(child.id(), "TERM");
        assert!(!child.wait().expect("it ends").success());
        assert!(!is_running(child.id()));
    }
}
