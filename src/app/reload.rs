//! A new configuration for a running gateway.

use std::sync::Arc;

use super::{
    App, StartError, attempts, documents, http_settings, introspection, rate_limit,
    warn_of_unknown_organizations,
};
use crate::{
    config::Config,
    graphql,
    http::{self, playground::Session, server::Routes, state::AppState},
};

/// Replaces the configuration of a running gateway. What is under way ends with the configuration that it began with: requests,
/// event streams and WebSockets, of which the latter two end with their tokens.
pub struct Reloader {
    /// The configuration in force.
    config: Config,
    state: Arc<AppState>,
    session: Session,
    routes: Routes,
    operator_routes: Routes,
}

impl Reloader {
    pub(super) fn new(
        config: Config,
        state: Arc<AppState>,
        session: Session,
        (routes, operator_routes): (Routes, Routes),
    ) -> Self {
        Self { config, state, session, routes, operator_routes }
    }

    /// Applies a configuration, or changes nothing if that fails. Returns the changed settings that need a restart, which keep
    /// their values until then.
    pub async fn reload(&mut self, mut config: Config) -> Result<Vec<&'static str>, StartError> {
        let pending = keep_fixed_settings(&self.config, &mut config);
        let state = self.state(&config)?;
        state.verifier.first_readings().await;
        if self.state.verifier.is_ready() && !state.verifier.is_ready() {
            return Err(StartError::NoKeys);
        }
        warn_of_unknown_organizations(&state.db, &config).await;
        let state = Arc::new(state);
        self.operator_routes.replace(http::operator_router(Arc::clone(&state)));
        self.routes.replace(App::public_router(&config, Arc::clone(&state), &self.session));
        self.state = state;
        self.config = config;
        Ok(pending)
    }

    /// The state of a configuration. What did not change is shared, with the documents, tokens and points that it remembers.
    fn state(&self, config: &Config) -> Result<AppState, StartError> {
        let before = &self.config;
        let mut state = AppState::clone(&self.state);
        let introspection_changed = config.http.introspection != before.http.introspection;
        if introspection_changed {
            state.schema = graphql::schema(introspection(config));
            state.counting_schema = graphql::counting_schema(introspection(config));
        }
        if introspection_changed || config.documents != before.documents || config.limits != before.limits {
            state.documents = Arc::new(documents(config, introspection(config))?);
        }
        if config.rate_limit != before.rate_limit {
            state.rate_limit = rate_limit(&config.rate_limit).map(Arc::new);
        }
        if config.app_tokens.attempts_per_minute != before.app_tokens.attempts_per_minute {
            state.attempts = attempts(&config.app_tokens).map(Arc::new);
        }
        state.verifier = Arc::new(state.verifier.with_issuers(config.issuers())?);
        state.exchange = config.exchange()?.map(Arc::new);
        state.settings = http_settings(config);
        Ok(state)
    }
}

/// Gives the settings that need a restart the values that are in force, and returns those that differ.
fn keep_fixed_settings(before: &Config, config: &mut Config) -> Vec<&'static str> {
    let mut changed = Vec::new();
    let mut keep = Keep(&mut changed);
    let (http, http_before) = (&mut config.http, &before.http);
    keep.value("http.listen", &http_before.listen, &mut http.listen);
    keep.value("http.header_timeout", &http_before.header_timeout, &mut http.header_timeout);
    keep.value("http.write_timeout", &http_before.write_timeout, &mut http.write_timeout);
    keep.value("http.response_timeout", &http_before.response_timeout, &mut http.response_timeout);
    keep.value("http.idle_timeout", &http_before.idle_timeout, &mut http.idle_timeout);
    keep.value("http.max_connections", &http_before.max_connections, &mut http.max_connections);
    keep.value("http.shutdown_timeout", &http_before.shutdown_timeout, &mut http.shutdown_timeout);
    keep.value("[database]", &before.database, &mut config.database);
    let (limits, limits_before) = (&mut config.limits, &before.limits);
    keep.value("limits.concurrency", &limits_before.concurrency, &mut limits.concurrency);
    keep.value("limits.subscriptions", &limits_before.subscriptions, &mut limits.subscriptions);
    keep.value(
        "limits.subscriptions_per_caller",
        &limits_before.subscriptions_per_caller,
        &mut limits.subscriptions_per_caller,
    );
    keep.value(
        "limits.subscriptions_per_organization",
        &limits_before.subscriptions_per_organization,
        &mut limits.subscriptions_per_organization,
    );
    keep.value("limits.response", &limits_before.response, &mut limits.response);
    keep.value("limits.response_memory", &limits_before.response_memory, &mut limits.response_memory);
    keep.value("limits.request_memory", &limits_before.request_memory, &mut limits.request_memory);
    keep.value("[retention]", &before.retention, &mut config.retention);
    keep.value("[metrics]", &before.metrics, &mut config.metrics);
    keep.value("[telemetry]", &before.telemetry, &mut config.telemetry);
    keep.value("log.format", &before.log.format, &mut config.log.format);
    changed
}

/// Keeps values and notes which of them differ.
struct Keep<'a>(&'a mut Vec<&'static str>);

impl Keep<'_> {
    fn value<T: Clone + PartialEq>(&mut self, setting: &'static str, before: &T, value: &mut T) {
        if before != value {
            value.clone_from(before);
            self.0.push(setting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_need_a_restart_keep_their_values() {
        let before = Config::default();
        let mut config = Config::default();
        config.http.max_connections = 1;
        config.http.body_limit = 2048;
        config.limits.cost = 7;
        config.limits.concurrency = 7;
        config.database.max_connections = 7;
        config.log.level = "debug".to_owned();
        let changed = keep_fixed_settings(&before, &mut config);
        assert_eq!(changed, ["http.max_connections", "[database]", "limits.concurrency"]);
        assert_eq!(config.http.max_connections, before.http.max_connections);
        assert_eq!(config.database, before.database);
        assert_eq!((config.http.body_limit, config.limits.cost), (2048, 7));
        assert_eq!(config.log.level, "debug");
    }
}
