//! `contact-gateway token inspect`: what the gateway makes of a token, claim by claim. Never prints the token itself.

use std::io::{self, Read, Write};

use chrono::{SecondsFormat, Utc};
use clap::Args;

use super::TokenCommandError;
use crate::app;
use crate::auth::{Claims, Inspection, Scope, Scopes, TokenVerifier};
use crate::cli::config_file::ConfigFile;
use crate::config::Config;
use crate::service::{Database, external_ids};

/// The most bytes that are read from standard input.
const MOST_INPUT: u64 = 64 * 1024;

/// The arguments of the command.
#[derive(Debug, Args)]
#[command(
    about = "Explain what the gateway makes of a token",
    after_help = "The exit status is 0 if the token is accepted. External ids are looked up in the database of the configuration.

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
    let config = args.config.load()?;
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
    let mut organizations: Vec<String> =
        claims.organizations.iter().map(|number| format!("org_{number}")).collect();
    let mut unknown = Vec::new();
    let needs_database = !claims.external_organizations.is_empty() && config.database.url.is_some();
    let db = if needs_database { Some(app::connect(config).await?) } else { None };
    for id in &claims.external_organizations {
        match find(db.as_ref(), id).await? {
            Found::Organization(number) => organizations.push(format!("org_{number} (external id {id:?})")),
            Found::NotHere => unknown.push(id),
            Found::NoDatabase => {
                organizations.push(format!("external id {id:?}, not looked up without database.url"))
            }
        }
    }
    let listed = if organizations.is_empty() { "none".to_owned() } else { organizations.join(", ") };
    writeln!(out, "organizations\t{listed}")?;
    for id in &unknown {
        writeln!(
            out,
            "unknown\tno organization has the external id {id:?}; set it with `contact-gateway org set-external-id`"
        )?;
    }
    if organizations.is_empty() && !unknown.is_empty() && !claims.scopes.contains(Scope::GatewayAdmin) {
        return Err(TokenCommandError::Refused("none of the token's organizations is known here".to_owned()));
    }
    Ok(())
}

enum Found {
    Organization(i64),
    NotHere,
    NoDatabase,
}

async fn find(db: Option<&Database>, id: &str) -> Result<Found, TokenCommandError> {
    let Some(db) = db else { return Ok(Found::NoDatabase) };
    let number = external_ids::numbers(db, &[id.to_owned()]).await.map_err(TokenCommandError::Lookup)?;
    Ok(number.first().map_or(Found::NotHere, |number| Found::Organization(*number)))
}
