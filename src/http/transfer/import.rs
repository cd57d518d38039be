//! `POST /import/{kind}`.

use std::{
    convert::Infallible,
    future::pending,
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, Request, Response, StatusCode, Uri, header},
    response::IntoResponse,
};
use http_body_util::BodyExt;
use serde::Serialize;
use tokio::{runtime::Handle, sync::mpsc, time::timeout};

use super::{Failure, Transfer, TransferState, flag, invalid_parameter, refusal};
use crate::{
    error::AppError,
    files::{FileError, Format, Original, Reject, compression::decompressed, decode},
    http::{
        access::RequestMetadata,
        authenticate::{RequestId, single},
        executor::code,
        request_error::RequestError,
        server::ConnectionHandle,
    },
    transfer::{
        columns::{Layout, Rules},
        import::{self, Counts, Event, ImportError, Options, STANDARD_INPUT},
    },
};

/// The most bytes of a body, as it is sent.
const MAX_BODY: u64 = 1 << 30;
/// The most rejects that a response has; all are counted.
const MAX_REJECTS: usize = 1_000;
/// How many pieces of the body are read ahead.
const PIECES: usize = 16;
/// The points of a row, as in a bulk mutation.
const POINTS: u64 = 25;

/// What an import answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(flatten)]
    counts: Counts,
    /// The columns of the header row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<String>,
    /// The columns that no field stands for.
    ignored_columns: Vec<String>,
    /// The first rejected rows.
    rejects: Vec<RejectedRow>,
    /// Why the import ended before its last row. What is counted was written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<serde_json::Value>,
}

#[derive(Serialize)]
struct RejectedRow {
    line: u64,
    column: String,
    reason: String,
    /// The cells of the row, or its text.
    row: serde_json::Value,
}

impl From<Reject> for RejectedRow {
    fn from(reject: Reject) -> Self {
        let Reject { line, column, reason, original } = reject;
        let row = match original {
            Some(Original::Cells(cells)) => cells.into(),
            Some(Original::Text(text)) => text.into(),
            None => serde_json::Value::Null,
        };
        Self { line, column, reason, row }
    }
}

impl Report {
    fn new() -> Self {
        Self {
            counts: Counts::default(),
            columns: Vec::new(),
            ignored_columns: Vec::new(),
            rejects: Vec::new(),
            errors: Vec::new(),
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Header(columns) => self.columns = columns,
            Event::Progress(counts) => self.counts = counts,
            Event::Ignored(columns) => self.ignored_columns = columns,
            Event::Rejected(reject) if self.rejects.len() < MAX_REJECTS => self.rejects.push(reject.into()),
            Event::Rejected(_) => {}
        }
    }
}

pub(super) async fn handle(
    State(state): State<TransferState>,
    Extension(id): Extension<RequestId>,
    Extension(metadata): Extension<Arc<RequestMetadata>>,
    Extension(connection): Extension<ConnectionHandle>,
    Path(kind): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    _ = metadata.operation.set("import".to_owned());
    let (head, body) = request.into_parts();
    let work = async {
        let known = (state.app, &id, &*metadata, connection);
        let transfer = Transfer::begin(known, &kind, &head.headers, &state.imports).await?;
        run(transfer, &head.headers, &head.uri, body).await
    };
    match metadata.query_stats.count(work).await {
        Ok((status, report)) => {
            let error = report.errors.first();
            metadata.set_outcome(error.and_then(|error| error["extensions"]["code"].as_str()));
            let content_type = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
            // Texts and numbers always serialize.
            (status, content_type, serde_json::to_string(&report).unwrap_or_default()).into_response()
        }
        Err(error) => {
            metadata.set_outcome(error.errors.first().map(code).as_deref());
            refusal(*error)
        }
    }
}

async fn run(
    transfer: Transfer,
    headers: &HeaderMap,
    uri: &Uri,
    body: Body,
) -> Result<(StatusCode, Report), Failure> {
    let id = transfer.context.request_id.as_str();
    let options = options(&transfer, headers, uri, id)?;
    let (sender, receiver) = mpsc::channel(PIECES);
    let input = BodyReader { receiver, piece: Bytes::new(), has_ended: false };
    let coding = single(headers, &header::CONTENT_ENCODING)
        .map_err(|error| Box::new(RequestError::new(&error, id)))?
        .map(|value| value.to_str().unwrap_or_default());
    let name = match coding {
        None | Some("identity") => "",
        Some("gzip") => ".gz",
        Some("zstd") => ".zst",
        Some(_) => {
            let message = "The content coding is unknown. Send the body as gzip, zstd or identity.";
            return Err(Box::new(RequestError::bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, id)));
        }
    };
    let (patience, runtime) = (transfer.state.settings.body_timeout, Handle::current());
    let id = transfer.context.request_id.clone();
    // A thread of its own, which goes on to the end of its batch if the client has gone.
    let import = tokio::task::spawn_blocking(move || {
        let (session, mut report) = (transfer.session(POINTS, true), Report::new());
        let file_error = |error: io::Error| ImportError::File { path: String::new(), error: error.into() };
        let result = decompressed(name, input).map_err(file_error).and_then(|input| {
            let mut take = |event| report.take(event);
            runtime.block_on(import::run_stream(&session, &options, input, &mut take))
        });
        (result, report)
    });
    let feed = async {
        forward(body, sender, patience).await;
        pending::<Infallible>().await
    };
    let done = tokio::select! {
        done = import => done,
        never = feed => match never {},
    };
    let ended = |_| Box::new(RequestError::new(&AppError::Internal("the import ended".into()), &id));
    let (result, mut report) = done.map_err(ended)?;
    let error = match result {
        Ok(counts) => {
            report.counts = counts;
            return Ok((StatusCode::OK, report));
        }
        Err(error) => request_error(error, &id),
    };
    if report.counts == Counts::default() {
        return Err(Box::new(error));
    }
    let status = error.status;
    let body: serde_json::Value = serde_json::from_slice(&error.json()).unwrap_or_default();
    report.errors = body["errors"].as_array().cloned().unwrap_or_default();
    Ok((status, report))
}

