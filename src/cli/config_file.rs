//! The option `--config`, for the commands that need a database or issuers but serve nothing.

use std::path::PathBuf;

use clap::Args;

use crate::config::{self, Config, ConfigError};

#[derive(Debug, Args)]
pub(super) struct ConfigFile {
    /// Configuration file. Environment variables CONTACT_GATEWAY__SECTION__KEY override it.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

impl ConfigFile {
    /// Whether the command has the option.
    pub(super) fn is_given(&self) -> bool {
        self.config.is_some()
    }

    /// Reads the configuration.
    ///
    /// # Errors
    ///
    /// All settings that are wrong.
    pub(super) fn load(&self) -> Result<Config, ConfigError> {
        config::load(self.config.as_deref(), config::environment())
    }
}
