//! `contact-gateway app-token`: the application tokens of an organization. A new token is printed once.

use std::{io::Write, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};

use super::{
    CliError,
    config_file::ConfigFile,
    context::{context, write_error},
    token::organization,
};
use crate::{
    app,
    auth::Scope,
    config::parse_duration,
    service::app_token::{self, CreateAppToken},
};

/// The subject of the changes that this command makes.
const SUBJECT: &str = "contact-gateway app-token";

/// Manages the application tokens of an organization.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway app-token create --org 1 --description 'billing import' --scope contacts:read --config gateway.toml
  contact-gateway app-token list --org 1 --config gateway.toml
  contact-gateway app-token revoke 01920000-0000-7000-8000-000000000000 --org 1 --config gateway.toml")]
pub(super) struct AppTokenArgs {
    #[command(subcommand)]
    action: Action,
    /// Organization, for example 42 or org_42.
    #[arg(long = "org", value_name = "ORGANIZATION", value_parser = organization, global = true, default_value = "1")]
    organization: i64,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a token and print it once
    Create {
        /// Purpose of the token.
        #[arg(long, value_name = "TEXT")]
        description: String,
        /// Scope: contacts:read, contacts:write or org:admin. Repeat for several. [default: contacts:read]
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<Scope>,
        /// Lifetime, for example 720h. Without it, the token does not expire.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        ttl: Option<Duration>,
    },
    /// List the tokens: id, scopes, times of creation, expiry and revocation, and purpose
    List,
    /// Revoke a token; tokens already exchanged for it stay valid until they expire
    Revoke {
        /// Id of the token.
        id: String,
    },
}

pub(super) async fn run(args: AppTokenArgs, out: &mut (impl Write + Send)) -> Result<(), CliError> {
    let config = args.config.load()?;
    let db = app::connect(&config).await?;
    let ctx = context(SUBJECT, Some(args.organization), Utc::now());
    match args.action {
        Action::Create { description, scopes, ttl } => {
            let scopes = if scopes.is_empty() { vec![Scope::ContactsRead] } else { scopes };
            let input = CreateAppToken {
                description,
                scopes: scopes.into_iter().collect(),
                expires_at: ttl.map(|ttl| ctx.now + ttl),
            };
            let created = app_token::create(&db, &ctx, &input).await;
            let (_, text) =
                created.map_err(|error| write_error(error, args.organization, CliError::AppToken))?;
            writeln!(out, "{text}")?;
        }
        Action::List => {
            for token in app_token::list(&db, &ctx).await.map_err(CliError::AppToken)? {
                let [created, expires, revoked] =
                    [Some(token.created_at), token.expires_at, token.revoked_at].map(format_time);
                let (id, scope, purpose) = (token.id, token.scope, token.description);
                writeln!(out, "{id}\t{scope}\t{created}\t{expires}\t{revoked}\t{purpose}")?;
            }
        }
        Action::Revoke { id } => app_token::revoke(&db, &ctx, &id).await.map_err(CliError::AppToken)?,
    }
    Ok(())
}

fn format_time(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Ten years.
const LONGEST: Duration = Duration::from_hours(10 * 366 * 24);

fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text)
        .filter(|ttl| !ttl.is_zero() && *ttl <= LONGEST)
        .ok_or("must be a duration of at most ten years, for example 15m or 720h")
}
