//! `holdfast doctor`: looks for faults that make a server slow or let it lose data, and says
//! what to do.
//!
//! It changes no row and no setting, makes no database, and may run while servers serve. If
//! the private Postgres does not run, `doctor` starts it for the check.

use std::time::Duration;

use anyhow::{Context as _, bail};
use sqlx::{Connection as _, PgConnection};

use super::findings::Findings;
use super::right_database;
use super::which_database::Database;
use crate::clock::Clock;
use crate::config::{Config, ServeArgs};
use crate::connections_wanted::{connections_wanted, too_many};
use crate::database_address::without_path;
use crate::store::schema::{self, Layout};
use crate::store::{self, diagnosis};

/// How long a transaction may be open before `doctor` reports it. Each rotation leaves an
/// old version of its row; after about five old versions, rotations write to every index.
const LONG_TRANSACTION: Duration = Duration::from_secs(60);

/// How many seconds clocks may differ. The time that the query takes does not count.
const CLOCK_DIFFERENCE: i64 = 2;

/// With fewer updates than this, `doctor` does not judge how many are HOT.
const FEW_UPDATES: i64 = 1000;

pub(super) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let mut findings = Findings::default();
    let config = Config::new(&args)?;
    settings(&args, &config, &mut findings);
    let database = Database::of_operator(&args.database).await?;
    let looked = look_into(&args, &config, &database, &mut findings).await;
    let released = database.release().await;
    looked.and(released)?;

    findings.print();
    match findings.to_look_at() {
        0 => Ok(()),
        1 => bail!("there is something to look at"),
        count => bail!("there are {count} things to look at"),
    }
}

/// What the settings alone show.
fn settings(args: &ServeArgs, config: &Config, findings: &mut Findings) {
    let public = config.is_https();
    if public && config.proxies.is_empty() {
        // Holdfast itself speaks plain HTTP, so a proxy in front of it ends TLS.
        findings.bad(
            "HOLDFAST_ISSUER is https, so there is a proxy in front of the server, but HOLDFAST_TRUSTED_PROXIES names none. Then every client has the proxy's address: sessions show it, and limits by address cannot distinguish clients. Set HOLDFAST_TRUSTED_PROXIES to the proxy's network.",
        );
    } else if public {
        findings.good("The proxies in front are named.");
    }
    if !public && !args.listen.ip().is_loopback() {
        findings.bad(format!(
            "HOLDFAST_LISTEN is {}, which other machines can reach, but HOLDFAST_ISSUER is {}. Passwords would be sent unencrypted. Set HOLDFAST_ISSUER to the https address.",
            args.listen, config.issuer,
        ));
    }
}

/// What the database shows.
async fn look_into(
    args: &ServeArgs,
    config: &Config,
    database: &Database,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    // A pooler is a finding, but the other checks still run.
    let options = store::without_settings(database.address.options.clone());
    let mut connection = store::connect(&options)
        .await
        .context("the database cannot be reached")?;
    let seen = look_on(args, config, database, &mut connection, findings).await;
    let _ = connection.close().await;
    seen.context("the database could not be queried")
}

async fn look_on(
    args: &ServeArgs,
    config: &Config,
    database: &Database,
    connection: &mut PgConnection,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let layout = schema::find(connection, &database.address.schema).await?;
    if let Some(layout) = &layout {
        place_of_tables(layout, connection, findings).await?;
    }
    // The path of the transaction does not stay on a connection of a pooler.
    let mut transaction = connection.begin().await?;
    if let Some(layout) = &layout {
        layout.enter(&mut transaction).await?;
    }
    look(args, config, &mut transaction, findings).await?;
    transaction.rollback().await?;
    if database.private.is_none() {
        pooler(database, layout.as_ref(), connection, findings).await?;
    }
    Ok(())
}

/// In which schema the tables are, and whether there is a second set of them.
async fn place_of_tables(
    layout: &Layout,
    connection: &mut PgConnection,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let schema = schema::name_of(connection, layout).await?;
    findings.good(match layout {
        Layout::Own(_) => format!("The tables of Holdfast are in the schema {schema}."),
        Layout::OnThePath => format!(
            "The tables of Holdfast are in the schema {schema}, where an earlier version has made them."
        ),
    });
    if let Some(sentence) = schema::second_set(connection, layout).await? {
        findings.bad(sentence);
    }
    Ok(())
}

/// Whether there is a pooler between this machine and Postgres, and whether the settings say
/// so. A pooler does not pass on the settings of a client.
async fn pooler(
    database: &Database,
    layout: Option<&Layout>,
    connection: &mut PgConnection,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let Some(direct) = &database.address.direct else {
        let with_settings = store::with_settings(database.address.options.clone());
        let gets_through = match store::connect(&with_settings).await {
            Ok(mut connection) => {
                let arrived = store::has_settings(&mut connection).await;
                let _ = connection.close().await;
                arrived?
            }
            Err(error) if store::is_refused_by_pooler(&error) => false,
            Err(error) => return Err(error),
        };
        if !gets_through {
            findings.bad(
                "There is a pooler, such as PgBouncer, between this machine and Postgres. Migrations and notifications do not work through it. Set DATABASE_DIRECT_URL to the address of Postgres itself.",
            );
        }
        return Ok(());
    };
    let mut past = store::connect(direct).await?;
    let (pooled, direct) = (
        diagnosis::server(connection).await?,
        diagnosis::server(&mut past).await?,
    );
    if pooled.identity == direct.identity {
        findings.good("DATABASE_DIRECT_URL leads to the same database as DATABASE_URL.");
    } else {
        findings.bad("DATABASE_DIRECT_URL leads to another database than DATABASE_URL.");
    }
    if let Some(layout) = layout
        && !schema::leads_to(connection, layout).await?
    {
        findings.bad(without_path(layout));
    }
    if pooled.statement_timeout == 0 {
        findings.bad(
            "Statements that go through the pooler have no time limit. Set one for the role: alter role … set statement_timeout = '10s', and in the same way lock_timeout = '5s' and idle_in_transaction_session_timeout = '30s'.",
        );
    }
    Ok(())
}

