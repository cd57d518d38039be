//! Runs a list of migrations on a database that is in use meanwhile. README.md says what a migration may rely on.
//!
//! Each migration has a transaction of its own, in which it is also added to the list of applied ones. The transaction
//! takes the migration lock first and reads that list under it, so any number of processes may migrate at once: each
//! migration is applied by one of them. The lock ends with the transaction, whatever ends the process.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sea_orm_migration::{
    prelude::*,
    sea_orm::{
        ActiveValue::Set, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait,
        IsolationLevel, RuntimeErr, SqliteTransactionMode, SqlxPostgresConnector, TransactionOptions,
        TransactionTrait, sqlx::postgres::PgPoolOptions,
    },
    sea_query::extension::postgres::PgFunc,
    seaql_migrations,
};
use tokio::time::sleep;

/// The key of the advisory lock that migrating processes take on PostgreSQL: "contacts" in ASCII.
const LOCK_KEY: i64 = 0x636f_6e74_6163_7473;
/// How long a process waits before it tries to take the lock again.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// A statement that waits for a table lock holds up every later statement on the table, so it waits for a second only. A
/// process that stops in the middle of a migration holds its locks for ten seconds only.
const TRANSACTION_LIMITS: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '1s';
    SET LOCAL idle_in_transaction_session_timeout = '10s'";
/// What runs outside of a transaction waits for the transactions of others without holding up anybody.
const SESSION_LIMITS: &str =
    "SET statement_timeout = 0; SET lock_timeout = '10min'; SET idle_session_timeout = '10min'";

/// How often a migration is tried that other transactions keep from its locks.
const ATTEMPTS: u32 = 20;
/// The same outside of a transaction, where an attempt waits for up to ten minutes.
const SESSION_ATTEMPTS: u32 = 3;
/// How long the first pause is, in which waiting statements are executed. Each further one is longer by as much.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The prefix of the migrations from before the tables had their present form.
const RETIRED: &str = "m20261121_";
/// The error for a database of those migrations: its tables are not the ones that these migrations rely on.
const RETIRED_DATABASE: &str = "this database was made before the first release and cannot be taken over; read its data out \
                                with the version that made it, and write it into an empty database";

/// Migrates a database by a list of migrations, oldest first.
pub struct Runner<'a> {
    db: &'a DatabaseConnection,
    migrations: &'a [Box<dyn MigrationTrait>],
    attempts: u32,
}

/// Which way a migration is run.
#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// Why a migration was not run, with its name once that is known.
struct Failure {
    migration: Option<String>,
    /// Whether it was run outside of a transaction.
    in_session: bool,
    error: DbErr,
}

impl From<DbErr> for Failure {
    fn from(error: DbErr) -> Self {
        Self { migration: None, in_session: false, error }
    }
}

impl<'a> Runner<'a> {
    /// A pool of a single connection is enough; a migration outside of a transaction opens one more.
    pub fn new(db: &'a DatabaseConnection, migrations: &'a [Box<dyn MigrationTrait>]) -> Self {
        Self { db, migrations, attempts: ATTEMPTS }
    }

    /// Sets how often a migration is tried that other transactions keep from its locks: 20 times unless set, in about three
    /// minutes. Outside of a transaction it is tried at most three times, each for up to ten minutes.
    #[must_use]
    pub fn with_attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// Applies the pending migrations, one after the other. After an error those before it are applied.
    ///
    /// Where nothing is pending it only reads, so that an instance can start without the right to change the schema, and
    /// beside a newer release.
    pub async fn up(&self) -> Result<(), DbErr> {
        if self.status().await?.iter().all(|(_, applied)| *applied) {
            return Ok(());
        }
        while self.step(Direction::Up).await? {}
        Ok(())
    }

    /// Takes back the newest migrations, `steps` of them or all. After an error those after it are taken back.
    pub async fn down(&self, steps: Option<u32>) -> Result<(), DbErr> {
        let applied = self.status().await?.iter().filter(|(_, applied)| *applied).count();
        let steps = steps.map_or(applied, |steps| applied.min(steps as usize));
        for _ in 0..steps {
            self.step(Direction::Down).await?;
        }
        Ok(())
    }

