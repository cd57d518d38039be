//! `contact-gateway maintain`: runs the background maintenance once.

use std::{io::Write, sync::atomic::Ordering::Relaxed};

use chrono::Utc;
use clap::Args;

use super::{CliError, config_file::ConfigFile, serve::check_migrated, start_log};
use crate::{
    app,
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
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) async fn run(args: MaintainArgs, out: &mut (impl Write + Send)) -> Result<(), CliError> {
    let config = args.config.load()?;
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
