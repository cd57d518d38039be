//! The commands. One file each: its arguments, and what it does with them.
//!
//! Knows every layer below it, because this is where they are put together. Output goes to the writer that `main` hands
//! in; errors name the setting and the way out.

mod app_token;
mod backup;
mod config_file;
mod context;
mod database_args;
mod dev;
mod export;
mod healthcheck;
mod import;
mod logging;
mod maintain;
mod migrate;
mod org;
mod reload;
mod sample_data;
mod schema;
mod serve;
mod server;
mod token;

use std::{
    io::{self, Write},
    sync::LazyLock,
};

use clap::{Parser, Subcommand};
use sea_orm::DbErr;

use self::logging::{start_log, start_log_and_traces};
use crate::{
    app::{ConnectError, StartError},
    auth::KeyError,
    config::ConfigError,
    error::AppError,
    service::{database::RlsError, start_check::ServerError},
    telemetry::TelemetryError,
    transfer::{export::ExportError, import::ImportError},
};

/// GraphQL API for internal contacts, partner assignments, account contacts and organization contacts.
#[derive(Debug, Parser)]
#[command(name = "contact-gateway", version = version(), after_help = "Default command: dev.")]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a local server with sample data and GraphiQL
    Dev(dev::DevArgs),
    /// Run a production server from a configuration file
    Serve(serve::ServeArgs),
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Apply, revert or list database migrations
    Migrate(migrate::MigrateArgs),
    Maintain(maintain::MaintainArgs),
    /// Print the GraphQL schema
    Schema(schema::SchemaArgs),
    Token(token::TokenArgs),
    /// Create and list organizations, and set their external ids
    Org(org::OrgArgs),
    /// Create, list and revoke application tokens
    AppToken(app_token::AppTokenArgs),
    /// Import records from a file or from another system
    Import(import::ImportArgs),
    /// Export the records of a kind
    Export(export::ExportArgs),
    /// Copy the database while it is in use
    Backup(backup::BackupArgs),
}

/// Why a command failed.
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
    /// A migration failed, or the database belongs to other migrations.
    #[error("the database cannot be migrated: {0}")]
    Migration(String),
    /// Migrations are missing.
    #[error("{0} migrations are not applied; run `contact-gateway migrate up` first")]
    NotMigrated(usize),
    /// The database server does not meet the requirements.
    #[error("database.url: {0}")]
    Server(#[from] ServerError),
    /// Row level security is configured but not in force.
    #[error(
        "database.row_level_security: {0}; as a database administrator, run \
         `SELECT contact_gateway_enable_rls()` and grant the role to the gateway's login role, see docs/security.md"
    )]
    Rls(#[from] RlsError),
    /// The sample data could not be written.
    #[error("cannot write the sample data: {0:?}")]
    SampleData(AppError),
    /// The search columns could not be backfilled.
    #[error("cannot backfill the search columns: {0}")]
    SearchBackfill(AppError),
    /// Expired records could not be deleted.
    #[error("cannot delete all expired records: {}", .0.public_message())]
    Maintain(AppError),
    /// The server is not ready.
    #[error("the server at {address} is not ready: {reason}")]
    NotReady {
        /// Its address.
        address: std::net::SocketAddr,
        /// The reason.
        reason: String,
    },
    /// Traces cannot be exported.
    #[error("telemetry.otlp_endpoint: {0}")]
    Telemetry(#[from] TelemetryError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {error}; choose a free address of this machine")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The error of the operating system.
        error: io::Error,
    },
    /// A file or folder cannot be used.
    #[error("cannot use {path}: {error}; choose a path that this user can read and write")]
    File {
        /// The file or folder.
        path: String,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The exported schema differs from this version.
    #[error("{0} differs from the schema of this version; regenerate it with `contact-gateway schema > {0}`")]
    SchemaDiffers(String),
    /// No token could be created.
    #[error(transparent)]
    Token(#[from] token::TokenCommandError),
    /// An application token could not be created, listed or revoked.
    #[error("{}", .0.public_message())]
    AppToken(AppError),
    /// An organization could not be created, listed or changed.
    #[error("{}", .0.public_message())]
    Organization(AppError),
    /// An import ended before its last row.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// An argument is missing that others make necessary.
    #[error("{0} is required")]
    MissingArgument(&'static str),
    /// An export ended before its last record.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The database could not be copied.
    #[error("cannot copy the database: {0}")]
    Backup(DbErr),
    /// Rows of an import were rejected; the others are written.
    #[error("{0} rows were rejected")]
    Rejected(u64),
    /// A command is for an organization that does not exist.
    #[error("there is no organization org_{0}; `contact-gateway org list` prints those that exist")]
    NoOrganization(i64),
    /// Input or output failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl CliError {
    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Import(_) | Self::Export(_) | Self::MissingArgument(_) => 2,
            _ => 1,
        }
    }
}

impl From<DbErr> for CliError {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::Migration(sentence) => Self::Migration(sentence),
            error => Self::Migrate(error),
        }
    }
}

/// The version, with the commit if the build knows it.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let version = env!("CARGO_PKG_VERSION");
        // An image that is built without the argument has an empty one.
        match option_env!("CONTACT_GATEWAY_COMMIT").filter(|commit| !commit.is_empty()) {
            Some(commit) => format!("{version} ({commit})"),
            None => version.to_owned(),
        }
    });
    &VERSION
}

impl Cli {
    /// Runs the command. Servers run until the process receives a stop signal.
    pub async fn run(self, out: &mut (impl Write + Send)) -> Result<(), CliError> {
        match self.command.unwrap_or_else(|| Command::Dev(dev::DevArgs::default())) {
            Command::Dev(args) => dev::run(args, out).await,
            Command::Serve(args) => serve::run(args, out).await,
            Command::Healthcheck(args) => healthcheck::run(args).await,
            Command::Migrate(args) => migrate::run(args, out).await,
            Command::Maintain(args) => maintain::run(args, out).await,
            Command::Schema(args) => schema::run(&args, out),
            Command::Token(args) => Ok(token::run(args, out).await?),
            Command::Org(args) => org::run(args, out).await,
            Command::AppToken(args) => app_token::run(args, out).await,
            Command::Import(args) => import::run(args, out).await,
            Command::Export(args) => export::run(args, out).await,
            Command::Backup(args) => backup::run(args, out).await,
        }
    }
}