    /// The names of the migrations, oldest first, each with whether it is applied. Only reads.
    pub async fn status(&self) -> Result<Vec<(String, bool)>, DbErr> {
        let applied = applied(&SchemaManager::new(self.db)).await?;
        let migrations = self.migrations.iter().map(|migration| migration.name());
        Ok(migrations.map(|name| (name.to_owned(), applied.contains(name))).collect())
    }

    /// Runs the next migration, again where other transactions kept it from its locks; tells whether there was one.
    async fn step(&self, direction: Direction) -> Result<bool, DbErr> {
        let mut attempt = 1;
        loop {
            let Failure { migration, in_session, error } = match Box::pin(self.try_step(direction)).await {
                Ok(found) => return Ok(found),
                Err(failure) => failure,
            };
            let migration = migration.as_deref().unwrap_or("the migration");
            if !is_lock_conflict(&error) {
                return Err(match error {
                    DbErr::Migration(_) => error,
                    error => DbErr::Migration(format!("{migration} failed: {error}")),
                });
            }
            let attempts = if in_session { Ord::min(self.attempts, SESSION_ATTEMPTS) } else { self.attempts };
            if attempt >= attempts {
                return Err(DbErr::Migration(format!(
                    "{migration} did not get its locks in {attempt} attempts, because other transactions hold them; \
                     end the long ones (pg_stat_activity lists them) and run this again"
                )));
            }
            tracing::warn!(
                migration,
                attempt,
                "other transactions hold locks that the migration needs; it is tried again"
            );
            sleep((PAUSE * attempt).min(LONGEST_PAUSE)).await;
            attempt += 1;
        }
    }

    async fn try_step(&self, direction: Direction) -> Result<bool, Failure> {
        let transaction = self.begin().await?;
        let next = self.next(&SchemaManager::new(&transaction), direction).await?;
        let Some(migration) = next else { return Ok(false) };
        let in_session = migration.use_transaction() == Some(false) && self.is_postgres();
        let named = |error| Failure { migration: Some(migration.name().to_owned()), in_session, error };
        if in_session {
            // Frees the lock, which the session of the migration takes instead.
            transaction.rollback().await?;
            return self.run_in_session(migration, direction).await.map(|()| true).map_err(named);
        }
        match run(migration, &SchemaManager::new(&transaction), direction).await {
            Ok(()) => transaction.commit().await.map(|()| true).map_err(named),
            Err(error) => {
                // Locks end before the pause begins. If this fails, the connection is lost, and they end with it.
                let _ = transaction.rollback().await;
                Err(named(error))
            }
        }
    }

    /// The migration that is next, if there is one.
    async fn next(
        &self,
        manager: &SchemaManager<'_>,
        direction: Direction,
    ) -> Result<Option<&dyn MigrationTrait>, DbErr> {
        let applied = applied(manager).await?;
        let next = match direction {
            Direction::Up => self.migrations.iter().find(|migration| !applied.contains(migration.name())),
            Direction::Down => self.migrations.iter().rfind(|migration| applied.contains(migration.name())),
        };
        let Some(next) = next else { return Ok(None) };
        let unknown =
            applied.iter().find(|name| self.migrations.iter().all(|migration| migration.name() != *name));
        match unknown {
            None => Ok(Some(next.as_ref())),
            Some(name) => Err(DbErr::Migration(format!(
                "the database has the migration {name}, which this version does not know; use the version that has it"
            ))),
        }
    }

