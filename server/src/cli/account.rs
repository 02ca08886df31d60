//! `holdfast account`: what an operator does to an account.

use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use fast_qr::QRBuilder;
use holdfast_protocol::recovery_code::RecoveryCode;
use holdfast_protocol::username::Username;

use super::which_database::Database;
use crate::accounts::{self, ResetLink};
use crate::clock::Clock;
use crate::config::{DEFAULT_ISSUER, DatabaseArgs, issuer};
use crate::database_address::Migrations;
use crate::error::ApiError;
use crate::store;
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

    /// The address at which browsers reach the service, as in `holdfast serve`. If it is not set, the
    /// command uses the issuer of the servers, which is in the database.
    #[arg(long, env = "HOLDFAST_ISSUER", value_parser = issuer, value_name = "URL")]
    issuer: Option<String>,

    /// The path of the page that sets a new password: `/` and what follows. Only an application with
    /// pages of its own needs another one. The page finds `username` and `code` behind the `#`.
    #[arg(long, default_value = "/recover", value_parser = page, value_name = "PATH")]
    page: String,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The account's username, or one that the account has given up within the last 30 days.
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
    let pool = database.address.pool(2, Migrations::Check).await?;
    let done = find_and_act(&command, &pool, &username).await;
    pool.close().await;
    let done = done?;
    match done {
        Some(said) => println!("{said}"),
        None => bail!("there is no account named {}", username.as_str()),
    }
    database.release().await
}

/// Finds the account by its name, or by a name that it has given up lately, and does it.
async fn find_and_act(
    command: &Command,
    pool: &Pool,
    username: &Username,
) -> anyhow::Result<Option<String>> {
    let Some(present) = queried(accounts::present_name(pool, username).await)? else {
        return Ok(None);
    };
    if present.key() != username.key() {
        // The first line of the standard output is for scripts.
        eprintln!(
            "The account that had the name {} has the name {} now.",
            username.as_str(),
            present.as_str()
        );
    }
    act(command, pool, &present).await
}

/// Does it, and returns a sentence about it. `None` if there is no such account.
async fn act(
    command: &Command,
    pool: &Pool,
    username: &Username,
) -> anyhow::Result<Option<String>> {
    let clock = Clock::system();
    Ok(match command {
        Command::Disable(_) => queried(accounts::disable(pool, &clock, username).await)?
            .map(|ended| format!("Disabled. Sessions that ended: {ended}.")),
        Command::Enable(_) => {
            queried(accounts::enable(pool, &clock, username).await)?.then(|| "Enabled.".to_owned())
        }
        Command::Unlock(_) => queried(accounts::forgive_failures(pool, &clock, username).await)?
            .then(|| "Unlocked. The failed sign-ins up to now do not count any more.".to_owned()),
        Command::ResetLink(args) => args.make(pool, &clock, username).await?,
    })
}

fn queried<T>(outcome: Result<T, ApiError>) -> anyhow::Result<T> {
    outcome.context("the database could not be queried")
}

/// A path below the issuer. Other text could lead to another host.
fn page(text: &str) -> Result<String, String> {
    let is_path = text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains(['?', '#', '\\'])
        && !text.contains(char::is_whitespace);
    if is_path {
        Ok(text.to_owned())
    } else {
        Err(
            "it must be a path: it begins with one `/`, and has no `?`, `#`, `\\` or space"
                .to_owned(),
        )
    }
}

impl ResetLinkArgs {
    /// Makes the link. `None` if there is no such account.
    async fn make(
        &self,
        pool: &Pool,
        clock: &Clock,
        username: &Username,
    ) -> anyhow::Result<Option<String>> {
        let issuer = match &self.issuer {
            Some(issuer) => issuer.clone(),
            None => issuer_of_servers(pool).await?,
        };
        match queried(accounts::make_reset_link(pool, clock, username).await)? {
            ResetLink::Made(code) => {
                let link = self.link(&issuer, username, &code);
                Ok(Some(in_words(&link, std::io::stdout().is_terminal())))
            }
            ResetLink::NoAccount => Ok(None),
            ResetLink::Disabled => bail!(
                "the account is disabled, so a link would not let the person in; enable it first with `holdfast account enable {}`",
                username.as_str()
            ),
        }
    }

    /// The name and the code are behind the `#`, so a browser sends them to no server, and no log of a
    /// proxy has them.
    fn link(&self, issuer: &str, username: &Username, code: &RecoveryCode) -> String {
        let filled_in = serde_urlencoded::to_string([
            ("username", username.as_str()),
            ("code", code.print().expose()),
        ])
        .unwrap_or_default();
        format!("{issuer}{}#{filled_in}", self.page)
    }
}

/// The link, alone in the first line, so that a script can read it. On a terminal there is also
/// a QR code, for a person with a phone who stands beside the operator.
fn in_words(link: &str, is_terminal: bool) -> String {
    if !is_terminal {
        return link.to_owned();
    }
    let picture = match QRBuilder::new(link).build() {
        Ok(picture) => picture.to_str(),
        // The link works without it.
        Err(why) => format!("There is no QR code for this link: {why}."),
    };
    format!(
        "{link}\n\n{picture}\nGood for an hour and once. The person chooses the password; all \
         their sessions end then."
    )
}

/// The issuer that the servers have written to the database. They write none if nobody has chosen one.
async fn issuer_of_servers(pool: &Pool) -> anyhow::Result<String> {
    let mut connection = pool.acquire().await?;
    let facts = store::database::lookup_row(&mut connection).await?;
    connection.release();
    Ok(facts.issuer.unwrap_or_else(|| DEFAULT_ISSUER.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_issuer_and_nowhere_else() {
        assert_eq!(page("/account/reset").as_deref(), Ok("/account/reset"));
        for wrong in [
            "",
            "recover",
            "//evil.example",
            "/\\evil.example",
            "/a?b",
            "/a#b",
            "/a b",
        ] {
            assert!(page(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_terminal_shows_a_qr_code_of_the_link_and_a_pipe_gets_the_link_alone() {
        let link = "https://id.example/recover#username=ada&code=0000-1111";
        assert_eq!(in_words(link, false), link);
        let told = in_words(link, true);
        assert_eq!(told.lines().next(), Some(link));
        let picture = QRBuilder::new(link).build().unwrap().to_str();
        assert!(picture.contains('█') && told.contains(&picture), "{told}");
        assert!(told.contains("Good for an hour and once."), "{told}");
    }

    #[test]
    fn a_link_that_is_too_long_for_a_qr_code_is_told_with_the_reason() {
        let link = format!("https://id.example/{}", "a".repeat(2000));
        let told = in_words(&link, true);
        assert_eq!(told.lines().next(), Some(link.as_str()));
        assert!(
            told.contains("There is no QR code for this link: "),
            "{told}"
        );
        assert!(!told.contains('█'), "{told}");
        assert!(told.contains("Good for an hour and once."), "{told}");
    }
}
