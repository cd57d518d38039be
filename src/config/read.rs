//! From settings to [`Config`]: what one setting requires of another.
//!
//! Bounds and forms are at the fields of the structs; the issuers have a file of their own. Imports the other files of
//! `config` only.

use std::net::SocketAddr;
use std::path::Path;

use toml::Table;

use super::error::ConfigError;
use super::source::{ENVIRONMENT_PREFIX, Settings};
use super::{
    AppTokens, Auth, Config, Database, DatabaseUrl, Documents, Http, Limits, RateLimit, TrustedDocumentsMode,
    issuers,
};

const SECTIONS: &str = "http, database, auth, limits, documents, rate_limit, app_tokens, contacts, retention, metrics, telemetry and log";

/// What a command cannot do without.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    DatabaseAndIssuer,
}

pub(super) fn read(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    needs: Needs,
) -> Result<Config, ConfigError> {
    let mut settings = Settings::gather(file, environment)?;
    let http: Http = settings.read("http");
    let database = database(&mut settings, needs);
    let auth = issuers::read(&mut settings, needs);
    let limits = limits(&mut settings, http.body_limit);
    let documents = documents(&mut settings);
    let rate_limit = rate_limit(&mut settings, limits.cost);
    let app_tokens = app_tokens(&mut settings, &auth);
    let contacts = settings.read("contacts");
    let retention = settings.read("retention");
    let metrics = settings.read("metrics");
    let telemetry = settings.read("telemetry");
    let log = settings.read("log");
    let deprecated = std::mem::take(&mut settings.deprecated);
    let config = Config {
        http,
        database,
        auth,
        limits,
        documents,
        rate_limit,
        app_tokens,
        contacts,
        retention,
        metrics,
        telemetry,
        log,
        deprecated,
    };
    settings.finish(SECTIONS, config)
}

/// The variable that overrides `http.listen`.
const LISTEN: &str = "HTTP__LISTEN";

/// The address that the server listens on. All other settings are ignored, also invalid ones.
pub(super) fn listen_address(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<SocketAddr, ConfigError> {
    let is_listen = |(variable, _): &(String, String)| {
        variable.strip_prefix(ENVIRONMENT_PREFIX).is_some_and(|name| name.eq_ignore_ascii_case(LISTEN))
    };
    let mut settings = Settings::gather(file, environment.into_iter().filter(is_listen))?;
    let listen = settings.section("http").remove_entry("listen");
    let Http { listen, .. } = settings.read_table("http", Table::from_iter(listen));
    settings.ignore_others();
    settings.finish(SECTIONS, listen)
}

fn database(settings: &mut Settings, needs: Needs) -> Database {
    let mut section = settings.section("database");
    let has_url = settings.read_secret("database", &mut section, "url");
    if needs == Needs::DatabaseAndIssuer && !has_url {
        settings.problem("database.url", no_database());
    }
    let database: Database = settings.read_table("database", section);
    if database.row_level_security && database.url.as_ref().is_some_and(DatabaseUrl::is_sqlite) {
        settings.problem(
            "database.row_level_security",
            "SQLite has no row level security; use PostgreSQL, or set it to false",
        );
    }
    database
}

pub(super) fn no_database() -> String {
    let remedy = DatabaseUrl::FORMS;
    format!(
        "not set; {remedy} in the file, in CONTACT_GATEWAY__DATABASE__URL, or in a file that CONTACT_GATEWAY__DATABASE__URL_FILE names"
    )
}

fn limits(settings: &mut Settings, body_limit: usize) -> Limits {
    let has_share = settings.has("limits", "subscriptions_per_organization");
    let mut limits: Limits = settings.read("limits");
    if !has_share {
        limits.subscriptions_per_organization = (limits.subscriptions / 2).max(1);
    }
    let least = limits.response.saturating_mul(Limits::FEWEST_RESPONSES);
    if limits.response_memory < least {
        let remedy = format!("use {least} or more, or lower limits.response");
        let message = format!("too small for the configured response size; {remedy}");
        settings.problem("limits.response_memory", message);
    }
    let least = body_limit.saturating_mul(Limits::FEWEST_BODIES);
    if limits.request_memory < least {
        let remedy = format!("use {least} or more, or lower http.body_limit");
        let message = format!("too small for the configured body size; {remedy}");
        settings.problem("limits.request_memory", message);
    }
    limits
}

fn documents(settings: &mut Settings) -> Documents {
    settings.rename("documents", "stage", "mode");
    let has_manifest = settings.has("documents", "manifest");
    let documents: Documents = settings.read("documents");
    if documents.mode != TrustedDocumentsMode::Off && !has_manifest {
        let remedy = "set it to the file of the trusted documents, or set mode to off";
        settings.problem("documents.manifest", format!("not set; {remedy}"));
    }
    documents
}

/// A bucket that holds less than a request may cost would never let it pass.
fn rate_limit(settings: &mut Settings, cost: u64) -> RateLimit {
    let has_burst = settings.has("rate_limit", "burst");
    let mut limit: RateLimit = settings.read("rate_limit");
    if limit.points_per_minute == 0 {
        return RateLimit::default();
    }
    let cost = u32::try_from(cost).unwrap_or(u32::MAX);
    if !has_burst {
        limit.burst = limit.points_per_minute.max(cost);
    }
    if limit.burst < cost {
        let remedy = format!("use {cost} or more, or lower limits.cost");
        let message = format!("a request can cost {cost} points, more than this; {remedy}");
        settings.problem("rate_limit.burst", message);
    }
    limit
}

/// Tokens are signed with a secret that the gateway has anyway, to verify the issuer's tokens with.
fn app_tokens(settings: &mut Settings, auth: &Auth) -> AppTokens {
    let app_tokens: AppTokens = settings.read("app_tokens");
    if let Some(name) = &app_tokens.issuer {
        let known = auth.issuers.iter().find(|issuer| issuer.verification.issuer == *name);
        if known.is_none_or(|issuer| issuer.secret_signer().is_none()) {
            let remedy =
                "set it to an issuer of auth.issuers that has a secret and no provider or claims, or omit it";
            settings.problem("app_tokens.issuer", format!("{name:?} has no signing key; {remedy}"));
        }
    }
    app_tokens
}
