//! From settings to [`Config`]: each setting's form, bounds and default.
//!
//! The issuers have a file of their own. Imports the other files of `config` only.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use url::Url;

use super::error::ConfigError;
use super::source::{Section, Settings};
use super::{
    AppTokens, Auth, Config, Database, DatabaseUrl, Http, Limits, Log, LogFormat, Metrics, RateLimit,
    Retention, documents, issuers, parse_duration,
};
use crate::auth::{KeyMaterial, MAX_TOKEN_LIFETIME};

/// The bounds of a request body: room for a query, and no room for an attack on memory.
const BODY_LIMIT: RangeInclusive<usize> = 1024..=16 * 1024 * 1024;
/// The bounds of what a document may have of anything.
const BUDGET: RangeInclusive<usize> = 1..=Limits::MOST_OF_A_DOCUMENT;
const DEPTH: RangeInclusive<usize> = 1..=Limits::DEEPEST_DOCUMENT;
const COST: RangeInclusive<u64> = 1..=10_000_000;
const RESPONSE: RangeInclusive<usize> = 64 * 1024..=1024 * 1024 * 1024;
const RESPONSE_MEMORY: RangeInclusive<usize> = 1024 * 1024..=64 * 1024 * 1024 * 1024;
const POINTS: RangeInclusive<u32> = 0..=1_000_000_000;
const PRICE: RangeInclusive<u32> = 0..=1000;
const CONNECTIONS: RangeInclusive<u32> = 1..=1000;
/// The bounds of what clients may have open or under way.
const CLIENTS: RangeInclusive<usize> = 1..=100_000;
const LIFETIME: RangeInclusive<Duration> = Duration::from_mins(1)..=MAX_TOKEN_LIFETIME;
const ATTEMPTS: RangeInclusive<u32> = 0..=1_000_000;
/// A client may repeat a request, and go on from a cursor, for an hour at least.
const AGE: RangeInclusive<Duration> = Duration::from_hours(1)..=Duration::from_hours(36_500 * 24);
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(1);

const ADDRESS: &str = "use an address and a port, for example 127.0.0.1:8080";
const DATABASE_URL: &str = "use sqlite://FILE?mode=rwc or postgres://USER:PASSWORD@HOST/DATABASE";

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
    let http = http(settings.section("http"));
    let database = database(settings.section("database"), needs);
    let auth = issuers::read(&mut settings, needs);
    let limits = limits(settings.section("limits"));
    let documents = documents::read(settings.section("documents"));
    let rate_limit = rate_limit(settings.section("rate_limit"), limits.cost);
    let app_tokens = app_tokens(settings.section("app_tokens"), &auth);
    let retention = retention(settings.section("retention"));
    let metrics = metrics(settings.section("metrics"));
    let log = log(settings.section("log"));
    let deprecated = std::mem::take(&mut settings.deprecated);
    let config = Config {
        http,
        database,
        auth,
        limits,
        documents,
        rate_limit,
        app_tokens,
        retention,
        metrics,
        log,
        deprecated,
    };
    settings.finish(
        "http, database, auth, limits, documents, rate_limit, app_tokens, retention, metrics and log",
        config,
    )
}

fn http(mut section: Section<'_>) -> Http {
    let default = Http::default();
    let http = Http {
        listen: section.parsed("listen", ADDRESS, |text| text.parse().ok()).unwrap_or(default.listen),
        allowed_origins: origins(&mut section),
        graphiql: flag(&mut section, "graphiql").unwrap_or(default.graphiql),
        introspection: flag(&mut section, "introspection").unwrap_or(default.introspection),
        compression: flag(&mut section, "compression").unwrap_or(default.compression),
        body_limit: section
            .parsed("body_limit", "use a number of bytes from 1024 to 16777216", |text| {
                text.parse().ok().filter(|bytes| BODY_LIMIT.contains(bytes))
            })
            .unwrap_or(default.body_limit),
        header_timeout: timeout(&mut section, "header_timeout").unwrap_or(default.header_timeout),
        body_timeout: timeout(&mut section, "body_timeout").unwrap_or(default.body_timeout),
        write_timeout: timeout(&mut section, "write_timeout").unwrap_or(default.write_timeout),
        response_timeout: timeout(&mut section, "response_timeout").unwrap_or(default.response_timeout),
        idle_timeout: timeout(&mut section, "idle_timeout").unwrap_or(default.idle_timeout),
        max_connections: clients(&mut section, "max_connections").unwrap_or(default.max_connections),
        shutdown_timeout: timeout(&mut section, "shutdown_timeout").unwrap_or(default.shutdown_timeout),
    };
    section.finish();
    http
}

