//! `contact-gateway maintain`: runs the background maintenance once.

use std::{io::Write, path::PathBuf, sync::atomic::Ordering::Relaxed};

use chrono::Utc;
use clap::Args;

use super::{CliError, serve::check_migrated, start_log};
use crate::{
    app, config,
    service::maintenance::{self, Stats},
};

/// Delete records after the retention periods of the configuration
///
/// A running server does this every hour.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway maintain --config gateway.toml
  CONTACT_GATEWAY__RETENTION__CHANGES=400d contact-gateway maintain --config gateway.toml")]
pub(super) struct MaintainArgs {
    /// Configuration file. Environment variables CONTACT_GATEWAY__SECTION__KEY override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) async fn run(args: MaintainArgs, out: &mut (impl Write + Send)) -> Result<(), CliError> {
    let config = config::load(args.config.as_deref(), config::environment())?;
    let _log = start_log(&config);
    let db = app::connect(&config).await?;
    check_migrated(&db).await?;
    let stats = Stats::default();
    let outcome = maintenance::delete_expired(&db, app::retention(&config), Utc::now(), &stats).await;
    writeln!(out, "deleted {} changes", stats.changes.load(Relaxed))?;
    writeln!(out, "deleted {} idempotency keys", stats.idempotency_keys.load(Relaxed))?;
    if !outcome.map_err(CliError::Maintain)? {
        writeln!(out, "another instance is deleting the rest")?;
    }
    Ok(())
}
