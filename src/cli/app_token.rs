//! `contact-gateway app-token`: the application tokens of an organization. The text of a new one is printed alone, once.

use std::{io::Write, path::PathBuf, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use uuid::Uuid;

use super::{CliError, token::organization};
use crate::{
    app,
    auth::{Caller, RequestContext, Scope, Scopes},
    config::{self, parse_duration},
    service::app_token::{self, CreateAppToken},
};

/// Who changes tokens, in this command's name.
const SUBJECT: &str = "contact-gateway app-token";

/// What to do with the application tokens of an organization.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway app-token create --org 1 --description 'billing import' --scope contacts:read --config gateway.toml
  contact-gateway app-token list --org 1 --config gateway.toml
  contact-gateway app-token revoke 01920000-0000-7000-8000-000000000000 --org 1 --config gateway.toml")]
pub(super) struct AppTokenArgs {
    #[command(subcommand)]
    action: Action,
    /// The organization, such as 42 or org_42.
    #[arg(long = "org", value_name = "ORGANIZATION", value_parser = organization, global = true, default_value = "1")]
    organization: i64,
    /// The configuration file; environment variables CONTACT_GATEWAY__SECTION__KEY go over it.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print it; it cannot be printed again
    Create {
        /// What it is for.
        #[arg(long, value_name = "TEXT")]
        description: String,
        /// A scope: contacts:read, contacts:write or org:admin; repeat it for several. gateway:admin is refused. [default: contacts:read]
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<Scope>,
        /// After how long it ends, such as 720h; never without it.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        ttl: Option<Duration>,
    },
    /// List the tokens: id, scopes, when it was made, ends and was revoked, and what it is for
    List,
    /// Revoke a token; what it was exchanged for is valid until its own end
    Revoke {
        /// Its id.
        id: String,
    },
}

pub(super) async fn run(args: AppTokenArgs, out: &mut (impl Write + Send)) -> Result<(), CliError> {
    let config = config::load(args.config.as_deref(), config::environment())?;
    let db = app::connect(&config).await?;
    let ctx = administrator(args.organization);
    match args.action {
        Action::Create { description, scopes, ttl } => {
            let scopes = if scopes.is_empty() { vec![Scope::ContactsRead] } else { scopes };
            let input = CreateAppToken {
                description,
                scopes: scopes.into_iter().collect(),
                expires_at: ttl.map(|ttl| ctx.now + ttl),
            };
            let (_, text) = app_token::create(&db, &ctx, &input).await.map_err(CliError::AppToken)?;
            writeln!(out, "{text}")?;
        }
        Action::List => {
            for token in app_token::list(&db, &ctx).await.map_err(CliError::AppToken)? {
                let [made, ends, revoked] =
                    [Some(token.created_at), token.expires_at, token.revoked_at].map(shown);
                let (id, scope, what) = (token.id, token.scope, token.description);
                writeln!(out, "{id}\t{scope}\t{made}\t{ends}\t{revoked}\t{what}")?;
            }
        }
        Action::Revoke { id } => app_token::revoke(&db, &ctx, &id).await.map_err(CliError::AppToken)?,
    }
    Ok(())
}

/// Who runs the command may do everything with the database anyway.
fn administrator(organization: i64) -> RequestContext {
    let now = Utc::now();
    let caller = Caller {
        subject: SUBJECT.to_owned(),
        scopes: Scopes::all(),
        organizations: vec![organization],
        organization: Some(organization),
        expires_at: now,
    };
    RequestContext::new(Uuid::now_v7().to_string(), now, caller)
}

fn shown(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Ten years.
const LONGEST: Duration = Duration::from_hours(10 * 366 * 24);

fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text)
        .filter(|ttl| !ttl.is_zero() && *ttl <= LONGEST)
        .ok_or("give a duration of ten years at most, such as 15m or 720h")
}
