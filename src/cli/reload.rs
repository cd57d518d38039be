//! SIGHUP: the configuration is read again while the server runs.

use std::path::{Path, PathBuf};

use super::{CliError, logging::LogLevel};
use crate::{app::Reloader, config};

/// Reads the configuration again with each signal, until this is dropped.
pub(super) struct Reload {
    signal: HangupSignal,
    file: Option<PathBuf>,
    level: LogLevel,
}

impl Reload {
    /// Reads this file again.
    pub(super) fn new(signal: HangupSignal, file: Option<PathBuf>, level: LogLevel) -> Self {
        Self { signal, file, level }
    }

    pub(super) async fn run(mut self, mut reloader: Reloader) {
        loop {
            self.signal.next().await;
            match reload(&mut reloader, self.file.as_deref(), &self.level).await {
                Ok(pending) if pending.is_empty() => tracing::info!("configuration reloaded"),
                Ok(pending) => tracing::warn!(
                    settings = pending.join(", "),
                    "configuration reloaded except for these settings, which need a restart"
                ),
                Err(error) => tracing::error!(%error, "configuration not reloaded; nothing has changed"),
            }
        }
    }
}

/// Applies the configuration as it is now, or nothing of it. Returns the changed settings that need a restart.
async fn reload(
    reloader: &mut Reloader,
    file: Option<&Path>,
    level: &LogLevel,
) -> Result<Vec<&'static str>, CliError> {
    let config = config::load_for_serving(file, config::environment())?;
    config.deprecated.iter().for_each(|message| tracing::warn!("{message}"));
    let log_level = config.log.level.clone();
    let pending = reloader.reload(config).await?;
    level.set(&log_level);
    Ok(pending)
}

/// The signal that a terminal sends when it closes, and an operator to have the configuration read again.
#[cfg(unix)]
pub(super) struct HangupSignal(tokio::signal::unix::Signal);

#[cfg(unix)]
impl HangupSignal {
    /// Installs the handler. From now on the signal does not end the process.
    pub(super) fn new() -> Result<Self, CliError> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(signal(SignalKind::hangup())?))
    }

    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Other systems have no such signal.
#[cfg(not(unix))]
pub(super) struct HangupSignal;

#[cfg(not(unix))]
impl HangupSignal {
    /// There is nothing to install.
    pub(super) fn new() -> Result<Self, CliError> {
        Ok(Self)
    }

    async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}
