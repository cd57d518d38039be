//! `contact-gateway org`: the organizations of a database, for the operator; the first one is created here, before there is a
//! token for it.

use std::io::Write;

use chrono::Utc;
use clap::{Args, Subcommand};

use super::{
    CliError,
    config_file::ConfigFile,
    context::{context, write_error},
    serve::check_migrated,
    token::organization,
};
use crate::{
    app,
    service::{
        Patch,
        organization::{self, CreateOrganization, UpdateOrganization},
    },
};

/// The subject of the changes that this command makes.
const SUBJECT: &str = "contact-gateway org";

/// Manages organizations.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway org create --name 'Acme' --external-id org_9ybsU1dN2dKfDkBi --config gateway.toml
  contact-gateway org list --config gateway.toml
  contact-gateway org set-external-id org_1 acme --config gateway.toml
  contact-gateway org set-external-id org_1 --none --config gateway.toml")]
pub(super) struct OrgArgs {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create an organization and print its id
    Create {
        /// Name of the organization.
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// Identifier of the organization at the identity provider.
        #[arg(long, value_name = "ID")]
        external_id: Option<String>,
    },
    /// List the organizations: id, external id and name
    List,
    /// Set or remove the external id of an organization
    SetExternalId {
        /// Organization, for example 42 or org_42.
        #[arg(value_name = "ORGANIZATION", value_parser = organization)]
        organization: i64,
        /// Identifier of the organization at the identity provider.
        #[arg(value_name = "ID", required_unless_present = "none")]
        external_id: Option<String>,
        /// Remove the external id.
        #[arg(long, conflicts_with = "external_id")]
        none: bool,
    },
}

pub(super) async fn run(args: OrgArgs, out: &mut (impl Write + Send)) -> Result<(), CliError> {
    let config = args.config.load()?;
    let db = app::connect(&config).await?;
    check_migrated(&db).await?;
    let context = |organization| context(SUBJECT, organization, Utc::now());
    match args.action {
        Action::Create { name, external_id } => {
            let input = CreateOrganization { name, external_id };
            let row =
                organization::create(&db, &context(None), input).await.map_err(CliError::Organization)?;
            writeln!(out, "{}", row.id)?;
        }
        Action::List => {
            for row in organization::all(&db, &context(None)).await.map_err(CliError::Organization)? {
                writeln!(out, "{}\t{}\t{}", row.id, row.external_id.as_deref().unwrap_or("-"), row.name)?;
            }
        }
        Action::SetExternalId { organization, external_id, .. } => {
            let external_id = external_id.map_or(Patch::Clear, Patch::Set);
            let input = UpdateOrganization { external_id, ..UpdateOrganization::default() };
            let updated = organization::update(&db, &context(Some(organization)), &input).await;
            updated.map_err(|error| write_error(error, organization, CliError::Organization))?;
        }
    }
    Ok(())
}
