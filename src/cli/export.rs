//! `contact-gateway export`: writes the records of a kind to the standard output.

use std::io::Write;

use chrono::{DateTime, Utc};
use clap::Args;

use super::{
    CliError,
    database_args::DatabaseArgs,
    import::{Kinds, format, kinds},
    start_log,
};
use crate::{
    files::Format,
    transfer::export::{self, ExportError, Options},
};

/// Who reads; exports make no changes.
const SUBJECT: &str = "contact-gateway export";

/// Exports the records of a kind, as they are at one moment.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway export account-contacts > people.csv
  contact-gateway export account-contacts --format vcard --config gateway.toml > people.vcf
  contact-gateway export accounts --format jsonl --org 2 --updated-since 2026-01-31T00:00:00Z | zstd > accounts.jsonl.zst
  contact-gateway export account-contacts --escape-formulas > for-spreadsheets.csv
  contact-gateway export all | zstd > dump.jsonl.zst")]
pub(super) struct ExportArgs {
    /// Kind of records: contact-types, custom-fields, partners, accounts, internal-contacts, internal-contact-assignments,
    /// account-contacts or organization-contacts; or all, for an import into another gateway.
    #[arg(value_name = "KIND", value_parser = kinds)]
    kind: Kinds,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Format: csv, jsonl or vcard. [default: csv; of all kinds jsonl]
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<Format>,
    /// Only records that a search for this text finds, as in lists.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only records that changed at this time or later, for example 2026-01-31T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    updated_since: Option<DateTime<Utc>>,
    /// Put an apostrophe in front of cells that a spreadsheet would read as formulas: those that begin with =, +, - or @.
    #[arg(long)]
    escape_formulas: bool,
}

pub(super) async fn run(args: ExportArgs, out: &mut (impl Write + Send)) -> Result<(), CliError> {
    let config = args.database.config()?;
    let _log = start_log(&config);
    let db = args.database.open(&config).await?;
    let session = args.database.session(&db, &config, SUBJECT);
    let options = Options {
        kind: args.kind.0,
        format: args.format.unwrap_or(if args.kind.0.is_some() { Format::Csv } else { Format::JsonLines }),
        search: args.search,
        changed_since: args.updated_since,
        escapes_formulas: args.escape_formulas,
    };
    // Each record is a write of its own otherwise.
    let mut buffered = std::io::BufWriter::new(out);
    match export::run(&session, &options, &mut buffered).await {
        Ok(_) => Ok(()),
        // Reported like that of any other command: the reader of a pipe may have gone.
        Err(ExportError::Output(error)) => Err(CliError::Io(error)),
        Err(error) => Err(error.into()),
    }
}

fn time(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| "must be a time in RFC 3339 format")?;
    Ok(time.to_utc())
}
