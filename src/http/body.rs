//! The body of a request: JSON, decompressed, within its limit of bytes and of time.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, StatusCode, header},
};
use flate2::bufread::MultiGzDecoder;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::{task::yield_now, time::timeout};

use super::{negotiation::is_json, state::Settings};

/// The codings that [`decode`] reads, for the header Accept-Encoding.
pub(super) const ACCEPTED_ENCODINGS: &str = "gzip, zstd, identity";
/// How many bytes are decompressed at once.
const STEP: u64 = 64 * 1024;
/// The largest window of zstd: 8 MiB, as RFC 9659 requires of content codings. The library reserves that much memory.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Why a body is rejected.
pub(super) struct BodyError {
    pub(super) status: StatusCode,
    pub(super) message: Cow<'static, str>,
    /// Whether its content coding is the reason; the response has the header Accept-Encoding then.
    pub(super) is_encoding: bool,
}

impl BodyError {
    fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into(), is_encoding: false }
    }

    fn too_large(limit: usize) -> Self {
        let message =
            format!("The body has more than {limit} bytes, decompressed. Send less in one request.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }
}

/// Reads the whole body. Its limit counts the bytes as they are sent, and the decompressed ones too.
pub(super) async fn read(headers: &HeaderMap, body: Body, settings: &Settings) -> Result<Bytes, BodyError> {
    if !is_json(headers) {
        let message = "Send the body with the header Content-Type: application/json, in UTF-8.";
        return Err(BodyError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let coding = coding(headers)?;
    let limit = settings.body_limit;
    // What a client announces is believed, so that nobody waits for it.
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::too_large(limit));
    }
    let whole = Limited::new(body, limit).collect();
    let Ok(read) = timeout(settings.body_timeout, whole).await else {
        let message = "Timed out reading the body. Send it faster, or send less.";
        return Err(BodyError::new(StatusCode::REQUEST_TIMEOUT, message));
    };
    let bytes = match read {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(BodyError::too_large(limit)),
        Err(_) => {
            let message = "The body is incomplete. Send it again.";
            return Err(BodyError::new(StatusCode::BAD_REQUEST, message));
        }
    };
    match coding {
        Some(coding) => decode(coding, &bytes, limit).await,
        None => Ok(bytes),
    }
}

/// A content coding of request bodies.
#[derive(Clone, Copy)]
enum Coding {
    Gzip,
    Zstd,
}

/// The content coding of a body; `identity` is none.
fn coding(headers: &HeaderMap) -> Result<Option<Coding>, BodyError> {
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let is = |name: &[u8], other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    let codings = names.filter(|name| !name.is_empty() && !is(name, "identity")).map(|name| match name {
        name if is(name, "gzip") || is(name, "x-gzip") => Some(Coding::Gzip),
        name if is(name, "zstd") => Some(Coding::Zstd),
        _ => None,
    });
    match codings.collect::<Vec<_>>()[..] {
        [] => Ok(None),
        [Some(coding)] => Ok(Some(coding)),
        _ => {
            let message =
                "Unsupported Content-Encoding. Send the body uncompressed, or with one of gzip and zstd.";
            let error = BodyError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message);
            Err(BodyError { is_encoding: true, ..error })
        }
    }
}

/// Decompresses a body.
async fn decode(coding: Coding, bytes: &[u8], limit: usize) -> Result<Bytes, BodyError> {
    let inflated = match coding {
        Coding::Gzip => inflate(MultiGzDecoder::new(bytes), limit).await,
        Coding::Zstd => match zstd_decoder(bytes) {
            Ok(decoder) => inflate(decoder, limit).await,
            Err(error) => Err(error),
        },
    };
    match inflated {
        Ok(inflated) => inflated.ok_or_else(|| BodyError::too_large(limit)),
        Err(_) => {
            let message = "The body cannot be decompressed as the header Content-Encoding says. Send it complete, and in \
                           one of gzip and zstd (with a window of at most 8 MiB).";
            Err(BodyError::new(StatusCode::BAD_REQUEST, message))
        }
    }
}

/// Reads to the end, and stops where it is beyond the limit, however much more there is. It goes in steps, so that other
/// requests are served meanwhile.
async fn inflate(mut reader: impl Read + Send, limit: usize) -> io::Result<Option<Bytes>> {
    let mut inflated = Vec::new();
    while reader.by_ref().take(STEP).read_to_end(&mut inflated)? > 0 {
        if inflated.len() > limit {
            return Ok(None);
        }
        yield_now().await;
    }
    Ok(Some(inflated.into()))
}

fn zstd_decoder(bytes: &[u8]) -> io::Result<zstd::Decoder<'_, &[u8]>> {
    let mut decoder = zstd::Decoder::with_buffer(bytes)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

/// Where a body is no JSON, and what clients do not expect to be refused.
pub(super) fn not_json(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    format!(
        "The body is not valid JSON at line {line}, column {column}. A \\u escape must not be half of a surrogate pair, and \
         arrays and objects can be nested at most 127 levels deep."
    )
}
