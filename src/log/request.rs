//! The fields that every line of a request has, whichever layer logs it.

use std::{fmt, net::IpAddr, sync::Arc};

use futures_util::future::FutureExt;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

tokio::task_local! {
    static CURRENT: Arc<RequestFields>;
}

/// The fields of a request. Lines that name one of them themselves keep their value.
#[derive(Debug, Clone, Default)]
pub struct RequestFields {
    /// Its id; empty outside of requests.
    pub request_id: String,
    /// The client's address.
    pub client_address: Option<IpAddr>,
    /// The id of its trace, if there is one.
    pub trace_id: Option<String>,
}

impl RequestFields {
    /// The fields of the request that this task works for.
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Awaits `work`, whose lines have these fields.
    pub async fn scope<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// The fields with a value that an event does not have.
    fn missing_in(&self, event: &Event<'_>) -> Vec<(&'static str, String)> {
        let fields = [
            ("request_id", Some(self.request_id.clone()).filter(|id| !id.is_empty())),
            ("client_address", self.client_address.map(|address| address.to_string())),
            ("trace_id", self.trace_id.clone()),
        ];
        let present = event.metadata().fields();
        let fields = fields.into_iter().filter(|(name, _)| present.field(*name).is_none());
        fields.filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Work for the current request that is done in another task: its lines have the request's fields too.
pub fn for_current_request<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    match RequestFields::current() {
        Some(fields) => fields.scope(work).left_future(),
        None => work.right_future(),
    }
}

/// How a format writes additional fields.
#[derive(Debug, Clone, Copy)]
pub enum FieldStyle {
    /// In the JSON object `fields`.
    Json,
    /// At the end of the line.
    Text,
}

/// Another format with the fields of the request.
#[derive(Debug)]
pub struct WithRequestFields<F> {
    /// The other format. It ends each line with a newline.
    pub format: F,
    /// How it writes fields.
    pub style: FieldStyle,
}

impl<S, N, F> FormatEvent<S, N> for WithRequestFields<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let fields = RequestFields::current().map(|fields| fields.missing_in(event)).unwrap_or_default();
        if fields.is_empty() {
            return self.format.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&with_fields(line, &fields, self.style))
    }
}

/// What the fields of an event begin with in JSON. Nothing before it can contain it.
const JSON_FIELDS: &str = "\"fields\":{";

/// A line with additional fields, none of which needs to be escaped.
fn with_fields(mut line: String, fields: &[(&str, String)], style: FieldStyle) -> String {
    match style {
        FieldStyle::Json => {
            let Some(start) = line.find(JSON_FIELDS).map(|start| start + JSON_FIELDS.len()) else {
                return line;
            };
            let mut text: Vec<String> =
                fields.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
            if !line[start..].starts_with('}') {
                text.push(String::new());
            }
            line.insert_str(start, &text.join(","));
        }
        FieldStyle::Text => {
            line.truncate(line.trim_end_matches('\n').len());
            fields.iter().for_each(|(name, value)| line.push_str(&format!(" {name}={value}")));
            line.push('\n');
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Mutex, PoisonError},
    };

    use tracing_subscriber::{Layer, Registry, fmt as lines, layer::SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged by a request with these fields.
    fn logged(style: FieldStyle) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let layer = lines::layer::<Registry>().with_writer(move || writer.clone()).with_ansi(false);
        let layer = match style {
            FieldStyle::Json => {
                layer.json().map_event_format(|format| WithRequestFields { format, style }).boxed()
            }
            FieldStyle::Text => layer.map_event_format(|format| WithRequestFields { format, style }).boxed(),
        };
        let fields = RequestFields {
            request_id: "r-1".to_owned(),
            client_address: Some([10, 0, 0, 1].into()),
            trace_id: None,
        };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            CURRENT.sync_scope(Arc::new(fields), || {
                tracing::info!(retry = 1, "retrying");
                tracing::info!(request_id = "own");
            });
            tracing::info!("outside");
        });
        let bytes = memory.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn lines_of_a_request_have_its_fields() {
        let text = logged(FieldStyle::Json);
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let expected = serde_json::json!([
            { "message": "retrying", "retry": 1, "request_id": "r-1", "client_address": "10.0.0.1" },
            { "request_id": "own", "client_address": "10.0.0.1" },
            { "message": "outside" },
        ]);
        assert_eq!(serde_json::Value::from_iter(lines.iter().map(|line| line["fields"].clone())), expected);

        let text = logged(FieldStyle::Text);
        let ends = [
            "retrying retry=1 request_id=r-1 client_address=10.0.0.1",
            "request_id=\"own\" client_address=10.0.0.1",
            "outside",
        ];
        assert_eq!(text.lines().count(), ends.len(), "{text}");
        for (line, end) in text.lines().zip(ends) {
            assert!(line.ends_with(end), "{line}");
        }
    }

    #[tokio::test]
    async fn work_in_another_task_has_the_fields_of_its_request() {
        let fields = Arc::new(RequestFields { request_id: "r-1".to_owned(), ..RequestFields::default() });
        let id = || async { RequestFields::current().map(|fields| fields.request_id.clone()) };
        let work = fields.scope(async { tokio::spawn(for_current_request(id())).await });
        assert_eq!(work.await.expect("no panic").as_deref(), Some("r-1"));
        assert_eq!(for_current_request(id()).await, None);
    }
}
