//! The body of a request: JSON, within its limit of bytes and of time, and within the memory of requests. It is received before
//! the request has its permit, and decompressed after that.

use std::{borrow::Cow, io::Read};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, StatusCode, header},
};
use flate2::bufread::MultiGzDecoder;
use http_body_util::BodyExt;
use tokio::{task::yield_now, time::timeout};
use zstd::zstd_safe::find_frame_compressed_size;

use super::{
    negotiation::is_json,
    request_memory::{NoMemory, RequestReservation},
    state::Settings,
};

/// The codings that [`ReceivedBody::decode`] reads, for the header Accept-Encoding.
pub(super) const ACCEPTED_ENCODINGS: &str = "gzip, zstd, identity";
/// How many bytes are decompressed at once.
const STEP: usize = 64 * 1024;
/// What decompressing gzip takes besides its output.
const GZIP_MEMORY: usize = 64 * 1024;
/// What decompressing zstd takes besides its output and its window.
const ZSTD_MEMORY: usize = 512 * 1024;
/// The largest window of zstd: 8 MiB, as RFC 9659 requires of content codings. The library uses that much memory.
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

    fn undecodable() -> Self {
        let message = "The body cannot be decompressed as the header Content-Encoding says. Send it complete, and in one of \
                       gzip and zstd (with a window of at most 8 MiB).";
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl From<NoMemory> for BodyError {
    fn from(error: NoMemory) -> Self {
        match error {
            NoMemory::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.message()),
            NoMemory::Overloaded => Self::new(StatusCode::SERVICE_UNAVAILABLE, error.message()),
        }
    }
}

/// A body as it was sent.
pub(super) struct ReceivedBody {
    bytes: Vec<u8>,
    coding: Option<Coding>,
}

/// Receives the whole body. Memory is reserved for it as it arrives.
pub(super) async fn receive(
    headers: &HeaderMap,
    body: Body,
    settings: &Settings,
    memory: &mut RequestReservation,
) -> Result<ReceivedBody, BodyError> {
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
    let Ok(bytes) = timeout(settings.body_timeout, collect(body, limit, memory)).await else {
        let message = "Timed out reading the body. Send it faster, or send less.";
        return Err(BodyError::new(StatusCode::REQUEST_TIMEOUT, message));
    };
    Ok(ReceivedBody { bytes: bytes?, coding })
}

/// Collects a body in one buffer: pieces as they come would take more memory than they have bytes.
async fn collect(
    mut body: Body,
    limit: usize,
    memory: &mut RequestReservation,
) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let incomplete =
            |_| BodyError::new(StatusCode::BAD_REQUEST, "The body is incomplete. Send it again.");
        // Trailers are ignored.
        let Ok(piece) = frame.map_err(incomplete)?.into_data() else { continue };
        let length = bytes.len() + piece.len();
        if length > limit {
            return Err(BodyError::too_large(limit));
        }
        make_room(&mut bytes, length, limit, memory)?;
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Makes a buffer large enough for so many bytes. A buffer that has to grow doubles, but never beyond the limit.
fn make_room(
    bytes: &mut Vec<u8>,
    length: usize,
    limit: usize,
    memory: &mut RequestReservation,
) -> Result<(), NoMemory> {
    if length > bytes.capacity() {
        let capacity = length.max(2 * bytes.capacity()).min(limit);
        memory.grow(capacity - bytes.capacity())?;
        bytes.reserve_exact(capacity - bytes.len());
    }
    Ok(())
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

impl ReceivedBody {
    /// The body without its content coding. The limit counts the decompressed bytes, too. Memory is reserved for them, and for
    /// decompressing.
    pub(super) async fn decode(
        self,
        settings: &Settings,
        memory: &mut RequestReservation,
    ) -> Result<Vec<u8>, BodyError> {
        let Self { bytes, coding } = self;
        let Some(coding) = coding else { return Ok(bytes) };
        let needed = match coding {
            Coding::Gzip => GZIP_MEMORY,
            Coding::Zstd => ZSTD_MEMORY + zstd_window(&bytes),
        };
        memory.grow(needed)?;
        let limit = settings.body_limit;
        let decoded = match coding {
            Coding::Gzip => inflate(MultiGzDecoder::new(&*bytes), limit, memory).await,
            Coding::Zstd => inflate(zstd_decoder(&bytes)?, limit, memory).await,
        };
        memory.shrink(needed + bytes.capacity());
        decoded
    }
}

/// Reads to the end, and stops where it is beyond the limit, however much more there is. It goes in steps, so that other
/// requests are served meanwhile.
async fn inflate(
    mut reader: impl Read + Send,
    limit: usize,
    memory: &mut RequestReservation,
) -> Result<Vec<u8>, BodyError> {
    let mut inflated = Vec::new();
    // One byte beyond the limit shows that there are more.
    let most = limit + 1;
    loop {
        let length = (inflated.len() + STEP).min(most);
        make_room(&mut inflated, length, most, memory)?;
        let step = (length - inflated.len()) as u64;
        let read = reader.by_ref().take(step).read_to_end(&mut inflated);
        if read.map_err(|_| BodyError::undecodable())? == 0 {
            return Ok(inflated);
        }
        if inflated.len() > limit {
            return Err(BodyError::too_large(limit));
        }
        yield_now().await;
    }
}

fn zstd_decoder(bytes: &[u8]) -> Result<zstd::Decoder<'_, &[u8]>, BodyError> {
    let mut decoder = zstd::Decoder::with_buffer(bytes).map_err(|_| BodyError::undecodable())?;
    decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|_| BodyError::undecodable())?;
    Ok(decoder)
}

