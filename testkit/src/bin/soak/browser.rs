//! The browser: a script for Playwright in `end2end/soak`, as a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::{Child, Command};

/// How long it may take to end. It waits until its tabs are idle, and until a person has finished.
const PATIENCE: Duration = Duration::from_secs(480);

/// A running script.
pub(crate) struct Browser(Child);

impl Browser {
    pub(crate) fn start(address: SocketAddr, tabs: usize, time: Duration) -> anyhow::Result<Self> {
        let end2end = Path::new(env!("CARGO_MANIFEST_DIR")).join("../end2end");
        let child = Command::new("npx")
            .args([
                "--no-install",
                "playwright",
                "test",
                "--config=soak.config.ts",
            ])
            .current_dir(end2end)
            .env("SOAK_URL", format!("http://{address}"))
            .env("SOAK_TABS", tabs.to_string())
            .env("SOAK_SECONDS", time.as_secs().to_string())
            .kill_on_drop(true)
            .spawn()
            .context("Playwright does not start; `cargo xtask setup --test` installs it")?;
        Ok(Self(child))
    }

    /// Waits until it has finished. Returns whether no person was signed out there.
    pub(crate) async fn end(mut self, now: bool) -> anyhow::Result<bool> {
        if now {
            // Ctrl-C has also reached it.
            let _ = self.0.kill().await;
            return Ok(true);
        }
        let status = tokio::time::timeout(PATIENCE, self.0.wait())
            .await
            .context("the browser does not come to an end")??;
        Ok(status.success())
    }
}
