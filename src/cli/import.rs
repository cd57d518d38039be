//! `contact-gateway import`: imports records from a file.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use encoding_rs::Encoding;
use url::Url;

use super::{CliError, database_args::DatabaseArgs, start_log};
use crate::{
    files::{Format, Reject, decode},
    transfer::{
        Kind,
        columns::{Layout, Rules},
        import::{self, Counts, Event, Options},
        source::{Access, Source},
    },
};

/// The subject of the changes that this command makes.
const SUBJECT: &str = "contact-gateway import";
/// How often the progress is printed.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many rejects are printed where no file takes them.
const SHOWN_REJECTS: u64 = 20;

/// Imports records from a file or from another system.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway import account-contacts people.csv --dry-run
  contact-gateway import accounts customers.csv --org 1 --config gateway.toml --map 'Company=name' --map 'Web=primaryDomain'
  contact-gateway import account-contacts people.vcf --rejects rejected.vcf
  contact-gateway import internal-contact-assignments team.csv --set internalRole=CSM --resume
  contact-gateway import all dump.jsonl.zst
  contact-gateway import --from thena --url https://platform.thena.ai --token-file token --org 1

Exit codes: 0 if all rows were imported, 1 if some were rejected, 2 if the import could not be done.")]
pub(super) struct ImportArgs {
    /// Kind of records: contact-types, custom-fields, partners, accounts, internal-contacts, internal-contact-assignments,
    /// account-contacts or organization-contacts; or all, for what `export all` wrote.
    #[arg(value_name = "KIND", value_parser = kinds, required_unless_present = "source")]
    kind: Option<Kinds>,
    /// File in CSV, JSON Lines or vCard, which may end with .gz or .zst; `-` reads the standard input.
    #[arg(value_name = "FILE", required_unless_present = "source")]
    file: Option<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Format: csv, jsonl or vcard. [default: by the name of the file]
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<Format>,
    /// Encoding, for example windows-1252 or utf-16le. [default: detected]
    #[arg(long, value_name = "NAME", value_parser = encoding)]
    encoding: Option<&'static Encoding>,
    /// Separator of the cells of CSV; `tab` for a tab. [default: detected]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// Layout of the columns: google, outlook, hubspot, salesforce or vcard. [default: detected]
    #[arg(long, value_name = "NAME", value_parser = layout)]
    layout: Option<Layout>,
    /// Field of a column, for example 'Company=name'. Without a field, the column is ignored. Repeat for several.
    #[arg(long = "map", value_name = "COLUMN=FIELD", value_parser = Rules::column)]
    map: Vec<(String, String)>,
    /// Value of a field in rows that give none, for example 'internalRole=CSM'. Repeat for several.
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = Rules::default_value)]
    set: Vec<(String, String)>,
    /// File for the rejected rows, with line, column and reason. Mended, it can be imported.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Write nothing, and print what would happen.
    #[arg(long)]
    dry_run: bool,
    /// Continue an import that was interrupted.
    #[arg(long)]
    resume: bool,
}

/// Another system to import from.
#[derive(Debug, Args)]
struct SourceArgs {
    /// System to import from: stuut (partners), thena (account contacts) or emnify (organization contacts).
    #[arg(
        id = "source",
        long = "from",
        value_name = "SOURCE",
        value_parser = source,
        conflicts_with_all = ["kind", "file", "format", "encoding", "delimiter", "layout", "map", "set", "resume"]
    )]
    source: Option<Source>,
    /// Address of the system, without the path of its API.
    #[arg(long, value_name = "URL", value_parser = Url::parse, requires = "source")]
    url: Option<Url>,
    /// File with the token of the system.
    #[arg(long, value_name = "FILE", requires = "source")]
    token_file: Option<PathBuf>,
    /// Organization in the system: of emnify the number in its paths, of thena the value of x-org-id.
    #[arg(long, value_name = "ID", requires = "source")]
    source_org: Option<String>,
}

impl SourceArgs {
    /// How to read the system, if one is named.
    fn access(self) -> Result<Option<Access>, CliError> {
        let Some(source) = self.source else { return Ok(None) };
        let missing = |name| CliError::MissingArgument(name);
        let url = self.url.ok_or_else(|| missing("--url"))?;
        let path = self.token_file.ok_or_else(|| missing("--token-file"))?;
        let token = fs::read_to_string(&path)
            .map_err(|error| CliError::File { path: path.display().to_string(), error })?;
        Ok(Some(Access { source, url, token: token.trim().to_owned(), organization: self.source_org }))
    }
}

