//! The commands. One file each: its arguments, and what it does with them.
//!
//! Knows every layer below it, because this is where they are put together. Output goes to the writer that `main` hands
//! in; errors name the setting and the way out.

mod app_token;
mod dev;
mod maintain;
mod migrate;
mod sample_data;
mod schema;
mod serve;
mod server;
mod token;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, Write},
    panic::{self, PanicHookInfo},
};

use clap::{Parser, Subcommand};
use sea_orm::DbErr;

use crate::{
    app::{ConnectError, StartError},
    auth::KeyError,
    config::{Config, ConfigError, LogFormat},
    error::AppError,
    log::{self, FlushOnDrop},
    service::{database::RlsError, start_check::ServerError},
};

/// One GraphQL schema over internal contacts, partner assignments, account contacts and organization contacts.
#[derive(Debug, Parser)]
#[command(name = "contact-gateway", version, after_help = "Without a command: dev.")]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a local database with sample data and GraphiQL, ready to be tried
    Dev(dev::DevArgs),
    /// Serve in production, everything from the configuration
    Serve(serve::ServeArgs),
    /// Bring the database's schema up, down, or tell where it stands
    Migrate(migrate::MigrateArgs),
    Maintain(maintain::MaintainArgs),
    /// Print the GraphQL schema
    Schema(schema::SchemaArgs),
    Token(token::TokenArgs),
    /// Make, list and revoke the application tokens that programs exchange for tokens
    AppToken(app_token::AppTokenArgs),
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key or a document of the configuration cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A token cannot be signed.
    #[error("auth.issuers: {0}")]
    Key(#[from] KeyError),
    /// The database cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The list of migrations cannot be read.
    #[error("the database cannot be migrated: {0}")]
    Migrate(DbErr),
    /// A migration failed, or the database is not one for these migrations.
    #[error("the database cannot be migrated: {0}")]
    Migration(String),
    /// The database's schema is not the one this version needs.
    #[error("the database lacks {0} migrations; run `contact-gateway migrate up` first")]
    NotMigrated(usize),
    /// The database server cannot be relied on.
    #[error("database.url: {0}")]
    Server(#[from] ServerError),
    /// Row level security is wanted and not there.
    #[error(
        "database.row_level_security: {0}; let an administrator of the database run \
         `SELECT contact_gateway_enable_rls()` and grant the role to the gateway's own, see docs/security.md"
    )]
    Rls(#[from] RlsError),
    /// The sample data could not be written.
    #[error("the sample data cannot be written: {0:?}")]
    SampleData(AppError),
    /// Rows could not be folded.
    #[error("names and words could not be folded: {0}")]
    Fold(AppError),
    /// Old rows could not be deleted.
    #[error("not all old rows could be deleted: {}", .0.public_message())]
    Maintain(AppError),
    /// An address cannot be listened on.
    #[error("{address}: {error}; name a free address of this machine")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// A file or folder cannot be used.
    #[error("{path}: {error}; name one that this user may read and write")]
    File {
        /// The file or folder.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// The exported schema is not the one of this version.
    #[error("{0} differs from the schema of this version; write it anew with `contact-gateway schema > {0}`")]
    SchemaDiffers(String),
    /// No token could be made.
    #[error(transparent)]
    Token(#[from] token::TokenCommandError),
    /// An application token could not be made, listed or revoked.
    #[error("{}", .0.public_message())]
    AppToken(AppError),
    /// Input or output failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<DbErr> for CliError {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::Migration(sentence) => Self::Migration(sentence),
            error => Self::Migrate(error),
        }
    }
}

impl Cli {
    /// Does what the command line says, until it is done or, for servers, until the process is told to stop.
    pub async fn run(self, out: &mut (impl Write + Send)) -> Result<(), CliError> {
        match self.command.unwrap_or_else(|| Command::Dev(dev::DevArgs::default())) {
            Command::Dev(args) => dev::run(args, out).await,
            Command::Serve(args) => serve::run(args, out).await,
            Command::Migrate(args) => migrate::run(args, out).await,
            Command::Maintain(args) => maintain::run(args, out).await,
            Command::Schema(args) => schema::run(&args, out),
            Command::Token(args) => Ok(token::run(args, out)?),
            Command::AppToken(args) => app_token::run(args, out).await,
        }
    }
}

/// Starts the log, on the standard error stream. Keep what it gives until the command ends.
fn start_log(config: &Config) -> FlushOnDrop {
    // These tell of every step that went well; the configured level comes later and may ask for it.
    let quiet = "sea_orm_migration=warn,sqlx::postgres::notice=warn";
    let filter = tracing_subscriber::EnvFilter::new(format!("{quiet},{}", config.log.level));
    // What goes wrong with a line must not be printed: that fails as the line did.
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(log::writer).log_internal_errors(false);
    // Only a second call in one process can fail, and the first log is as good.
    let _ = match config.log.format {
        LogFormat::Text => log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    panic::set_hook(Box::new(log_panic));
    FlushOnDrop
}

/// The default hook waits for the standard error stream.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let reason = panic.payload_as_str().unwrap_or_default();
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(location = panic.location().map(tracing::field::display), reason, backtrace, "panicked");
}
