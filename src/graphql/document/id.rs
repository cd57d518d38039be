//! Ids of documents: hashes, for the most part.

use sha2::{Digest, Sha256};

/// An id without the prefix that says what it is: `sha256:` and a hash name the same document as the hash.
pub fn plain(id: &str) -> &str {
    id.strip_prefix("sha256:").filter(|hash| is_sha256(hash)).unwrap_or(id)
}

/// Whether an id is a SHA-256 as clients write it: in hexadecimal, in lower case.
pub(super) fn is_sha256(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The SHA-256 of a text, in hexadecimal.
pub fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}