fn options(transfer: &Transfer, headers: &HeaderMap, uri: &Uri, id: &str) -> Result<Options, Failure> {
    let mut options = Options { kind: transfer.kind, input: STANDARD_INPUT.into(), ..Options::default() };
    for (name, value) in super::parameters(uri) {
        let invalid = |reason: &str| invalid_parameter(&name, reason, id);
        match name.as_str() {
            "format" => {
                let format = Format::of_name(&value);
                options.format = Some(format.ok_or_else(|| invalid("it must be csv, jsonl or vcard"))?);
            }
            "encoding" => {
                let encoding = decode::encoding(&value);
                options.encoding =
                    Some(encoding.ok_or_else(|| invalid("it must be the name of an encoding"))?);
            }
            "layout" => {
                let layout = Layout::of_name(&value);
                let names = "it must be google, outlook, hubspot, salesforce or vcard";
                options.rules.layout = Some(layout.ok_or_else(|| invalid(names))?);
            }
            "map" => options.rules.columns.push(Rules::column(&value).map_err(invalid)?),
            "set" => options.rules.defaults.push(Rules::default_value(&value).map_err(invalid)?),
            "dryRun" => options.is_dry_run = flag(&name, &value, id)?,
            _ => return Err(invalid("it is unknown")),
        }
    }
    if options.format.is_none() {
        options.format = Some(format(headers).ok_or_else(|| {
            let message = "The format is unknown. Send the header Content-Type: text/csv, application/jsonl or text/vcard.";
            Box::new(RequestError::bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, id))
        })?);
    }
    Ok(options)
}

/// The format that the media type of the body names.
fn format(headers: &HeaderMap) -> Option<Format> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media_type = value.split(';').next()?.trim().to_ascii_lowercase();
    Some(match media_type.as_str() {
        "text/csv" | "text/tab-separated-values" => Format::Csv,
        "application/jsonl" | "application/x-ndjson" | "application/ndjson" | "application/json" => {
            Format::JsonLines
        }
        "text/vcard" | "text/x-vcard" => Format::Vcard,
        _ => return None,
    })
}

/// Why an import ended early, as an error of the request.
fn request_error(error: ImportError, id: &str) -> RequestError {
    let status = match &error {
        ImportError::Write(error) => return RequestError::new(error, id),
        ImportError::File { error: FileError::Io(error), .. } => match error.kind() {
            io::ErrorKind::TimedOut => StatusCode::REQUEST_TIMEOUT,
            io::ErrorKind::FileTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        },
        ImportError::Organization(_) => StatusCode::NOT_FOUND,
        ImportError::Reader => {
            return RequestError::new(&AppError::Internal("the task that reads ended".into()), id);
        }
        _ => StatusCode::BAD_REQUEST,
    };
    let message = match error {
        // The path is no file of the caller's.
        ImportError::File { error, .. } => error.to_string(),
        error => error.to_string(),
    };
    RequestError::bad(status, message, id)
}

/// A piece of the body; the empty one is its end, so that a body that is cut is not taken for a whole one.
type Piece = io::Result<Bytes>;

/// Hands the body on, piece by piece, until it ends, fails or nobody reads it.
async fn forward(mut body: Body, sender: mpsc::Sender<Piece>, patience: Duration) {
    let mut length = 0;
    loop {
        let piece = match timeout(patience, body.frame()).await {
            Ok(None) => Ok(Bytes::new()),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(piece) if !piece.is_empty() => Ok(piece),
                // Trailers, or nothing.
                _ => continue,
            },
            Ok(Some(Err(error))) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, error)),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the body did not arrive in time")),
        };
        length += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        let piece = match piece {
            Ok(_) if length > MAX_BODY => {
                let message = format!("the body has more than {MAX_BODY} bytes");
                Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
            }
            piece => piece,
        };
        let is_last = piece.as_ref().is_ok_and(Bytes::is_empty) || piece.is_err();
        if sender.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

/// The body as what a thread reads.
struct BodyReader {
    receiver: mpsc::Receiver<Piece>,
    piece: Bytes,
    has_ended: bool,
}

impl Read for BodyReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() && !self.has_ended {
            let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "the body is incomplete");
            self.piece = self.receiver.blocking_recv().ok_or_else(cut)??;
            self.has_ended = self.piece.is_empty();
        }
        let length = out.len().min(self.piece.len());
        out[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}
