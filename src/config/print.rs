//! The configuration in force as TOML, which could be read again if the secrets were not hidden.
//!
//! Imports the other files of `config` and the kinds of keys. Must never write a secret.

use std::path::Path;
use std::time::Duration;

use super::duration::Written;
use super::{
    AppTokens, Config, Database, Documents, Http, Issuer, Limits, Log, LogFormat, RateLimit, Retention,
    TrustedDocumentsMode,
};
use crate::auth::KeyMaterial;

impl Config {
    /// The configuration in force, as TOML with the secrets hidden.
    pub fn print(&self) -> String {
        let mut text = String::new();
        let Self {
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
            deprecated: _,
        } = self;
        add_http(&mut text, http);
        add_database(&mut text, database);
        for issuer in &auth.issuers {
            add_issuer(&mut text, issuer);
        }
        add_limits(&mut text, limits);
        add_documents(&mut text, documents);
        add_rate_limit(&mut text, *rate_limit);
        add_app_tokens(&mut text, app_tokens);
        add_retention(&mut text, *retention);
        if let Some(listen) = metrics.listen {
            section(&mut text, "[metrics]");
            setting(&mut text, "listen", quoted(&listen.to_string()));
        }
        add_log(&mut text, log);
        text
    }
}

fn add_http(text: &mut String, http: &Http) {
    let origins: Vec<String> = http.allowed_origins.iter().map(|origin| quoted(origin)).collect();
    section(text, "[http]");
    setting(text, "listen", quoted(&http.listen.to_string()));
    setting(text, "allowed_origins", format!("[{}]", origins.join(", ")));
    setting(text, "graphiql", http.graphiql.to_string());
    setting(text, "introspection", http.introspection.to_string());
    setting(text, "compression", http.compression.to_string());
    setting(text, "body_limit", http.body_limit.to_string());
    setting(text, "header_timeout", duration(http.header_timeout));
    setting(text, "body_timeout", duration(http.body_timeout));
    setting(text, "write_timeout", duration(http.write_timeout));
    setting(text, "response_timeout", duration(http.response_timeout));
    setting(text, "idle_timeout", duration(http.idle_timeout));
    setting(text, "max_connections", http.max_connections.to_string());
    setting(text, "shutdown_timeout", duration(http.shutdown_timeout));
}

fn add_database(text: &mut String, database: &Database) {
    section(text, "[database]");
    if let Some(url) = &database.url {
        setting(text, "url", quoted(&url.to_string()));
    }
    setting(text, "max_connections", database.max_connections.to_string());
    setting(text, "acquire_timeout", duration(database.acquire_timeout));
    setting(text, "statement_timeout", duration(database.statement_timeout));
    setting(text, "row_level_security", database.row_level_security.to_string());
}

fn add_issuer(text: &mut String, Issuer { key, public_key_file, private_key_file }: &Issuer) {
    section(text, "[[auth.issuers]]");
    setting(text, "issuer", quoted(&key.issuer));
    setting(text, "audience", quoted(&key.audience));
    setting(text, "algorithm", quoted(key.algorithm.name()));
    match &key.key {
        KeyMaterial::Secret(_) => setting(text, "secret", quoted("hidden")),
        // Its file is what was configured.
        KeyMaterial::PublicPem(_) => {}
        KeyMaterial::KeySetFile(file) => setting(text, "jwks_file", quoted_path(file)),
        KeyMaterial::KeySetUrl(url) => setting(text, "jwks_url", quoted(url.as_str())),
    }
    for (name, file) in [("public_key_file", public_key_file), ("private_key_file", private_key_file)] {
        if let Some(file) = file {
            setting(text, name, quoted_path(file));
        }
    }
}

fn add_limits(text: &mut String, limits: &Limits) {
    section(text, "[limits]");
    setting(text, "request_timeout", duration(limits.request_timeout));
    for (name, count) in [
        ("concurrency", limits.concurrency),
        ("subscriptions", limits.subscriptions),
        ("subscriptions_per_caller", limits.subscriptions_per_caller),
        ("subscriptions_per_organization", limits.subscriptions_per_organization),
        ("document_tokens", limits.document_tokens),
        ("document_fields", limits.document_fields),
        ("document_depth", limits.document_depth),
        ("document_aliases", limits.document_aliases),
        ("document_root_fields", limits.document_root_fields),
        ("document_directives", limits.document_directives),
    ] {
        setting(text, name, count.to_string());
    }
    setting(text, "cost", limits.cost.to_string());
    setting(text, "response", limits.response.to_string());
    setting(text, "response_memory", limits.response_memory.to_string());
}

fn add_documents(text: &mut String, Documents { automatic, manifest, mode }: &Documents) {
    let mode = match mode {
        TrustedDocumentsMode::Off => "off",
        TrustedDocumentsMode::Log => "log",
        TrustedDocumentsMode::Enforce => "enforce",
    };
    section(text, "[documents]");
    setting(text, "automatic", automatic.to_string());
    if let Some(manifest) = manifest {
        setting(text, "manifest", quoted_path(&manifest.file));
    }
    setting(text, "mode", quoted(mode));
}

fn add_rate_limit(text: &mut String, limit: RateLimit) {
    section(text, "[rate_limit]");
    setting(text, "points_per_minute", limit.points_per_minute.to_string());
    if limit.points_per_minute > 0 {
        setting(text, "burst", limit.burst.to_string());
        setting(text, "points_per_millisecond", limit.points_per_millisecond.to_string());
    }
}

fn add_app_tokens(text: &mut String, app_tokens: &AppTokens) {
    let AppTokens { issuer, lifetime, attempts_per_minute } = app_tokens;
    let Some(issuer) = issuer else { return };
    section(text, "[app_tokens]");
    setting(text, "issuer", quoted(issuer));
    setting(text, "lifetime", duration(*lifetime));
    setting(text, "attempts_per_minute", attempts_per_minute.to_string());
}

fn add_retention(text: &mut String, Retention { changes, idempotency_keys }: Retention) {
    section(text, "[retention]");
    if let Some(changes) = changes {
        setting(text, "changes", duration(changes));
    }
    setting(text, "idempotency_keys", duration(idempotency_keys));
}

fn add_log(text: &mut String, Log { format, level }: &Log) {
    let format = match format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    section(text, "[log]");
    setting(text, "format", quoted(format));
    setting(text, "level", quoted(level));
}

fn section(text: &mut String, header: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(header);
    text.push('\n');
}

fn setting(text: &mut String, name: &str, value: String) {
    text.extend([name, " = ", value.as_str(), "\n"]);
}

fn duration(duration: Duration) -> String {
    quoted(&Written(duration).to_string())
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
