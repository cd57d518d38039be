//! Which database and organization a command works in, for commands that import and export.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use chrono::Utc;
use clap::Args;
use uuid::Uuid;

use super::{CliError, context::context, serve::check_migrated, token::organization};
use crate::{
    app,
    auth::RequestContext,
    config::{self, Config, DEVELOPMENT_DATA_DIR},
    service::Database,
    transfer::Session,
};

/// The database and the organization.
#[derive(Debug, Args)]
pub(super) struct DatabaseArgs {
    /// Configuration file. Environment variables CONTACT_GATEWAY__SECTION__KEY override it.
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    config: Option<PathBuf>,
    /// Folder of the development database. Used if neither --config nor the environment names a database.
    #[arg(long, value_name = "DIR", default_value = DEVELOPMENT_DATA_DIR)]
    data_dir: PathBuf,
    /// Organization, for example 42 or org_42.
    #[arg(long = "org", value_name = "ORGANIZATION", value_parser = organization, default_value = "1")]
    organization: i64,
}

impl DatabaseArgs {
    /// The configuration that these arguments name.
    pub(super) fn config(&self) -> Result<Config, CliError> {
        let config = config::load(self.config.as_deref(), config::environment())?;
        if self.config.is_some() || config.database.url.is_some() {
            return Ok(config);
        }
        let file_error = |error| CliError::File { path: self.data_dir.display().to_string(), error };
        // A folder that is not there would be created empty.
        std::fs::metadata(&self.data_dir).map_err(file_error)?;
        let key = config::development_key(&self.data_dir).map_err(file_error)?;
        let no_address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(Config::development(&self.data_dir, no_address, None, &key)?)
    }

    /// Opens the database, which must be migrated.
    pub(super) async fn open(&self, config: &Config) -> Result<Database, CliError> {
        let db = app::connect(config).await?;
        check_migrated(&db).await?;
        Ok(db)
    }

    /// A session with all scopes, because a command has direct access to the database.
    pub(super) fn session(&self, db: &Database, config: &Config, subject: &str) -> Session {
        let caller = context(subject, Some(self.organization), Utc::now()).caller;
        let smtputf8 = config.contacts.smtputf8;
        Session::new(db, caller, move |caller| {
            RequestContext::new(Uuid::now_v7().to_string(), Utc::now(), caller).with_smtputf8(smtputf8)
        })
    }
}
