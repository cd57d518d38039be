//! `GET /export/{kind}`.

use std::{
    io::{self, Write},
    sync::Arc,
};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderValue, Request, Response, StatusCode, Uri, header},
};
use chrono::DateTime;
use futures_util::{StreamExt, stream};
use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::{block_in_place, yield_now},
};

use super::{Failure, Transfer, TransferState, flag, invalid_parameter, media_type, refusal};
use crate::{
    error::AppError,
    files::Format,
    http::{
        access::RequestMetadata, authenticate::RequestId, executor::code, request_error::RequestError,
        server::ConnectionHandle,
    },
    transfer::export::{self, ExportError, Options},
};

/// About how many bytes a piece of the response has.
const PIECE: usize = 64 * 1024;
/// How many pieces wait for the client.
const PIECES: usize = 4;
/// The points of a record.
const POINTS: u64 = 1;

pub(super) async fn handle(
    State(state): State<TransferState>,
    Extension(id): Extension<RequestId>,
    Extension(metadata): Extension<Arc<RequestMetadata>>,
    Extension(connection): Extension<ConnectionHandle>,
    Path(kind): Path<String>,
    request: Request<Body>,
) -> Response<Body> {
    _ = metadata.operation.set("export".to_owned());
    let (head, _) = request.into_parts();
    let work = async {
        let known = (state.app, &id, &*metadata, connection);
        let transfer = Transfer::begin(known, &kind, &head.headers, &state.exports).await?;
        let options = options(&transfer, &head.uri)?;
        respond(transfer, options).await
    };
    match metadata.query_stats.count(work).await {
        Ok(response) => {
            metadata.set_outcome(None);
            response
        }
        Err(error) => {
            metadata.set_outcome(error.errors.first().map(code).as_deref());
            refusal(*error)
        }
    }
}

fn options(transfer: &Transfer, uri: &Uri) -> Result<Options, Failure> {
    let id = transfer.context.request_id.as_str();
    let format = if transfer.kind.is_some() { Format::Csv } else { Format::JsonLines };
    let mut options =
        Options { kind: transfer.kind, format, search: None, changed_since: None, escapes_formulas: false };
    for (name, value) in super::parameters(uri) {
        let invalid = |reason: &str| invalid_parameter(&name, reason, id);
        match name.as_str() {
            "format" => {
                let format = Format::of_name(&value);
                options.format = format.ok_or_else(|| invalid("it must be csv, jsonl or vcard"))?;
            }
            "search" => options.search = Some(value),
            "updatedSince" => {
                let time = DateTime::parse_from_rfc3339(&value);
                let time = time.map_err(|_| invalid("it must be a time in RFC 3339 format"))?;
                options.changed_since = Some(time.to_utc());
            }
            "escapeFormulas" => options.escapes_formulas = flag(&name, &value, id)?,
            _ => return Err(invalid("it is unknown")),
        }
    }
    Ok(options)
}

/// Begins the export, and answers when its first piece is there.
async fn respond(transfer: Transfer, options: Options) -> Result<Response<Body>, Failure> {
    let id = transfer.context.request_id.clone();
    let (sender, mut pieces) = mpsc::channel(PIECES);
    let format = options.format;
    let name = transfer.kind.map_or("all", |kind| kind.name());
    let extension = match format {
        Format::Csv => "csv",
        Format::JsonLines => "jsonl",
        Format::Vcard => "vcf",
    };
    let disposition = format!("attachment; filename=\"{name}.{extension}\"");
    let runtime = Handle::current();
    // A thread of its own may wait for a slow client.
    let work = tokio::task::spawn_blocking(move || {
        let session = transfer.session(POINTS, false);
        let mut out = PieceWriter { sender, open: Vec::with_capacity(PIECE) };
        let result = runtime.block_on(export::run(&session, &options, &mut out));
        // The place is free when the client has the last piece.
        drop(transfer);
        match result {
            // The client has gone.
            Ok(_) | Err(ExportError::Output(_)) => None,
            Err(error) => {
                // The response is cut, so that it is not taken for a whole one.
                let reason = io::Error::other(error.to_string());
                // Nobody may be reading any more.
                let _ = out.sender.blocking_send(Err(reason));
                Some(error)
            }
        }
    });
    let first = match pieces.recv().await {
        Some(Ok(piece)) => Some(piece),
        Some(Err(_)) => {
            let error = work.await.ok().flatten();
            return Err(Box::new(match error {
                Some(ExportError::Read(error)) => RequestError::new(&error, &id),
                Some(error) => RequestError::bad(StatusCode::BAD_REQUEST, error.to_string(), &id),
                None => RequestError::new(&AppError::Internal("the export ended".into()), &id),
            }));
        }
        None => None,
    };
    let rest = stream::unfold(pieces, |mut pieces| async move {
        // The time that a client may take is that of one piece.
        yield_now().await;
        Some((pieces.recv().await?, pieces))
    });
    // Compression asks once more after the end.
    let body = stream::iter(first.map(Ok)).chain(rest).fuse();
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(format)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// Sends what is written in pieces.
struct PieceWriter {
    sender: mpsc::Sender<io::Result<Bytes>>,
    open: Vec<u8>,
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open.extend_from_slice(bytes);
        if self.open.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.open, Vec::with_capacity(PIECE));
        // The thread drives the export, and may wait only outside of that.
        let sent = block_in_place(|| self.sender.blocking_send(Ok(piece.into())));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
