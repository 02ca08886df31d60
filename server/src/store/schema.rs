//! The schema that has the tables of Holdfast, and the migrations of these tables.
//!
//! Holdfast makes a schema of its own, so that its tables live beside those of an application. In a
//! database of an earlier version, the tables stay where they are: first in the path of the role.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use anyhow::anyhow;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::setting::Setting;

use super::connect::{connect, has_settings, with_settings, with_settings_for_migrations};

/// The table of migrations in a schema of Holdfast. It does not have the name that sqlx uses,
/// because an application may have its own migrations in the same schema.
const MIGRATIONS: &str = "holdfast_migrations";

/// The table of migrations in a database of an earlier version. An application may have a table of
/// this name, too.
const MIGRATIONS_OF_SQLX: &str = "_sqlx_migrations";

/// The most bytes of a name in Postgres.
const LONGEST: usize = 63;

/// The migrations, compiled in, with their table in a schema of Holdfast. Several instances may
/// apply them at once: the migrator takes an advisory lock.
///
/// Migrations of a later release are ignored, so an instance of this release can still start
/// after an upgrade, and an operator can roll back to it. Therefore a migration only adds things,
/// and the previous release works without them. The next release removes what is not used any
/// more.
pub static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| migrator(MIGRATIONS));

/// The same migrations in a database of an earlier version.
static MIGRATOR_OF_SQLX: LazyLock<Migrator> = LazyLock::new(|| migrator(MIGRATIONS_OF_SQLX));

fn migrator(table: &'static str) -> Migrator {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.dangerous_set_table_name(table);
    migrator.set_ignore_missing(true);
    migrator
}

/// The name of the schema that Holdfast makes for its tables: lower-case letters of ASCII, digits
/// and `_`, at most 63.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema(String);

impl Default for Schema {
    fn default() -> Self {
        Self("holdfast".to_owned())
    }
}

impl FromStr for Schema {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let begins_with_a_digit = name.starts_with(|first: char| first.is_ascii_digit());
        if name.is_empty() || name.len() > LONGEST || begins_with_a_digit || !name.bytes().all(fits)
        {
            return Err(format!(
                "a schema has a name of 1 to {LONGEST} lower-case letters (a to z), digits and _, and does not begin with a digit"
            ));
        }
        if name.starts_with("pg_") || name == "information_schema" {
            return Err("the schemas pg_… and information_schema belong to Postgres".to_owned());
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the tables are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// In this schema.
    Own(Schema),
    /// In a database of an earlier version: where the path of the role leads.
    OnThePath,
}

impl Layout {
    /// Adds the setting by which a connection finds the tables.
    pub fn with_path(&self, options: PgConnectOptions) -> PgConnectOptions {
        match self {
            Self::Own(schema) => options.options([("search_path", &schema.0)]),
            Self::OnThePath => options,
        }
    }

    /// Lets this transaction find the tables. Also behind a pooler, no later transaction has the
    /// setting.
    ///
    /// # Errors
    /// When the database cannot be queried.
    pub async fn enter(&self, transaction: &mut PgConnection) -> sqlx::Result<()> {
        self.set_path(transaction, true).await
    }