pub(super) async fn run(args: ImportArgs, out: &mut (impl Write + Send)) -> Result<(), CliError> {
    let access = args.source.access()?;
    let config = args.database.config()?;
    let _log = start_log(&config);
    let db = args.database.open(&config).await?;
    let session = args.database.session(&db, &config, SUBJECT);
    let is_dry_run = args.dry_run;
    let mut progress = Progress::new(args.rejects.is_some());
    let mut report = |event| progress.report(event);
    let counts = match (access, args.kind, args.file) {
        (Some(access), _, _) => {
            import::run_source(&session, &access, args.rejects, is_dry_run, &mut report).await
        }
        (None, Some(Kinds(kind)), Some(input)) => {
            let options = Options {
                kind,
                input,
                format: args.format,
                encoding: args.encoding,
                delimiter: args.delimiter,
                rules: Rules { layout: args.layout, columns: args.map, defaults: args.set },
                rejects: args.rejects,
                is_dry_run,
                is_resumed: args.resume,
            };
            import::run(&session, &options, &mut report).await
        }
        _ => return Err(CliError::MissingArgument("KIND FILE")),
    };
    progress.finish();
    let counts = counts?;
    let Counts { created, updated, unchanged, rejected } = counts;
    let prefix = if is_dry_run { "would be: " } else { "" };
    writeln!(
        out,
        "{prefix}{created} created, {updated} updated, {unchanged} unchanged, {rejected} rejected"
    )?;
    if rejected > 0 { Err(CliError::Rejected(rejected)) } else { Ok(()) }
}

/// Prints the progress on the standard error stream: a line that is renewed, or JSON lines where nobody watches.
struct Progress {
    is_terminal: bool,
    has_rejects: bool,
    rejects: u64,
    began: Instant,
    printed: Option<Instant>,
}

impl Progress {
    fn new(has_rejects: bool) -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            has_rejects,
            rejects: 0,
            began: Instant::now(),
            printed: None,
        }
    }

    fn report(&mut self, event: Event) {
        match event {
            Event::Header(_) => {}
            Event::Progress(counts) => self.counts(counts),
            Event::Rejected(reject) => self.rejected(&reject),
            Event::Ignored(columns) if columns.is_empty() => {}
            Event::Ignored(columns) => self.print(&format!("ignored columns: {}\n", columns.join(", "))),
        }
    }

    fn counts(&mut self, counts: Counts) {
        let total = counts.total();
        if self.printed.is_some_and(|printed| printed.elapsed() < INTERVAL) {
            return;
        }
        self.printed = Some(Instant::now());
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        let rate = total as f64 / seconds;
        let rejected = counts.rejected;
        if self.is_terminal {
            self.print(&format!("\r{total} rows, {rejected} rejected, {rate:.0} rows/s   "));
        } else {
            let line =
                serde_json::json!({ "rows": total, "rejected": rejected, "rowsPerSecond": rate.round() });
            self.print(&format!("{line}\n"));
        }
    }

    fn rejected(&mut self, reject: &Reject) {
        self.rejects += 1;
        // A row that was too large is in no file.
        let is_in_file = self.has_rejects && reject.original.is_some();
        if is_in_file || self.rejects > SHOWN_REJECTS {
            return;
        }
        let Reject { line, column, reason, .. } = reject;
        let column = if column.is_empty() { String::new() } else { format!(", {column}") };
        self.print(&format!("line {line}{column}: {reason}\n"));
    }

    fn finish(&self) {
        if self.is_terminal && self.printed.is_some() {
            self.print("\n");
        }
    }

    /// What cannot be printed does not stop an import.
    fn print(&self, text: &str) {
        // The error stream may be closed.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// One kind, or all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kinds(pub(super) Option<Kind>);

pub(super) fn kinds(text: &str) -> Result<Kinds, String> {
    let kind = Kind::of_name(text);
    if kind.is_some() || text == "all" {
        return Ok(Kinds(kind));
    }
    Err(format!("must be one of {}, all", Kind::ALL.map(Kind::name).join(", ")))
}

pub(super) fn format(text: &str) -> Result<Format, &'static str> {
    Format::of_name(text).ok_or("must be csv, jsonl or vcard")
}

fn source(text: &str) -> Result<Source, &'static str> {
    text.parse()
}

fn encoding(text: &str) -> Result<&'static Encoding, &'static str> {
    decode::encoding(text).ok_or("must be an encoding, for example utf-8, utf-16le or windows-1252")
}

fn delimiter(text: &str) -> Result<u8, &'static str> {
    match text.as_bytes() {
        _ if text == "tab" => Ok(b'\t'),
        [byte]
            if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'"' | b'\n' | b'\r') =>
        {
            Ok(*byte)
        }
        _ => Err("must be one ASCII character, or tab"),
    }
}

fn layout(text: &str) -> Result<Layout, &'static str> {
    Layout::of_name(text).ok_or("must be google, outlook, hubspot, salesforce or vcard")
}
