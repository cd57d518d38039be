//! The body of a response: JSON in pieces, each of which holds its memory until it was sent.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io::{self, Write},
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Bytes, HttpBody},
    http::{HeaderMap, HeaderValue, header},
};
use hyper::body::{Frame, SizeHint};

use super::state::Settings;
use crate::service::response_memory::{Reservation, ResponseMeter, ResponseStopped};

/// About how many bytes a piece has.
const PIECE: usize = 64 * 1024;
/// What is set aside for a piece at first: most responses are short.
const FIRST: usize = 4 * 1024;

/// JSON in pieces.
#[derive(Debug, Default)]
pub(super) struct ResponseBody {
    pieces: VecDeque<Bytes>,
    /// The bytes of the pieces.
    length: usize,
    /// What sending them takes besides.
    _overhead: Option<Reservation>,
}

/// What a compressor takes until the response is sent.
const COMPRESSOR: usize = 320 * 1024;

/// What sending a response to these headers takes besides its bytes.
pub(super) fn overhead(headers: &HeaderMap, settings: &Settings) -> usize {
    let asks = |value: &HeaderValue| value.to_str().is_ok_and(|it| it.contains("gzip") || it.contains('*'));
    let compressed = settings.compression && headers.get_all(header::ACCEPT_ENCODING).iter().any(asks);
    if compressed { COMPRESSOR } else { 0 }
}

/// A piece with its memory: both go when hyper has no part of it left to send.
struct HeldPiece {
    piece: Bytes,
    _memory: Reservation,
}

impl AsRef<[u8]> for HeldPiece {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}

impl ResponseBody {
    /// What `write` writes, unless that has more than `limit` bytes.
    pub(super) fn written(
        limit: usize,
        write: impl FnOnce(&mut PieceWriter) -> io::Result<()>,
    ) -> Option<Self> {
        let mut writer = PieceWriter { body: Self::default(), open: Vec::with_capacity(FIRST), limit };
        write(&mut writer).ok()?;
        writer.end_piece(0);
        Some(writer.body)
    }

    /// The same body with its memory; waits for that where there is none.
    pub(super) async fn with_reservation(self, meter: &ResponseMeter) -> Result<Self, ResponseStopped> {
        let memory = meter.finish(self.length).await?;
        Ok(self.holding(memory))
    }

    /// The same where nobody can wait.
    pub(super) fn held_now(self, meter: &ResponseMeter) -> Option<Self> {
        let memory = meter.finish_now(self.length)?;
        Some(self.holding(memory))
    }

    fn holding(self, mut memory: Reservation) -> Self {
        let hold = |piece: Bytes| {
            let memory = memory.split(piece.len());
            Bytes::from_owner(HeldPiece { piece, _memory: memory })
        };
        let pieces = self.pieces.into_iter().map(hold).collect();
        Self { pieces, length: self.length, _overhead: Some(memory) }
    }

    /// How many bytes are left.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The next piece.
    pub(super) fn next_piece(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.length -= piece.len();
        Some(piece)
    }
}

/// What takes no memory worth counting, such as an error.
impl From<Vec<u8>> for ResponseBody {
    fn from(json: Vec<u8>) -> Self {
        Self { length: json.len(), pieces: [json.into()].into(), _overhead: None }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next_piece().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length as u64)
    }
}

/// Writes a body, and fails where it passes its limit.
pub(super) struct PieceWriter {
    body: ResponseBody,
    open: Vec<u8>,
    limit: usize,
}

impl PieceWriter {
    fn end_piece(&mut self, capacity: usize) {
        let piece = Bytes::from(mem::replace(&mut self.open, Vec::with_capacity(capacity)));
        self.body.length += piece.len();
        self.body.pieces.push_back(piece);
    }
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.body.length + self.open.len() + bytes.len() > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.open.extend_from_slice(bytes);
        if self.open.len() >= PIECE {
            self.end_piece(PIECE);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_in_pieces_and_within_their_limit() {
        let written = |limit, count: usize| {
            ResponseBody::written(limit, |json| (0..count).try_for_each(|_| json.write_all(&[b'a'; 1000])))
        };
        let mut body = written(1_000_000, 1000).expect("a body");
        assert_eq!(body.size_hint().exact(), Some(1_000_000));
        let mut lengths = Vec::new();
        while let Some(piece) = body.next_piece() {
            lengths.push(piece.len());
        }
        assert_eq!(lengths.iter().sum::<usize>(), 1_000_000);
        assert!(lengths.iter().all(|length| *length < PIECE + 1000), "{lengths:?}");
        assert!(written(999_999, 1000).is_none());
        assert!(written(0, 0).is_some());
    }
}
