//! The file of an SQLite database: made for its owner only, and still the one that was opened.
//!
//! A file that was deleted or replaced goes on to be read and written by those who have it open, and everything written
//! is lost when they close it.

use std::{
    fs::{self, DirBuilder, Metadata, OpenOptions},
    io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use sea_orm::{DbErr, RuntimeErr, sqlx::sqlite::SqliteConnectOptions};

use crate::error::{AppError, AppResult, Code};

/// The file, as it was opened.
#[derive(Debug)]
pub(super) struct SqliteFile {
    path: PathBuf,
    identity: Identity,
    is_lost: AtomicBool,
}

/// The device and the number of a file on it.
type Identity = (u64, u64);

impl SqliteFile {
    /// The file of a URL, created when it does not exist and the URL says `mode=rwc`; `None` for PostgreSQL and for databases
    /// in memory.
    pub(super) fn open(url: &str) -> Result<Option<Self>, DbErr> {
        let (database, parameters) = url.split_once('?').unwrap_or((url, ""));
        if !url.starts_with("sqlite:") || database.ends_with(":memory:") || parameters.contains("mode=memory")
        {
            return Ok(None);
        }
        let options = SqliteConnectOptions::from_str(url).map_err(|error| refused(error.to_string()))?;
        let path = options.get_filename().to_owned();
        let identity = make(&path, parameters.contains("mode=rwc"));
        let identity = identity.map_err(|error| refused(format!("{}: {error}", path.display())))?;
        Ok(Some(Self { path, identity, is_lost: AtomicBool::new(false) }))
    }

    /// Whether the disk has enough free space for a write to succeed.
    pub(super) fn has_space(&self) -> bool {
        has_space(&self.path)
    }

    /// Fails when the file was deleted or replaced since it was opened.
    pub(super) fn check(&self) -> AppResult<()> {
        let is_lost = fs::metadata(&self.path).ok().map(|file| identity(&file)) != Some(self.identity);
        if self.is_lost.swap(is_lost, Relaxed) != is_lost {
            let path = self.path.display();
            if is_lost {
                tracing::error!(%path, "the database file was deleted or replaced; restore the file or restart the gateway");
            } else {
                tracing::info!(%path, "the database file is available again");
            }
        }
        let message = "The database file is missing. Nothing is written until it is restored.";
        if is_lost { Err(AppError::request(Code::Unavailable, message)) } else { Ok(()) }
    }
}

/// The free space below which the disk counts as full, in bytes.
#[cfg(unix)]
const SPACE: u64 = 1024 * 1024;

#[cfg(unix)]
fn has_space(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= SPACE)
}

/// Free space is not looked up on this system; writes fail when there is none.
#[cfg(not(unix))]
fn has_space(_: &Path) -> bool {
    true
}

fn refused(message: String) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(message))
}

/// Creates the file and its folder for their owner only, if they are to be created, and warns of a file that others can
/// read. SQLite gives the `-wal` and `-shm` files the permissions of the database file.
fn make(path: &Path, create: bool) -> io::Result<Identity> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if create && !path.exists() {
        let (mut directory, mut file) = (DirBuilder::new(), OpenOptions::new());
        file.write(true).create_new(true);
        #[cfg(unix)]
        {
            std::os::unix::fs::DirBuilderExt::mode(&mut directory, 0o700);
            std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        }
        directory.recursive(true).create(folder)?;
        match file.open(path) {
            // Another process made it in between; it may be open to others, so its permissions are looked at below.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => drop(made?),
        }
    }
    let file = fs::metadata(path)?;
    if is_open_to_others(&file, &fs::metadata(folder)?) {
        let path = path.display();
        tracing::warn!(%path, "other users of this machine can read the database file; run `chmod 600` on it");
    }
    Ok(identity(&file))
}

#[cfg(unix)]
fn is_open_to_others(file: &Metadata, folder: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.permissions().mode() & 0o044 != 0 && folder.permissions().mode() & 0o011 != 0
}

#[cfg(unix)]
fn identity(file: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (file.dev(), file.ino())
}

/// Files have no such permissions on this system.
#[cfg(not(unix))]
fn is_open_to_others(_: &Metadata, _: &Metadata) -> bool {
    false
}

/// On this system it is only checked that the file exists.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {
    (0, 0)
}
