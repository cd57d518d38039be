//! `contact-gateway backup`: a copy of an SQLite database while it is in use.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use sea_orm::ConnectionTrait;
use url::Url;

use super::{CliError, database_args::DatabaseArgs, start_log};

/// Copies an SQLite database while it is in use; of PostgreSQL, prints the command that does it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway backup gateway.db.bak
  contact-gateway backup /backups/gateway.db --config gateway.toml")]
pub(super) struct BackupArgs {
    /// File of the copy. It must not exist.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: BackupArgs, out: &mut (impl Write + Send)) -> Result<(), CliError> {
    let config = args.database.config()?;
    let _log = start_log(&config);
    let url = config.database_url()?;
    if !url.is_sqlite() {
        let (file, url) = (quoted(&args.file.display().to_string()), quoted(&without_password(url.expose())));
        writeln!(out, "pg_dump --format=custom --file={file} {url}")?;
        return Ok(());
    }
    let db = args.database.open(&config).await?;
    create(&args.file).map_err(|error| file_error(&args.file, error))?;
    // One transaction of SQLite: the copy has everything that was committed before, and nothing of what comes later.
    let sql = format!("VACUUM INTO '{}'", args.file.display().to_string().replace('\'', "''"));
    let copied = db.unlimited(db.pool().execute_unprepared(&sql)).await;
    if let Err(error) = copied {
        // An incomplete copy must not be taken for a backup.
        std::fs::remove_file(&args.file).map_err(|error| file_error(&args.file, error))?;
        return Err(CliError::Backup(error));
    }
    File::open(&args.file).and_then(|file| file.sync_all()).map_err(|error| file_error(&args.file, error))?;
    writeln!(out, "copied to {}", args.file.display())?;
    Ok(())
}

/// Creates an empty file for its owner only, which SQLite fills.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn file_error(path: &Path, error: io::Error) -> CliError {
    CliError::File { path: path.display().to_string(), error }
}

/// The address of the database for `pg_dump`, which asks for the password or takes it from PGPASSWORD.
fn without_password(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return String::new() };
    // Fails only for addresses that have no host.
    let _ = url.set_password(None);
    url.set_query(None);
    url.into()
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
