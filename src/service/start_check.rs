//! What the gateway relies on and a server may not have: checked at the start, so that none serves without it.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::{Database, pool::session_limits};

/// The oldest major version of PostgreSQL that has everything the statements use.
const OLDEST_VERSION: u128 = 14;

const SETTINGS: &str =
    "SELECT name, setting FROM pg_settings WHERE name IN ('server_encoding', 'server_version_num',
    'statement_timeout', 'idle_in_transaction_session_timeout')";

/// Why a server cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Its settings cannot be read.
    #[error("cannot read the settings of the server: {0}")]
    Unreadable(#[from] DbErr),
    /// Texts cannot be kept as they are.
    #[error(
        "the database has the encoding {0}; create one with `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0` and move the data there"
    )]
    Encoding(String),
    /// It lacks what the statements use.
    #[error("PostgreSQL {0} is not supported; use version {OLDEST_VERSION} or newer")]
    Version(u128),
    /// A limit that the gateway asks for when it connects is not in force.
    #[error(
        "{name} is {found} ms instead of the requested {wanted} ms: configure the connection pooler to pass on \
             the start-up parameter `options`, or run `ALTER ROLE … SET {name} = {wanted}`"
    )]
    Limit {
        /// The setting.
        name: &'static str,
        /// Its value; 0 is no limit.
        found: u128,
        /// The value that the gateway asked for.
        wanted: u128,
    },
}

impl Database {
    /// Checks that the server can hold the data: for everything that makes tables or serves them.
    pub async fn verify_server(&self) -> Result<(), ServerError> {
        let Some(settings) = self.settings().await? else { return Ok(()) };
        let encoding = settings.text("server_encoding")?;
        if encoding != "UTF8" {
            return Err(ServerError::Encoding(encoding));
        }
        // Of 150013 the first two digits.
        let version = settings.number("server_version_num")? / 10_000;
        if version < OLDEST_VERSION { Err(ServerError::Version(version)) } else { Ok(()) }
    }

    /// Checks that the time limits of a session are in force. A pooler may drop them without a word.
    pub async fn verify_limits(&self) -> Result<(), ServerError> {
        let Some(settings) = self.settings().await? else { return Ok(()) };
        for (name, wanted) in session_limits(self.statement_timeout) {
            let found = settings.number(name)?;
            // Shorter is safe too.
            if found == 0 || found > wanted {
                return Err(ServerError::Limit { name, found, wanted });
            }
        }
        Ok(())
    }

    /// The settings of the server, where there is one.
    async fn settings(&self) -> Result<Option<Settings>, DbErr> {
        if self.is_sqlite() {
            return Ok(None);
        }
        let statement = Statement::from_string(DbBackend::Postgres, SETTINGS);
        let rows = self.bypass_rls().connection().query_all_raw(statement).await?;
        let settings = rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
        Ok(Some(Settings(settings.collect::<Result<_, DbErr>>()?)))
    }
}

/// Names and values.
struct Settings(Vec<(String, String)>);

impl Settings {
    fn text(&self, name: &str) -> Result<String, DbErr> {
        let found = self.0.iter().find(|(setting, _)| setting == name);
        found
            .map(|(_, value)| value.clone())
            .ok_or_else(|| DbErr::Custom(format!("{name} is not among them")))
    }

    fn number(&self, name: &str) -> Result<u128, DbErr> {
        self.text(name)?.parse().map_err(|_| DbErr::Custom(format!("{name} is no number")))
    }
}
