//! `contact-gateway migrate`: the database's schema, up, down and where it stands.

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand};

use super::{CliError, start_log};
use crate::{app, config, service};

/// What to do with the schema.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway migrate up --config gateway.toml
  contact-gateway migrate down --steps 1 --config gateway.toml
  CONTACT_GATEWAY__DATABASE__URL=postgres://… contact-gateway migrate status")]
pub(super) struct MigrateArgs {
    #[command(subcommand)]
    action: Action,
    /// The configuration file; environment variables CONTACT_GATEWAY__SECTION__KEY go over it.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Apply every migration that is not applied yet; safe to run from many instances at once
    Up,
    /// Take back the newest migrations, and with them their data
    Down {
        /// How many.
        #[arg(long, value_name = "N", default_value_t = 1)]
        steps: u32,
    },
    /// List the migrations
    Status,
}

pub(super) async fn run(args: MigrateArgs, out: &mut (impl Write + Send)) -> Result<(), CliError> {
    let config = config::load(args.config.as_deref(), config::environment())?;
    let _log = start_log(&config);
    let db = app::connect(&config).await?;
    match args.action {
        Action::Up => {
            db.verify_server().await?;
            db.unlimited(migrations::up(db.pool())).await?;
            let folded = service::fold::fold_rows(&db).await.map_err(CliError::Fold)?;
            tracing::info!(rows = folded, "folded names and words for sorting and searching");
        }
        Action::Down { steps } => db.unlimited(migrations::down(db.pool(), Some(steps))).await?,
        Action::Status => {}
    }
    for (name, applied) in migrations::status(db.pool()).await? {
        writeln!(out, "{} {name}", if applied { "applied" } else { "pending" })?;
    }
    Ok(())
}
