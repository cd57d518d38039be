//! `contact-gateway migrate`: applies, reverts and lists database migrations.

use std::io::Write;

use clap::{Args, Subcommand};

use super::{CliError, config_file::ConfigFile, start_log};
use crate::{app, service};

/// The arguments of the command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway migrate up --config gateway.toml
  contact-gateway migrate down --steps 1 --config gateway.toml
  CONTACT_GATEWAY__DATABASE__URL=postgres://… contact-gateway migrate status")]
pub(super) struct MigrateArgs {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Apply all pending migrations; safe to run on several instances at once
    Up,
    /// Revert the newest migrations and delete their data
    Down {
        /// Number of migrations to revert.
        #[arg(long, value_name = "N", default_value_t = 1)]
        steps: u32,
    },
    /// List the migrations
    Status,
}

pub(super) async fn run(args: MigrateArgs, out: &mut (impl Write + Send)) -> Result<(), CliError> {
    let config = args.config.load()?;
    let _log = start_log(&config);
    let db = app::connect(&config).await?;
    match args.action {
        Action::Up => {
            db.verify_server().await?;
            db.unlimited(migrations::up(db.pool())).await?;
            let rows = service::search_backfill::backfill_search_columns(&db)
                .await
                .map_err(CliError::SearchBackfill)?;
            tracing::info!(rows, "backfilled the search columns");
        }
        Action::Down { steps } => db.unlimited(migrations::down(db.pool(), Some(steps))).await?,
        Action::Status => {}
    }
    for (name, applied) in migrations::status(db.pool()).await? {
        writeln!(out, "{} {name}", if applied { "applied" } else { "pending" })?;
    }
    Ok(())
}
