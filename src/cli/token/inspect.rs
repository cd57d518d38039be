//! `contact-gateway token inspect`: what the gateway makes of a token, claim by claim. Never prints the token itself.

use std::io::{self, Read, Write};
use std::path::Path;

use chrono::{SecondsFormat, Utc};
use clap::Args;

use super::{TokenCommandError, existing_development_key};
use crate::app;
use crate::auth::{Claims, Inspection, OrganizationName, Scope, Scopes, TokenVerifier};
use crate::cli::config_file::ConfigFile;
use crate::config::{Config, DEVELOPMENT_DATA_DIR};
use crate::service::external_ids;

/// The most bytes that are read from standard input.
const MOST_INPUT: u64 = 64 * 1024;

/// The arguments of the command.
#[derive(Debug, Args)]
#[command(
    about = "Explain what the gateway makes of a token",
    after_help = "The exit status is 0 if the token is accepted and one of the organizations that it names exists. They are looked up in the
database of the configuration. Without --config, tokens of `contact-gateway dev` in the same folder are explained.

Examples:
  contact-gateway token inspect \"$TOKEN\" --config gateway.toml
  pbpaste | contact-gateway token inspect - --config gateway.toml"
)]
pub(super) struct InspectArgs {
    /// Token, or - to read it from standard input.
    #[arg(value_name = "TOKEN")]
    token: String,
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) async fn run(args: InspectArgs, out: &mut (impl Write + Send)) -> Result<(), TokenCommandError> {
    let config = configuration(&args.config)?;
    let token = if args.token == "-" { read(io::stdin())? } else { args.token };
    let token = token.trim().strip_prefix("Bearer ").unwrap_or(token.trim());
    let verifier = TokenVerifier::new(config.issuers())?;
    let Inspection { claims, verdict } = verifier.inspect(token, Utc::now()).await;
    for claim in claims {
        writeln!(out, "{}\t{}\t{}", claim.name, claim.value, claim.meaning)?;
    }
    match verdict {
        Ok(claims) => print_result(&config, claims, out).await,
        Err(error) => Err(TokenCommandError::Refused(error.to_string())),
    }
}

/// The configuration with the issuers. Without one, that of `contact-gateway dev` started in the same folder.
fn configuration(file: &ConfigFile) -> Result<Config, TokenCommandError> {
    let config = file.load()?;
    if !config.auth.issuers.is_empty() {
        return Ok(config);
    }
    let data_dir = Path::new(DEVELOPMENT_DATA_DIR);
    let key = if file.is_given() { None } else { existing_development_key(data_dir)? };
    let key = key.ok_or(TokenCommandError::NoIssuer)?;
    Ok(Config::development(data_dir, config.http.listen, None, &key)?)
}

fn read(input: impl Read) -> io::Result<String> {
    let mut text = String::new();
    input.take(MOST_INPUT).read_to_string(&mut text)?;
    Ok(text)
}

/// Prints what the token grants, with the numbers of organizations that it names by external ids.
async fn print_result(
    config: &Config,
    claims: Claims,
    out: &mut (impl Write + Send),
) -> Result<(), TokenCommandError> {
    let scopes = if claims.scopes == Scopes::NONE { "none".to_owned() } else { claims.scopes.to_string() };
    let expires = claims.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    writeln!(out, "accepted\tsubject {:?}, until {expires}", claims.subject)?;
    writeln!(out, "scopes\t{scopes}")?;
    let (organizations, unknown) = organizations(config, &claims).await?;
    let listed = if organizations.is_empty() { "none".to_owned() } else { organizations.join(", ") };
    writeln!(out, "organizations\t{listed}")?;
    for name in &unknown {
        writeln!(out, "unknown\t{}", no_organization(name))?;
    }
    if organizations.is_empty() && !unknown.is_empty() && !claims.scopes.contains(Scope::GatewayAdmin) {
        return Err(TokenCommandError::Refused("none of the token's organizations is known here".to_owned()));
    }
    Ok(())
}

/// The organizations that the token names and that exist, as they are printed, and the others.
async fn organizations(
    config: &Config,
    claims: &Claims,
) -> Result<(Vec<String>, Vec<OrganizationName>), TokenCommandError> {
    let numbers = claims.organizations.iter().copied().map(OrganizationName::Number);
    let external_ids = claims.external_organizations.iter().cloned().map(OrganizationName::External);
    let names: Vec<OrganizationName> = numbers.chain(external_ids).collect();
    if names.is_empty() || config.database.url.is_none() {
        let listed = names.iter().map(|name| match name {
            OrganizationName::Number(number) => format!("org_{number}"),
            OrganizationName::External(id) => {
                format!("external id {id:?}, not looked up without database.url")
            }
        });
        return Ok((listed.collect(), Vec::new()));
    }
    let db = app::connect(config).await?;
    let (mut listed, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        let number = external_ids::find(&db, &name).await.map_err(TokenCommandError::Lookup)?;
        match (number, name) {
            (Some(number), OrganizationName::Number(_)) => listed.push(format!("org_{number}")),
            (Some(number), OrganizationName::External(id)) => {
                listed.push(format!("org_{number} (external id {id:?})"));
            }
            (None, name) => unknown.push(name),
        }
    }
    Ok((listed, unknown))
}

fn no_organization(name: &OrganizationName) -> String {
    match name {
        OrganizationName::Number(number) => {
            format!(
                "no organization has the id org_{number}; `contact-gateway org list` prints those that exist"
            )
        }
        OrganizationName::External(id) => {
            format!(
                "no organization has the external id {id:?}; set it with `contact-gateway org set-external-id`"
            )
        }
    }
}
