//! `holdfast account`: what an operator does to an account.

use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use fast_qr::QRBuilder;
use holdfast_protocol::recovery_code::RecoveryCode;
use holdfast_protocol::username::Username;

use super::which_database::{Database, Migrations};
use crate::accounts::{self, ResetLink};
use crate::clock::Clock;
use crate::config::{DEFAULT_ISSUER, DatabaseArgs, issuer};
use crate::error::ApiError;
use crate::store::Pool;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// End the sessions of an account and refuse its sign-ins.
    Disable(Which),
    /// Allow sign-ins to an account again.
    Enable(Which),
    /// Reset the count of failed sign-ins, so that the person can sign in.
    Unlock(Which),
    /// Make a link with which a person who lost the password and the recovery code can set a new
    /// password.
    ///
    /// The link is good for an hour and once. Hand it to the person in a way that only they can read.
    /// When they use it, all their sessions end, and they get a new recovery code. A new link makes
    /// the earlier one void.
    ResetLink(ResetLinkArgs),
}

#[derive(Debug, Args)]
pub(super) struct ResetLinkArgs {
    #[command(flatten)]
    which: Which,

    /// The address at which browsers reach the service, as in `holdfast serve`.
    #[arg(long, env = "HOLDFAST_ISSUER", default_value = DEFAULT_ISSUER, value_parser = issuer, value_name = "URL")]
    issuer: String,

    /// The path of the page that sets a new password. Only an application with pages of its own needs
    /// another one.
    #[arg(long, default_value = "/recover", value_name = "PATH")]
    page: String,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The account's username.
    username: String,

    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    let (Command::Disable(which)
    | Command::Enable(which)
    | Command::Unlock(which)
    | Command::ResetLink(ResetLinkArgs { which, .. })) = &command;
    let username = Username::parse(&which.username)?;
    let database = Database::of_operator(&which.database).await?;
    let pool = database.pool(2, Migrations::Check).await?;
    let done = act(&command, &pool, &username)
        .await
        .context("the database could not be queried")?;
    pool.close().await;
    match done {
        Some(said) => println!("{said}"),
        None => bail!("there is no account named {}", username.as_str()),
    }
    database.release().await
}

/// Does it, and returns a sentence about it. `None` if there is no such account.
async fn act(
    command: &Command,
    pool: &Pool,
    username: &Username,
) -> Result<Option<String>, ApiError> {
    let clock = Clock::system();
    Ok(match command {
        Command::Disable(_) => accounts::disable(pool, &clock, username)
            .await?
            .map(|ended| format!("Disabled. Sessions that ended: {ended}.")),
        Command::Enable(_) => accounts::enable(pool, &clock, username)
            .await?
            .then(|| "Enabled.".to_owned()),
        Command::Unlock(_) => accounts::forgive_failures(pool, &clock, username)
            .await?
            .then(|| "Unlocked. The failed sign-ins up to now do not count any more.".to_owned()),
        Command::ResetLink(args) => {
            match accounts::make_reset_link(pool, &clock, username).await? {
                ResetLink::Made(code) => Some(args.in_words(username, &code)),
                ResetLink::Disabled => Some(
                    "The account is disabled, so a link would not let the person in. Enable it \
                     first: `holdfast account enable NAME`."
                        .to_owned(),
                ),
                ResetLink::NoAccount => None,
            }
        }
    })
}

impl ResetLinkArgs {
    /// The link, alone in the first line, so that a script can read it. On a terminal there is also
    /// a QR code, for a person with a phone who stands beside the operator.
    fn in_words(&self, username: &Username, code: &RecoveryCode) -> String {
        let link = self.link(username, code);
        if !std::io::stdout().is_terminal() {
            return link;
        }
        let picture = QRBuilder::new(link.as_str()).build();
        let picture = picture.map(|picture| picture.to_str()).unwrap_or_default();
        format!(
            "{link}\n\n{picture}\nGood for an hour and once. The person chooses the password; all \
             their sessions end then."
        )
    }

    /// The name and the code are behind the `#`, so a browser sends them to no server, and no log of a
    /// proxy has them.
    fn link(&self, username: &Username, code: &RecoveryCode) -> String {
        let filled_in = serde_urlencoded::to_string([
            ("username", username.as_str()),
            ("code", code.print().expose()),
        ])
        .unwrap_or_default();
        format!("{}{}#{filled_in}", self.issuer, self.page)
    }
}