fn origins(section: &mut Section<'_>) -> Vec<String> {
    let origins = section.texts("allowed_origins");
    for text in origins.iter().filter(|text| !is_origin(text)) {
        let remedy = "use the form of the Origin header, for example https://app.example.com, without path, default port or *";
        section.problem("allowed_origins", format!("{text:?} is not an origin; {remedy}"));
    }
    origins
}

/// Whether `text` is exactly what a browser sends as the origin of a page. A `*` would pass for a host, and match none.
fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.origin().ascii_serialization() == text
            && !text.contains('*')
    })
}

fn database(mut section: Section<'_>, needs: Needs) -> Database {
    let default = Database::default();
    if needs == Needs::DatabaseAndIssuer && !section.has("url") {
        section.problem("url", no_database());
    }
    let database = Database {
        url: section.text("url").and_then(|text| {
            // The address is not repeated: it may hold a password.
            database_url(&text).map_err(|message| section.problem("url", message)).ok()
        }),
        max_connections: section
            .parsed("max_connections", "use a number from 1 to 1000", |text| {
                text.parse().ok().filter(|count| CONNECTIONS.contains(count))
            })
            .unwrap_or(default.max_connections),
        acquire_timeout: timeout(&mut section, "acquire_timeout").unwrap_or(default.acquire_timeout),
        statement_timeout: timeout(&mut section, "statement_timeout").unwrap_or(default.statement_timeout),
        row_level_security: flag(&mut section, "row_level_security").unwrap_or(default.row_level_security),
    };
    if database.row_level_security && database.url.as_ref().is_some_and(DatabaseUrl::is_sqlite) {
        section.problem(
            "row_level_security",
            "SQLite has no row level security; use PostgreSQL, or set it to false",
        );
    }
    section.finish();
    database
}

pub(super) fn database_url(text: &str) -> Result<DatabaseUrl, String> {
    DatabaseUrl::parse(text).ok_or_else(|| format!("not a database URL; {DATABASE_URL}"))
}

pub(super) fn no_database() -> String {
    format!("not set; {DATABASE_URL} in the file or in CONTACT_GATEWAY__DATABASE__URL")
}

fn limits(mut section: Section<'_>) -> Limits {
    let default = Limits::default();
    let request_timeout = timeout(&mut section, "request_timeout").unwrap_or(default.request_timeout);
    let concurrency = clients(&mut section, "concurrency").unwrap_or(default.concurrency);
    let subscriptions = clients(&mut section, "subscriptions").unwrap_or(default.subscriptions);
    let subscriptions_per_caller =
        clients(&mut section, "subscriptions_per_caller").unwrap_or(default.subscriptions_per_caller);
    let subscriptions_per_organization =
        clients(&mut section, "subscriptions_per_organization").unwrap_or((subscriptions / 2).max(1));
    let mut budget = |key, bounds: RangeInclusive<usize>, default| {
        let remedy = format!("use a number from {} to {}", bounds.start(), bounds.end());
        let count =
            section.parsed(key, &remedy, |text| text.parse().ok().filter(|count| bounds.contains(count)));
        count.unwrap_or(default)
    };
    let limits = Limits {
        request_timeout,
        concurrency,
        subscriptions,
        subscriptions_per_caller,
        subscriptions_per_organization,
        document_tokens: budget("document_tokens", BUDGET, default.document_tokens),
        document_fields: budget("document_fields", BUDGET, default.document_fields),
        document_depth: budget("document_depth", DEPTH, default.document_depth),
        document_aliases: budget("document_aliases", BUDGET, default.document_aliases),
        document_root_fields: budget("document_root_fields", BUDGET, default.document_root_fields),
        document_directives: budget("document_directives", BUDGET, default.document_directives),
        response: budget("response", RESPONSE, default.response),
        response_memory: budget("response_memory", RESPONSE_MEMORY, default.response_memory),
        cost: section
            .parsed("cost", "use a number of points from 1 to 10000000", |text| {
                text.parse().ok().filter(|points| COST.contains(points))
            })
            .unwrap_or(default.cost),
    };
    let least = limits.response.saturating_mul(Limits::FEWEST_RESPONSES);
    if limits.response_memory < least {
        let remedy = format!("use {least} or more, or lower limits.response");
        section.problem("response_memory", format!("too small for the configured response size; {remedy}"));
    }
    section.finish();
    limits
}

