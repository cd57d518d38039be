//! The log of a command: its level, its format and its writer.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io,
    panic::{self, PanicHookInfo},
};

use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, LevelFilter, filter_fn},
    fmt::{self, format::Format},
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};

use crate::{
    config::{self, Config, LogFormat},
    log::{self, FieldStyle, FlushOnDrop, WithRequestFields},
    telemetry::{self, Exporter, TelemetryError, TraceLayer},
};

/// Ends the log and the traces of a command when it is dropped.
#[must_use]
pub(super) struct Logging {
    level: LogLevel,
    // Declared first: it may log.
    _exporter: Option<Exporter>,
    _flush: FlushOnDrop,
}

impl Logging {
    /// Changes the level while the command runs.
    pub(super) fn level(&self) -> LogLevel {
        self.level.clone()
    }
}

/// Changes the level of the log.
#[derive(Clone)]
pub(super) struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// From now on the lines of this level are logged.
    pub(super) fn set(&self, level: &str) {
        // Only a log that ended cannot change its level.
        let _ = self.0.reload(level_filter(level));
    }
}

/// Starts the log and, if the configuration has a collector, the traces of a server.
pub(super) fn start_log_and_traces(config: &Config) -> Result<Logging, TelemetryError> {
    let traces = config.telemetry.otlp_endpoint.as_deref().map(telemetry::start).transpose()?;
    Ok(start(config, traces))
}

/// Starts the log on the standard error stream. Keep the returned value until the command ends.
pub(super) fn start_log(config: &Config) -> Logging {
    start(config, None)
}

fn start(config: &Config, traces: Option<(Exporter, TraceLayer)>) -> Logging {
    let config::Log { format, level } = &config.log;
    let (filter, handle): (_, reload::Handle<EnvFilter, Registry>) = reload::Layer::new(level_filter(level));
    // Spans are for traces; a line has the fields of its request anyway.
    let is_event = filter_fn(|metadata| metadata.is_event()).with_max_level_hint(LevelFilter::TRACE);
    // Errors of the writer must not be printed, because printing fails for the same reason.
    let lines = fmt::layer::<Registry>().with_writer(log::writer).log_internal_errors(false);
    let lines = match format {
        LogFormat::Text => {
            let ansi = io::IsTerminal::is_terminal(&io::stderr());
            let format = |format: Format| WithRequestFields {
                format: format.with_ansi(ansi),
                style: FieldStyle::Text,
            };
            lines.with_ansi(ansi).map_event_format(format).boxed()
        }
        LogFormat::Json => lines
            .json()
            .map_event_format(|format| WithRequestFields { format, style: FieldStyle::Json })
            .boxed(),
    };
    let mut layers = vec![lines.with_filter(filter.and(is_event)).boxed()];
    let (exporter, traces) = traces.unzip();
    layers.extend(traces);
    // Only a second call in one process can fail; the first log stays in force.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    panic::set_hook(Box::new(log_panic));
    Logging { level: LogLevel(handle), _exporter: exporter, _flush: FlushOnDrop }
}

/// Selects the lines of a level of the configuration.
fn level_filter(level: &str) -> EnvFilter {
    // These targets log every successful step; the configured level comes later and can override this.
    EnvFilter::new(format!("sea_orm_migration=warn,sqlx::postgres::notice=warn,{level}"))
}

/// Replaces the default hook, which blocks on the standard error stream.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let reason = panic.payload_as_str().unwrap_or_default();
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(location = panic.location().map(tracing::field::display), reason, backtrace, "panicked");
}
