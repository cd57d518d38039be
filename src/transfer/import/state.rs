//! How far an import came: a file beside the input, so that an interrupted import can go on.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Counts;

/// How many bytes of the input tell it from another one, with its length.
const SAMPLE: u64 = 1 << 16;

/// How far an import came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    /// What is imported, and how.
    pub(super) fingerprint: String,
    /// The rows of the input that are done.
    pub(super) rows: u64,
    pub(super) counts: Counts,
    /// The length of the rejects file.
    pub(super) rejects: u64,
}

impl State {
    /// The state of an import that begins.
    pub(super) fn new(fingerprint: String) -> Self {
        Self { fingerprint, rows: 0, counts: Counts::default(), rejects: 0 }
    }
}

/// The state file of an input.
pub(super) fn path(input: &Path) -> PathBuf {
    let mut name = input.as_os_str().to_owned();
    name.push(".import-state");
    name.into()
}

/// What tells this import from others: the file and the settings.
pub(super) fn fingerprint(input: &Path, settings: &str) -> io::Result<String> {
    let file = File::open(input)?;
    let mut hash = Sha256::new();
    hash.update(settings);
    hash.update(file.metadata()?.len().to_be_bytes());
    let mut sample = Vec::new();
    file.take(SAMPLE).read_to_end(&mut sample)?;
    hash.update(&sample);
    Ok(super::hex(&hash.finalize()))
}

/// Reads the state of an interrupted import.
pub(super) fn read(path: &Path) -> io::Result<Option<State>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    serde_json::from_slice(&text).map(Some).map_err(io::Error::from)
}

/// Writes the state, so that it is either the old or the new one whatever happens meanwhile.
pub(super) fn write(path: &Path, state: &State) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut file = File::create(&new)?;
    serde_json::to_writer(&mut file, state)?;
    file.flush()?;
    file.sync_data()?;
    fs::rename(new, path)
}

/// Removes the state of an import that is complete.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