    /// Begins a transaction that holds the migration lock until it ends.
    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        if !self.is_postgres() {
            // SQLite has one writer at a time; the others wait for as long as the connection's busy timeout allows.
            let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
            let options = TransactionOptions { sqlite_transaction_mode, ..Default::default() };
            return self.db.begin_with_options(options).await;
        }
        // So that what another process committed just before is seen.
        let isolation_level = Some(IsolationLevel::ReadCommitted);
        loop {
            let options = TransactionOptions { isolation_level, ..Default::default() };
            let transaction = self.db.begin_with_options(options).await?;
            transaction.execute_unprepared(TRANSACTION_LIMITS).await?;
            if try_lock(&transaction, PgFunc::try_advisory_xact_lock(LOCK_KEY)).await? {
                return Ok(transaction);
            }
            // A transaction that waited for the lock would hold up an index that the other process makes concurrently.
            transaction.rollback().await?;
            sleep(LOCK_PAUSE).await;
        }
    }

    /// Runs a migration outside of a transaction, in a session of its own that holds the lock.
    async fn run_in_session(
        &self,
        migration: &dyn MigrationTrait,
        direction: Direction,
    ) -> Result<(), DbErr> {
        let options = self.db.get_postgres_connection_pool().connect_options();
        let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let session =
            SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with((*options).clone()));
        let outcome = self.run_locked(&session, migration, direction).await;
        // The lock ends with the session.
        let closed = session.close().await;
        outcome.and(closed)
    }

    async fn run_locked(
        &self,
        session: &DatabaseConnection,
        migration: &dyn MigrationTrait,
        direction: Direction,
    ) -> Result<(), DbErr> {
        session.execute_unprepared(SESSION_LIMITS).await?;
        while !try_lock(session, PgFunc::try_advisory_lock(LOCK_KEY)).await? {
            sleep(LOCK_PAUSE).await;
        }
        let manager = SchemaManager::new(session);
        match self.next(&manager, direction).await? {
            Some(next) if next.name() == migration.name() => run(migration, &manager, direction).await,
            // Another process was quicker.
            _ => Ok(()),
        }
    }

    fn is_postgres(&self) -> bool {
        self.db.get_database_backend() == DbBackend::Postgres
    }
}

/// Runs a migration and notes that in the list of applied ones.
async fn run(
    migration: &dyn MigrationTrait,
    manager: &SchemaManager<'_>,
    direction: Direction,
) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let version = migration.name().to_owned();
    match direction {
        Direction::Up => {
            migration.up(manager).await?;
            let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let row = seaql_migrations::ActiveModel {
                version: Set(version),
                applied_at: Set(seconds.cast_signed()),
            };
            super::Migrator::install(db).await?;
            seaql_migrations::Entity::insert(row).exec_without_returning(db).await?;
        }
        Direction::Down => {
            migration.down(manager).await?;
            seaql_migrations::Entity::delete_by_id(version).exec(db).await?;
        }
    }
    Ok(())
}

/// The names of the applied migrations.
async fn applied(manager: &SchemaManager<'_>) -> Result<HashSet<String>, DbErr> {
    if !manager.has_table(super::Migrator::migration_table_name().to_string()).await? {
        return Ok(HashSet::new());
    }
    let rows = seaql_migrations::Entity::find().all(manager.get_connection()).await?;
    let applied: HashSet<String> = rows.into_iter().map(|row| row.version).collect();
    if applied.iter().any(|name| name.starts_with(RETIRED)) {
        return Err(DbErr::Migration(RETIRED_DATABASE.to_owned()));
    }
    Ok(applied)
}

/// Takes an advisory lock unless another session has it; tells whether it was taken.
async fn try_lock(db: &impl ConnectionTrait, function: FunctionCall) -> Result<bool, DbErr> {
    let row = db.query_one(Query::select().expr(function)).await?;
    row.map_or(Ok(false), |row| row.try_get_by_index(0))
}

/// Whether the locks of others stood in the way: lock timeout and deadlock of PostgreSQL, busy of SQLite.
fn is_lock_conflict(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))
    | DbErr::Conn(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| is_conflict_code(&code))
}

/// SQLite's codes are numbers whose low byte says as much as this needs; PostgreSQL's have five characters.
fn is_conflict_code(code: &str) -> bool {
    let of_sqlite = code.parse::<u32>().ok().filter(|_| code.len() < 5);
    matches!(code, "55P03" | "40P01") || of_sqlite.is_some_and(|code| code & 0xff == 5)
}

#[cfg(test)]
mod tests {
    use super::is_conflict_code;

    #[test]
    fn locks_of_others_are_told_by_the_code() {
        // Busy, busy with recovery, with a snapshot and with a time limit.
        for code in ["5", "261", "517", "773", "55P03", "40P01"] {
            assert!(is_conflict_code(code), "{code}");
        }
        // 42501 of PostgreSQL has the low byte of busy.
        for code in ["1", "6", "42501", "57014", ""] {
            assert!(!is_conflict_code(code), "{code}");
        }
    }
}
