//! `contact-gateway serve`: the production server. It does not start with missing or unsafe settings.

use std::{io::Write, path::PathBuf};

use clap::Args;

use super::{
    CliError,
    reload::{HangupSignal, Reload},
    server::{self, Signals},
    start_log_and_traces,
};
use crate::{
    app::{self, App},
    config,
    http::playground::Session,
    service::Database,
};

/// The arguments of the command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway serve --config /etc/contact-gateway.toml
  CONTACT_GATEWAY__DATABASE__URL=postgres://… contact-gateway serve --config gateway.toml
  contact-gateway serve --config gateway.toml --print-config")]
pub(super) struct ServeArgs {
    /// Configuration file. Environment variables CONTACT_GATEWAY__SECTION__KEY override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the effective configuration without secrets, and exit.
    #[arg(long)]
    print_config: bool,
}

pub(super) async fn run(args: ServeArgs, out: &mut (impl Write + Send)) -> Result<(), CliError> {
    let file = args.config.as_deref();
    if args.print_config {
        write!(out, "{}", config::load(file, config::environment())?.print())?;
        return Ok(());
    }
    let config = config::load_for_serving(file, config::environment())?;
    let log = start_log_and_traces(&config)?;
    // Before anything that takes time: the signal would end the process.
    let hangup = HangupSignal::new()?;
    config.deprecated.iter().for_each(|message| tracing::warn!("{message}"));
    server::allow_connections(&config.http, &config.database);
    let db = app::connect(&config).await?;
    db.verify_server().await?;
    db.verify_limits().await?;
    check_migrated(&db).await?;
    db.verify_rls().await?;
    let app = App::new(&config, db, Session::default()).await?;
    // Handle signals before accepting connections.
    let signals = Signals::new()?;
    let listener = server::listen(config.http.listen).await?;
    let operator = match config.metrics.listen {
        Some(address) => Some(server::listen(address).await?),
        None => None,
    };
    tracing::info!(address = %listener.local_addr()?, "listening");
    let reload = Reload::new(hangup, args.config.clone(), log.level());
    server::serve(listener, operator, app, signals, Some(reload)).await
}

/// Checks that all migrations are applied. The server never migrates a production database itself.
pub(super) async fn check_migrated(db: &Database) -> Result<(), CliError> {
    let status = migrations::status(db.pool()).await?;
    match status.iter().filter(|(_, applied)| !applied).count() {
        0 => Ok(()),
        missing => Err(CliError::NotMigrated(missing)),
    }
}