async fn look(
    args: &ServeArgs,
    config: &Config,
    connection: &mut PgConnection,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    if store::is_migrated(connection).await? {
        findings.good("The database is up to date.");
        right_database::look(args, config, connection, findings).await?;
    } else {
        findings.bad("The database lacks migrations of this version. Run `holdfast migrate`.");
    }
    server(args, connection, findings).await?;
    rows_that_stay(connection, findings).await?;
    if let Some(updates) = diagnosis::session_updates(connection).await?
        && updates.all > FEW_UPDATES
    {
        let percent = updates.hot * 100 / updates.all;
        if percent < 90 {
            findings.bad(format!(
                "Only {percent} % of the updates of sessions are HOT; the others write to every index. Something has kept old versions of rows: see the other findings, or run `holdfast doctor` again while the load is high."
            ));
        } else {
            findings.good(format!("{percent} % of the updates of sessions are HOT."));
        }
    }
    Ok(())
}

async fn server(
    args: &ServeArgs,
    connection: &mut PgConnection,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let clock = Clock::system();
    let before = clock.now_micros();
    let server = diagnosis::server(connection).await?;
    let after = clock.now_micros();
    let seconds = difference(server.now_micros, before, after) / 1_000_000;
    if seconds.abs() > CLOCK_DIFFERENCE {
        let word = if seconds > 0 { "ahead of" } else { "behind" };
        findings.bad(format!(
            "The database's clock is {} seconds {word} this machine's. This machine's clock dates access tokens, and the database's clock dates sessions. Run NTP on both.",
            seconds.abs(),
        ));
    } else {
        findings.good("The clocks of this machine and of the database agree.");
    }
    if server.is_standby {
        findings.bad(
            "The database is a standby and accepts no changes. Set DATABASE_URL to the primary.",
        );
    }
    if server.loses_commits {
        findings.bad(
            "Postgres runs with fsync or synchronous_commit switched off. In a crash it may lose the ending of a session. Switch both on.",
        );
    }
    // A pooler shares the connections of Postgres between many clients.
    let is_behind_pooler = matches!(args.database.direct_url(), Ok(Some(_)));
    let wanted = connections_wanted(args.database_connections, args.rotation_lanes);
    if let Some(sentence) = too_many(wanted, &server).filter(|_| !is_behind_pooler) {
        findings.bad(sentence);
    }
    Ok(())
}

/// The smallest possible difference of the clocks, in microseconds; positive if the database's
/// clock is ahead. The database's clock was read at some moment between `before` and `after`.
fn difference(theirs: i64, before: u64, after: u64) -> i64 {
    let signed = |micros| i64::try_from(micros).unwrap_or(i64::MAX);
    let (before, after) = (signed(before), signed(after));
    if theirs > after {
        theirs - after
    } else if theirs < before {
        theirs - before
    } else {
        0
    }
}

/// What keeps old versions of rows. Then rotations are not HOT any more, and the table grows.
async fn rows_that_stay(
    connection: &mut PgConnection,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let long = diagnosis::long_transactions(connection, LONG_TRANSACTION.as_secs_f64()).await?;
    if long.is_empty() {
        findings.good("No transaction has been open for longer than a minute.");
    }
    for transaction in long {
        let who = match transaction.pid {
            Some(pid) => format!("of process {pid} ({})", transaction.name),
            None => format!("that was prepared as {}", transaction.name),
        };
        findings.bad(format!(
            "A transaction {who} has been open for {} seconds. Until it ends, old versions of rows stay, and the table of sessions grows. End it, or find out why it takes so long.",
            transaction.seconds,
        ));
    }
    for slot in diagnosis::costly_slots(connection).await? {
        if slot.keeps_rows {
            findings.bad(format!(
                "The replication slot {} keeps old versions of rows, so the table of sessions grows. Switch hot_standby_feedback off on its standby, or keep that standby's queries short.",
                slot.name,
            ));
        }
        if !slot.is_active {
            findings.bad(format!(
                "No standby reads the replication slot {}, which keeps {} MiB of WAL and will fill the disk. Drop the slot if its reader will not come back.",
                slot.name,
                slot.kept_bytes / (1024 * 1024),
            ));
        }
    }
    for standby in diagnosis::standbys_with_feedback(connection).await? {
        findings.bad(format!(
            "The standby {standby} runs with hot_standby_feedback: its queries keep old versions of rows on this primary, so the table of sessions grows. Switch hot_standby_feedback off on the standby, or keep its queries short."
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_query_does_not_count_as_a_difference() {
        assert_eq!(difference(150, 100, 200), 0);
        assert_eq!(difference(500, 100, 200), 300);
        assert_eq!(difference(40, 100, 200), -60);
    }
}