/// A bucket that holds less than a request may cost would never let it pass.
fn rate_limit(mut section: Section<'_>, cost: u64) -> RateLimit {
    let remedy = "use a number of points from 0 to 1000000000";
    let points = |text: &str| text.parse().ok().filter(|points| POINTS.contains(points));
    let points_per_minute = section.parsed("points_per_minute", remedy, points).unwrap_or_default();
    let cost = u32::try_from(cost).unwrap_or(u32::MAX);
    let burst = section.parsed("burst", remedy, points).unwrap_or(points_per_minute.max(cost));
    if points_per_minute > 0 && burst < cost {
        let remedy = format!("use {cost} or more, or lower limits.cost");
        section.problem("burst", format!("a request can cost {cost} points, more than this; {remedy}"));
    }
    let points_per_millisecond = section
        .parsed("points_per_millisecond", "use a number of points from 0 to 1000", |text| {
            text.parse().ok().filter(|points| PRICE.contains(points))
        })
        .unwrap_or(RateLimit::default().points_per_millisecond);
    section.finish();
    if points_per_minute == 0 {
        return RateLimit::default();
    }
    RateLimit { points_per_minute, burst, points_per_millisecond }
}

/// Tokens are signed with a secret that the gateway has anyway, to verify the issuer's tokens with.
fn app_tokens(mut section: Section<'_>, auth: &Auth) -> AppTokens {
    let default = AppTokens::default();
    let issuer = section.text("issuer");
    if let Some(name) = &issuer {
        let known = auth.issuers.iter().find(|issuer| issuer.key.issuer == *name);
        if !known.is_some_and(|issuer| matches!(issuer.key.key, KeyMaterial::Secret(_))) {
            let remedy = "set it to an issuer of auth.issuers that has a secret, or omit it";
            section.problem("issuer", format!("{name:?} has no signing key; {remedy}"));
        }
    }
    let app_tokens = AppTokens {
        issuer,
        lifetime: section
            .parsed("lifetime", "use a duration from 1m to 24h, for example 15m", |text| {
                parse_duration(text).filter(|lifetime| LIFETIME.contains(lifetime))
            })
            .unwrap_or(default.lifetime),
        attempts_per_minute: section
            .parsed("attempts_per_minute", "use a number from 0 to 1000000", |text| {
                text.parse().ok().filter(|attempts| ATTEMPTS.contains(attempts))
            })
            .unwrap_or(default.attempts_per_minute),
    };
    section.finish();
    app_tokens
}

fn retention(mut section: Section<'_>) -> Retention {
    let default = Retention::default();
    let mut age = |key| {
        section.parsed(key, "use a duration from 1h to 36500d, for example 400d", |text| {
            parse_duration(text).filter(|age| AGE.contains(age))
        })
    };
    let retention = Retention {
        changes: age("changes"),
        idempotency_keys: age("idempotency_keys").unwrap_or(default.idempotency_keys),
    };
    section.finish();
    retention
}

fn metrics(mut section: Section<'_>) -> Metrics {
    let metrics = Metrics { listen: section.parsed("listen", ADDRESS, |text| text.parse().ok()) };
    section.finish();
    metrics
}

fn log(mut section: Section<'_>) -> Log {
    let default = Log::default();
    let level = "use error, warn, info, debug, trace or off, optionally followed by target=level, separated by commas";
    let log = Log {
        format: section.parsed("format", "use text or json", log_format).unwrap_or(default.format),
        level: section
            .parsed("level", level, |text| text.split(',').all(is_directive).then(|| text.to_owned()))
            .unwrap_or(default.level),
    };
    section.finish();
    log
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

/// Whether `text` is `level` or `target=level`. The filter itself would take a misspelt level for a target.
fn is_directive(text: &str) -> bool {
    let (target, level) = text.split_once('=').unwrap_or(("all", text));
    !target.is_empty() && !level.is_empty() && level.parse::<LevelFilter>().is_ok()
}

pub(super) fn flag(section: &mut Section<'_>, key: &'static str) -> Option<bool> {
    section.parsed(key, "use true or false", |text| text.parse().ok())
}

fn clients(section: &mut Section<'_>, key: &'static str) -> Option<usize> {
    section.parsed(key, "use a number from 1 to 100000", |text| {
        text.parse().ok().filter(|count| CLIENTS.contains(count))
    })
}

fn timeout(section: &mut Section<'_>, key: &'static str) -> Option<Duration> {
    section.parsed(key, "use a duration from 1ms to 1h, for example 500ms, 10s or 5m", |text| {
        parse_duration(text).filter(|duration| TIMEOUT.contains(duration))
    })
}