    async fn set_path(&self, connection: &mut PgConnection, is_local: bool) -> sqlx::Result<()> {
        if let Self::Own(schema) = self {
            sqlx::query("select set_config('search_path', $1, $2)")
                .bind(&schema.0)
                .bind(is_local)
                .execute(connection)
                .await?;
        }
        Ok(())
    }
}

/// Where the tables are. `None` if there are none yet.
///
/// # Errors
/// When the database cannot be queried.
pub async fn find(connection: &mut PgConnection, schema: &Schema) -> sqlx::Result<Option<Layout>> {
    if has_migrations(connection, schema).await? {
        return Ok(Some(Layout::Own(schema.clone())));
    }
    let is_on_the_path = has_tables_on_the_path(connection).await?;
    Ok(is_on_the_path.then_some(Layout::OnThePath))
}

/// Whether an earlier version has made tables where the path of the role leads.
async fn has_tables_on_the_path(connection: &mut PgConnection) -> sqlx::Result<bool> {
    Ok(may_read(connection, MIGRATIONS_OF_SQLX).await?
        && has_first_migration(connection, MIGRATIONS_OF_SQLX).await?)
}

/// The schema that has these tables. The path of the connection must be that of the role.
///
/// # Errors
/// When the database cannot be queried.
pub async fn name_of(connection: &mut PgConnection, layout: &Layout) -> sqlx::Result<String> {
    match layout {
        Layout::Own(schema) => Ok(schema.0.clone()),
        Layout::OnThePath => schema_of(connection, MIGRATIONS_OF_SQLX).await,
    }
}

async fn schema_of(connection: &mut PgConnection, table: &str) -> sqlx::Result<String> {
    sqlx::query_scalar(
        "select nspname::text
         from pg_class
         join pg_namespace on pg_namespace.oid = relnamespace
         where pg_class.oid = to_regclass($1)",
    )
    .bind(table)
    .fetch_one(connection)
    .await
}

/// A sentence if an earlier version has made a second set of tables, which is not used. The path of
/// the connection must be that of the role.
///
/// # Errors
/// When the database cannot be queried.
pub async fn second_set(
    connection: &mut PgConnection,
    layout: &Layout,
) -> sqlx::Result<Option<String>> {
    let Layout::Own(schema) = layout else {
        return Ok(None);
    };
    if !has_tables_on_the_path(connection).await? {
        return Ok(None);
    }
    let earlier = schema_of(connection, MIGRATIONS_OF_SQLX).await?;
    Ok(Some(format!(
        "The database has two sets of Holdfast's tables. This version uses those in the schema {schema}. An earlier version has made those in the schema {earlier}, and only servers of an earlier version use them. Stop such servers, look which set has the accounts, and drop the other one."
    )))
}

async fn warn_of_second_set(connection: &mut PgConnection, layout: &Layout) -> sqlx::Result<()> {
    if let Some(sentence) = second_set(connection, layout).await? {
        tracing::warn!("{sentence}");
    }
    Ok(())
}

/// What to do about a pooler that drops settings.
fn dropped() -> anyhow::Error {
    anyhow!(
        "The settings of connections to the database do not arrive: a pooler, such as PgBouncer with `ignore_startup_parameters`, drops them. Set {} to the address of Postgres itself.",
        Setting::DirectDatabase
    )
}

/// Where the tables are, without a change to them, on a connection of its own. `None` if there are
/// none, or they lack a migration of this version.
///
/// # Errors
/// The inner error is final: a pooler drops the settings. The outer one is that the database cannot be
/// queried.
pub async fn check(
    options: &PgConnectOptions,
    schema: &Schema,
) -> sqlx::Result<anyhow::Result<Option<Layout>>> {
    let mut connection = connect(&with_settings(options.clone())).await?;
    let layout = match has_settings(&mut connection).await {
        Ok(true) => find_migrated(&mut connection, schema).await.map(Ok),
        Ok(false) => Ok(Err(dropped())),
        Err(error) => Err(error),
    };
    let _ = connection.close().await;
    layout
}

async fn find_migrated(
    connection: &mut PgConnection,
    schema: &Schema,
) -> sqlx::Result<Option<Layout>> {
    let Some(layout) = find(connection, schema).await? else {
        return Ok(None);
    };
    let mut transaction = connection.begin().await?;
    layout.enter(&mut transaction).await?;
    let is_migrated = is_migrated(&mut transaction).await?;
    transaction.rollback().await?;
    warn_of_second_set(connection, &layout).await?;
    Ok(is_migrated.then_some(layout))
}

/// Whether the schema has the table of migrations of Holdfast.
async fn has_migrations(connection: &mut PgConnection, schema: &Schema) -> sqlx::Result<bool> {
    let found = first_in(connection, schema, &[MIGRATIONS.to_owned()]).await?;
    Ok(found.is_some())
}

/// The first of these tables that the schema has. The catalogs may be read without a right on the
/// schema.
async fn first_in(
    connection: &mut PgConnection,
    schema: &Schema,
    tables: &[String],
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(
        "select relname::text
         from pg_class
         join pg_namespace on pg_namespace.oid = relnamespace
         where nspname = $1 and relname = any($2)
         order by relname
         limit 1",
    )
    .bind(&schema.0)
    .bind(tables)
    .fetch_optional(connection)
    .await
}

/// Another schema that has the table of migrations of Holdfast.
async fn other_schema(
    connection: &mut PgConnection,
    schema: &Schema,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(
        "select nspname::text
         from pg_class
         join pg_namespace on pg_namespace.oid = relnamespace
         where nspname <> $1 and relname = $2
         order by nspname
         limit 1",
    )
    .bind(&schema.0)
    .bind(MIGRATIONS)
    .fetch_optional(connection)
    .await
}

async fn exists(connection: &mut PgConnection, table: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar("select to_regclass($1) is not null")
        .bind(table)
        .fetch_one(connection)
        .await
}

/// Whether the table exists and the role may read it. The table of another application may belong to
/// another role.
async fn may_read(connection: &mut PgConnection, table: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar("select coalesce(has_table_privilege(to_regclass($1), 'select'), false)")
        .bind(table)
        .fetch_one(connection)
        .await
}

/// Whether a table of migrations has the first migration of Holdfast.
async fn has_first_migration(
    connection: &mut PgConnection,
    table: &'static str,
) -> sqlx::Result<bool> {
    let Some(first) = MIGRATOR.iter().next() else {
        return Ok(false);
    };
    let query = format!("select exists (select from {table} where version = $1 and checksum = $2)");
    sqlx::query_scalar(AssertSqlSafe(query))
        .bind(first.version)
        .bind(&*first.checksum)
        .fetch_one(connection)
        .await
}

/// Brings the tables up to date, on a connection of its own. If there are none, it makes the schema
/// and the tables.
///
/// # Errors
/// Do not try again after the inner error: a pooler drops the settings, the schema has tables of
/// another application, the tables of Holdfast are in another schema, or the role may not make the
/// schema. The outer error may pass.
pub async fn migrate(
    options: &PgConnectOptions,
    schema: &Schema,
) -> Result<anyhow::Result<Layout>, MigrateError> {
    let options = with_settings_for_migrations(options.clone());
    let mut connection = connect(&options).await?;
    let migrated = migrate_on(&mut connection, schema).await;
    // The advisory lock ends with the connection.
    let _ = connection.close().await;
    migrated
}

async fn migrate_on(
    connection: &mut PgConnection,
    schema: &Schema,
) -> Result<anyhow::Result<Layout>, MigrateError> {
    if !has_settings(connection).await? {
        return Ok(Err(dropped()));
    }
    let layout = match find(connection, schema).await? {
        Some(layout) => layout,
        None => match make(connection, schema).await? {
            Ok(layout) => layout,
            Err(final_error) => return Ok(Err(final_error)),
        },
    };
    warn_of_second_set(connection, &layout).await?;
    layout.set_path(connection, false).await?;
    match layout {
        Layout::Own(_) => MIGRATOR.run(connection).await?,
        Layout::OnThePath => MIGRATOR_OF_SQLX.run(connection).await?,
    }
    Ok(Ok(layout))
}

/// Makes the schema, if there is none of this name. Another instance may do so at the same time.
async fn make(
    connection: &mut PgConnection,
    schema: &Schema,
) -> sqlx::Result<anyhow::Result<Layout>> {
    if let Some(other) = other_schema(connection, schema).await? {
        return Ok(Err(anyhow!(
            "The tables of Holdfast are in the schema {other} of this database, and the setting is {schema}. Set it to {other} with {}.",
            Setting::Schema
        )));
    }
    if let Some(table) = first_in(connection, schema, &tables()).await?
        // Another instance may have made it a moment ago.
        && !has_migrations(connection, schema).await?
    {
        return Ok(Err(anyhow!(
            "The schema {schema} has a table {table} that is not one of Holdfast. Choose another schema for Holdfast with {}.",
            Setting::Schema
        )));
    }
    let is_there =
        sqlx::query_scalar("select exists (select from pg_namespace where nspname = $1)");
    let is_there: bool = is_there.bind(&schema.0).fetch_one(&mut *connection).await?;
    if !is_there {
        let create = format!("create schema if not exists \"{schema}\"");
        let made = sqlx::query(AssertSqlSafe(create)).execute(&mut *connection);
        match made.await {
            Ok(_) => {}
            Err(error) if has_code(&error, &["42501"]) => {
                return Ok(Err(anyhow!(
                    "The role of Holdfast may not make the schema {schema}. Make it with `create schema {schema} authorization \"<role>\"`, or choose another schema with {}.",
                    Setting::Schema
                )));
            }
            // Another instance was faster.
            Err(error) if has_code(&error, &["23505", "42P06"]) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Ok(Layout::Own(schema.clone())))
}

/// The names of all tables that the migrations make.
fn tables() -> Vec<String> {
    let texts = MIGRATOR.iter().map(|migration| migration.sql.as_str());
    let after = texts.flat_map(|text| text.split("create table ").skip(1));
    let name = after.filter_map(|text| text.split_whitespace().next());
    name.map(str::to_owned).collect()
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| codes.contains(&&*code))
}

/// Whether every migration of this build has been applied to the tables that this connection finds.
///
/// # Errors
/// When the database cannot be queried.
pub async fn is_migrated(connection: &mut PgConnection) -> sqlx::Result<bool> {
    for table in [MIGRATIONS, MIGRATIONS_OF_SQLX] {
        if !exists(connection, table).await? {
            continue;
        }
        let query = format!("select version from {table} where success");
        let applied = sqlx::query_scalar::<_, i64>(AssertSqlSafe(query))
            .fetch_all(connection)
            .await?;
        let is_applied = |version| applied.contains(&version);
        return Ok(MIGRATOR
            .iter()
            .all(|migration| is_applied(migration.version)));
    }
    Ok(false)
}

/// Whether a connection that may lead through a pooler finds the tables of this layout. A pooler
/// does not pass on the path, so the path must be a setting of the role.
///
/// # Errors
/// When the database cannot be queried.
pub async fn leads_to(connection: &mut PgConnection, layout: &Layout) -> sqlx::Result<bool> {
    let Layout::Own(schema) = layout else {
        return Ok(true);
    };
    sqlx::query_scalar("select current_schema() is not distinct from $1")
        .bind(&schema.0)
        .fetch_one(connection)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_all_migrations_are_known() {
        let tables = tables();
        for table in ["accounts", "sessions", "recovery_codes", "deleted_accounts"] {
            assert!(tables.iter().any(|name| name == table), "{tables:?}");
        }
        let are_names = tables.iter().all(|name| name.parse::<Schema>().is_ok());
        assert!(are_names && tables.len() == 14, "{tables:?}");
    }

    #[test]
    fn a_schema_has_a_name_that_needs_no_quotes() {
        for good in ["holdfast", "public", "_auth2", &"a".repeat(63)] {
            assert_eq!(good.parse::<Schema>().unwrap().to_string(), good);
        }
        let long = "a".repeat(64);
        for bad in ["", "Holdfast", "2fast", "a b", "a\"b", "a.b", "ä", &long] {
            let error = bad.parse::<Schema>().unwrap_err();
            assert!(error.contains("1 to 63"), "{bad}: {error}");
        }
        for of_postgres in ["pg_catalog", "information_schema"] {
            let error = of_postgres.parse::<Schema>().unwrap_err();
            assert!(error.contains("belong to Postgres"), "{error}");
        }
    }
}
