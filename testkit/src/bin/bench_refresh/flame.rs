//! Records with `perf` what the server does.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use holdfast_testkit::Server;

/// Samples a second. It is not a round number, so that it does not keep step with timers.
const FREQUENCY: &str = "--freq=499";

/// The stacks are found by the tables with which a panic finds them: the release has these, but it
/// has no frame pointers. So many bytes of the stack are recorded with each sample.
const STACKS: &str = "--call-graph=dwarf,32768";

/// `perf` at work.
pub(crate) struct Recording(Child);

impl Recording {
    /// Records this server for `time`.
    pub(crate) fn start(server: &Server, time: Duration, file: &Path) -> anyhow::Result<Self> {
        let perf = Command::new("perf")
            .args(["record", "--quiet", STACKS, FREQUENCY])
            .arg(format!("--pid={}", server.process_id()))
            .arg("--output")
            .arg(file)
            .args(["--", "sleep", &time.as_secs().to_string()])
            .stdin(Stdio::null())
            .spawn()
            .context("perf does not start")?;
        Ok(Self(perf))
    }

    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        let status = self.0.wait()?;
        ensure!(status.success(), "perf has recorded nothing ({status})");
        Ok(())
    }
}