/// The size of the largest window among the frames of a body in zstd, of those that are not rejected.
fn zstd_window(mut bytes: &[u8]) -> usize {
    let mut largest = 0;
    loop {
        largest = largest.max(frame_window(bytes).unwrap_or_default());
        match find_frame_compressed_size(bytes) {
            Ok(length @ 1..) if length < bytes.len() => bytes = &bytes[length..],
            _ => return largest.min(1 << ZSTD_WINDOW_LOG),
        }
    }
}

/// The size of the window that the header of a frame announces (RFC 8878, section 3.1.1.1).
fn frame_window(frame: &[u8]) -> Option<usize> {
    let header = frame.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?;
    let (descriptor, header) = header.split_first()?;
    let is_single_segment = descriptor & 0b10_0000 != 0;
    if !is_single_segment {
        let window = *header.first()?;
        let base = 1_usize << (10 + (window >> 3));
        return Some(base + base / 8 * usize::from(window & 0b111));
    }
    // The window is as large as the content, whose size follows the id of the dictionary.
    let id = [0, 1, 2, 4][usize::from(descriptor & 0b11)];
    let length = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let mut size = [0; 8];
    size[..length].copy_from_slice(header.get(id..id + length)?);
    let size = u64::from_le_bytes(size).saturating_add(if length == 2 { 256 } else { 0 });
    Some(usize::try_from(size).unwrap_or(usize::MAX))
}

/// Where a text is not valid JSON, and the rules that clients do not expect.
pub(super) fn not_json(what: &str, error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    format!(
        "The {what} is not valid JSON at line {line}, column {column}. A \\u escape must not be half of a surrogate pair, and \
         arrays and objects can be nested at most 127 levels deep."
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_largest_window_of_all_frames_counts() {
        let window = |log, size: Option<u64>| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
            encoder.window_log(log).expect("a window");
            encoder.set_pledged_src_size(size).expect("a size");
            encoder.write_all(&[b' '; 1000]).expect("memory");
            encoder.finish().expect("memory")
        };
        let (small, large) = (window(20, None), window(22, None));
        assert_eq!(zstd_window(&small), 1 << 20);
        assert_eq!(zstd_window(&[&*small, &*large, &*small].concat()), 1 << 22);
        assert_eq!(zstd_window(&window(20, Some(1000))), 1000);
        assert_eq!(zstd_window(&window(27, None)), 1 << ZSTD_WINDOW_LOG);
        // The header counts, also of a frame that is cut.
        assert_eq!(zstd_window(&large[..8]), 1 << 22);
        assert_eq!((zstd_window(b"{}"), zstd_window(b"")), (0, 0));
    }
}
