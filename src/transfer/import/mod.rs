//! Import: the rows of a file or of another system, through the bulk services.
//!
//! Rows are written in their order, in batches that hold no record twice, so that the result does not depend on where a
//! batch ends. What is done is kept in a state file after each batch: an import that was killed goes on where it was, and
//! the batch that was under way is written again, which changes nothing.

mod build;
mod rejects;
mod settings;
mod state;
mod write;

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fmt::Write as _,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use encoding_rs::Encoding;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::{sync::mpsc, task::JoinHandle};

use self::{rejects::Rejects, state::State, write::Writer};
use super::{
    KIND, Kind, Session,
    columns::{Mapping, Rules, Values},
    source::{self, Access, SourceError},
};
use crate::{
    error::AppError,
    files::{
        FileError, Format, Original, ReadRow, Reject, Row, Rows, compression::decompressed,
        csv::REJECT_COLUMNS, decode::Utf8Reader,
    },
    service::bulk::{MAX_ROWS, Status},
};

/// The most bytes of rows that are read ahead together.
const BATCH_BYTES: usize = 2 << 20;
/// The most rows between two states, rejected ones included.
const MAX_READ: u64 = 10 * MAX_ROWS as u64;
/// The name of the standard input, and of other inputs that cannot be read again.
pub const STANDARD_INPUT: &str = "-";

/// What is imported, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The kind of records. Without it, each row names its own kind, as in an export of all.
    pub kind: Option<Kind>,
    /// The file, or `-` for the standard input.
    pub input: PathBuf,
    /// The format; that of the file name without it.
    pub format: Option<Format>,
    /// The encoding; it is detected without it.
    pub encoding: Option<&'static Encoding>,
    /// What separates the cells of CSV; it is detected without it.
    pub delimiter: Option<u8>,
    /// Which column is which field.
    pub rules: Rules,
    /// Where rejected rows are written.
    pub rejects: Option<PathBuf>,
    /// Whether nothing is written to the database.
    pub is_dry_run: bool,
    /// Whether an interrupted import goes on.
    pub is_resumed: bool,
}

/// What became of the rows so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// New records.
    pub created: u64,
    /// Records that were there and have changed.
    pub updated: u64,
    /// Records that were there as the row says.
    pub unchanged: u64,
    /// Rows that were refused.
    pub rejected: u64,
}

impl Counts {
    /// All rows.
    pub fn total(&self) -> u64 {
        self.created + self.updated + self.unchanged + self.rejected
    }

    fn add(&mut self, status: Status) {
        match status {
            Status::Created => self.created += 1,
            Status::Updated => self.updated += 1,
            Status::Unchanged => self.unchanged += 1,
            Status::Failed => self.rejected += 1,
        }
    }
}

/// What an import reports.
#[derive(Clone, Debug)]
pub enum Event {
    /// The columns of the header row.
    Header(Vec<String>),
    /// Some rows are done.
    Progress(Counts),
    /// Columns that no field stands for, when all rows are done.
    Ignored(Vec<String>),
    /// A row was rejected.
    Rejected(Reject),
}

/// Why an import ended before its last row.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// The reason.
        error: FileError,
    },
    /// The name of the file does not tell its format.
    #[error("the format of {0} is unknown; give it with --format csv, jsonl or vcard")]
    Format(String),
    /// Rows of several kinds have no columns that could be mapped, and refer to one another.
    #[error("an import of all kinds takes JSON Lines, and no --dry-run, --layout, --map and --set")]
    All,
    /// The columns cannot be mapped.
    #[error("{0}")]
    Columns(String),
    /// The organization is not there.
    #[error("there is no organization {0}; create it first, or choose another one with --org")]
    Organization(i64),
    /// The rejects would overwrite the input.
    #[error("the rejects file is the input; choose another file with --rejects")]
    SameFile,
    /// There is nothing to go on with.
    #[error("{0}")]
    Resume(String),
    /// The state or the rejects cannot be written.
    #[error("cannot write {path}: {error}")]
    Output {
        /// The file.
        path: String,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The database refused or failed.
    #[error("cannot write the records: {}", .0.public_message())]
    Write(AppError),
    /// The source cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The task that reads ended early.
    #[error("the input could not be read to its end")]
    Reader,
}

/// The bytes of an input.
pub type Input = Box<dyn Read + Send>;
type Text = Utf8Reader<Input>;

/// Imports a file. `report` is called with what happens meanwhile.
pub async fn run(
    session: &Session,
    options: &Options,
    report: &mut (dyn FnMut(Event) + Send),
) -> Result<Counts, ImportError> {
    let input = input(options).map_err(|error| file_error(options, error.into()))?;
    run_stream(session, options, input, report).await
}

/// Imports what is read from an input; the path of the options names it.
pub async fn run_stream(
    session: &Session,
    options: &Options,
    input: Input,
    report: &mut (dyn FnMut(Event) + Send),
) -> Result<Counts, ImportError> {
    let format = format(options)?;
    if options.kind.is_none()
        && (format != Format::JsonLines || options.is_dry_run || !options.rules.is_empty())
    {
        return Err(ImportError::All);
    }
    if options.rejects.as_deref().is_some_and(|rejects| is_same_file(rejects, &options.input)) {
        return Err(ImportError::SameFile);
    }
    let rows = open(options, format, input).await?;
    let header = rows.header().map(<[_]>::to_vec);
    if let Some(header) = &header {
        report(Event::Header(header.iter().map(ToString::to_string).collect()));
    }
    let rules = rules(options, format);
    let mut mappings = HashMap::new();
    if let Some(kind) = options.kind {
        let mapping = Mapping::new(kind, rules, header.as_deref()).map_err(ImportError::Columns)?;
        mappings.insert(kind, mapping);
    }
    let mut progress = Progress::begin(options)?;
    let of_csv = (header.as_deref(), rows.delimiter());
    let rejects = Rejects::open(options.rejects.as_deref(), format, of_csv, progress.state.rejects)
        .map_err(|error| output(options.rejects.as_deref(), error))?;
    let mended = header.is_some_and(|header| header.iter().any(|name| &**name == REJECT_COLUMNS[0]));
    let writer = Writer::new(session, options.is_dry_run).await?;
    let output = options.rejects.clone();
    let batch = Batch::default();
    let mut import = Import { kind: options.kind, output, writer, mappings, rejects, mended, batch };
    let (batches, reader) = read(rows, progress.state.rows);
    import.take_all(batches, &mut progress, report).await?;
    reader.await.map_err(|_| ImportError::Reader)?.map_err(|error| file_error(options, error.into()))?;
    import.finish(progress, report).await
}

/// Imports the list of another system. `report` is called with what happens meanwhile.
pub async fn run_source(
    session: &Session,
    access: &Access,
    output: Option<PathBuf>,
    is_dry_run: bool,
    report: &mut (dyn FnMut(Event) + Send),
) -> Result<Counts, ImportError> {
    let kind = access.source.kind();
    let rejects = Rejects::open(output.as_deref(), Format::JsonLines, (None, None), 0)
        .map_err(|error| self::output(output.as_deref(), error))?;
    let writer = Writer::new(session, is_dry_run).await?;
    let (kind, mappings, mended, batch) = (Some(kind), HashMap::new(), false, Batch::default());
    let mut import = Import { kind, output, writer, mappings, rejects, mended, batch };
    let mut progress = Progress { state: State::new(String::new()), file: None };
    let (sender, batches) = mpsc::channel(1);
    let reading = source::read(access, sender)?;
    import.take_all(batches, &mut progress, report).await?;
    reading.await.map_err(|_| ImportError::Reader)??;
    import.finish(progress, report).await
}

/// The bytes of a hash as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn format(options: &Options) -> Result<Format, ImportError> {
    let name = options.input.to_string_lossy();
    options.format.or_else(|| Format::of_file(&name)).ok_or_else(|| ImportError::Format(name.into_owned()))
}

/// vCards have a layout of their own, unless their columns are mapped.
fn rules(options: &Options, format: Format) -> Rules {
    let mut rules = options.rules.clone();
    if format == Format::Vcard {
        rules.layout = rules.layout.or(Some(super::columns::Layout::Vcard));
    }
    rules
}

/// Whether two paths lead to one file that is there.
fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

fn input(options: &Options) -> io::Result<Input> {
    if is_standard_input(&options.input) {
        return Ok(Box::new(io::stdin()));
    }
    decompressed(&options.input.to_string_lossy(), File::open(&options.input)?)
}

/// Reads the beginning of the input, which may have to be waited for.
async fn open(options: &Options, format: Format, input: Input) -> Result<Rows<Text>, ImportError> {
    let (encoding, delimiter) = (options.encoding, options.delimiter);
    let open = move || Rows::open(format, Utf8Reader::new(input, encoding), delimiter);
    let rows = tokio::task::spawn_blocking(open).await.map_err(|_| ImportError::Reader)?;
    rows.map_err(|error| file_error(options, error))
}

fn file_error(options: &Options, error: FileError) -> ImportError {
    ImportError::File { path: options.input.display().to_string(), error }
}

fn output(path: Option<&Path>, error: io::Error) -> ImportError {
    ImportError::Output { path: path.map_or_else(String::new, |path| path.display().to_string()), error }
}

type Batches = mpsc::Receiver<Vec<ReadRow>>;

/// Reads the rows in a task of its own, without the first ones, which are done.
fn read(mut rows: Rows<Text>, done: u64) -> (Batches, JoinHandle<io::Result<()>>) {
    let (sender, batches) = mpsc::channel(1);
    let reader = tokio::task::spawn_blocking(move || {
        for _ in 0..done {
            rows.next_row()?;
        }
        loop {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while batch.len() < MAX_ROWS && bytes < BATCH_BYTES {
                let Some(row) = rows.next_row()? else { break };
                bytes += size(&row);
                batch.push(row);
            }
            // The import has ended where nobody receives.
            if batch.is_empty() || sender.blocking_send(batch).is_err() {
                return Ok(());
            }
        }
    });
    (batches, reader)
}

/// About how much memory a row takes.
fn size(row: &ReadRow) -> usize {
    let original = match row {
        Ok(row) => Some(&row.original),
        Err(reject) => reject.original.as_ref(),
    };
    match original {
        Some(Original::Cells(cells)) => cells.iter().map(|cell| 3 * cell.len() + 64).sum(),
        Some(Original::Text(text)) => 3 * text.len(),
        None => 0,
    }
}

/// How far the import is, and where that is kept.
struct Progress {
    state: State,
    /// There is none for the standard input and for trials.
    file: Option<PathBuf>,
}

impl Progress {
    fn begin(options: &Options) -> Result<Self, ImportError> {
        let is_kept = !options.is_dry_run && !is_standard_input(&options.input);
        let file = is_kept.then(|| state::path(&options.input));
        let fingerprint = match &file {
            Some(_) => state::fingerprint(&options.input, &settings(options))
                .map_err(|error| file_error(options, error.into()))?,
            None => String::new(),
        };
        let new = State::new(fingerprint);
        if !options.is_resumed {
            return Ok(Self { state: new, file });
        }
        let Some(path) = &file else {
            let reason = "--resume needs a file, and no --dry-run";
            return Err(ImportError::Resume(reason.to_owned()));
        };
        let kept = state::read(path).map_err(|error| output(Some(path), error))?;
        match kept {
            Some(kept) if kept.fingerprint == new.fingerprint => Ok(Self { state: kept, file }),
            Some(_) => Err(ImportError::Resume(format!(
                "{} is of another file or of other settings; import without --resume",
                path.display()
            ))),
            // It was interrupted before its first batch, or it is complete: writing again changes nothing.
            None => Ok(Self { state: new, file }),
        }
    }

    fn save(&self) -> Result<(), ImportError> {
        let Some(path) = &self.file else { return Ok(()) };
        state::write(path, &self.state).map_err(|error| output(Some(path), error))
    }

    fn finish(&self) -> Result<(), ImportError> {
        let Some(path) = &self.file else { return Ok(()) };
        state::remove(path).map_err(|error| output(Some(path), error))
    }
}

/// What must be the same when an import goes on.
fn settings(options: &Options) -> String {
    let Options { kind, format, encoding, delimiter, rules, rejects, .. } = options;
    format!("{kind:?} {format:?} {encoding:?} {delimiter:?} {rules:?} {rejects:?}")
}

/// Takes the member of a row that names its kind.
fn take_kind(row: &mut Row) -> Result<Kind, String> {
    let position = row.values.iter().position(|(name, _)| &**name == KIND);
    let kind = position.map(|position| row.values.swap_remove(position).1);
    kind.as_ref().and_then(Json::as_str).and_then(Kind::of_name).ok_or_else(|| {
        format!("Must be the kind of the record, one of {}.", Kind::ALL.map(Kind::name).join(", "))
    })
}

/// A row that was read and mapped.
struct Item {
    line: u64,
    original: Original,
    values: Values,
}

/// Rows of one kind that are written together; none is of the same record as another one.
#[derive(Default)]
struct Batch {
    /// None if all rows so far were rejected.
    kind: Option<Kind>,
    items: Vec<Item>,
    identities: HashSet<String>,
    /// The rows that were read since the last batch, rejected ones included.
    rows: u64,
}

struct Import<'a> {
    /// The kind of all rows, unless each names its own.
    kind: Option<Kind>,
    /// The rejects file.
    output: Option<PathBuf>,
    writer: Writer<'a>,
    mappings: HashMap<Kind, Mapping>,
    rejects: Rejects,
    /// Whether the file is a rejects file, whose first columns are the reasons.
    mended: bool,
    batch: Batch,
}

impl Import<'_> {
    async fn take_all(
        &mut self,
        mut batches: Batches,
        progress: &mut Progress,
        report: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(), ImportError> {
        while let Some(rows) = batches.recv().await {
            for row in rows {
                self.take(row, progress, report).await?;
            }
        }
        Ok(())
    }

    /// Writes the last rows.
    async fn finish(
        mut self,
        mut progress: Progress,
        report: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Counts, ImportError> {
        self.flush(&mut progress, report).await?;
        progress.finish()?;
        let ignored = self.mappings.values().flat_map(Mapping::ignored).map(ToString::to_string);
        report(Event::Ignored(ignored.filter(|name| !REJECT_COLUMNS.contains(&name.as_str())).collect()));
        Ok(progress.state.counts)
    }

    async fn take(
        &mut self,
        row: ReadRow,
        progress: &mut Progress,
        report: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(), ImportError> {
        if self.batch.rows >= MAX_READ {
            self.flush(progress, report).await?;
        }
        let mut row = match row {
            Ok(row) => row,
            Err(reject) => {
                self.batch.rows += 1;
                return self.reject(reject, progress, report);
            }
        };
        let (kind, values) = match self.values(&mut row) {
            Ok(values) => values,
            Err((column, reason)) => {
                self.batch.rows += 1;
                let original = Some(row.original);
                return self.reject(Reject { line: row.line, column, reason, original }, progress, report);
            }
        };
        let identities = write::identities(kind, &values);
        let is_repeated = identities.iter().any(|identity| self.batch.identities.contains(identity));
        let is_other = self.batch.kind.is_some_and(|other| other != kind);
        if is_repeated || is_other || self.batch.items.len() == MAX_ROWS {
            self.flush(progress, report).await?;
        }
        self.batch.kind = Some(kind);
        self.batch.identities.extend(identities);
        self.batch.items.push(Item { line: row.line, original: row.original, values });
        self.batch.rows += 1;
        Ok(())
    }

    /// The kind of a row, and what its columns say.
    fn values(&mut self, row: &mut Row) -> Result<(Kind, Values), (String, String)> {
        let kind = match self.kind {
            Some(kind) => kind,
            None => take_kind(row).map_err(|reason| (KIND.to_owned(), reason))?,
        };
        let mapping = match self.mappings.entry(kind) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let mapping = Mapping::new(kind, Rules::default(), None);
                entry.insert(mapping.map_err(|reason| (String::new(), reason))?)
            }
        };
        Ok((kind, mapping.values(row)?))
    }

    /// Writes the rows of the batch and keeps that they are done.
    async fn flush(
        &mut self,
        progress: &mut Progress,
        report: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(), ImportError> {
        let batch = std::mem::take(&mut self.batch);
        if batch.rows == 0 {
            return Ok(());
        }
        let _turn = self.writer.turn(batch.rows).await.map_err(ImportError::Write)?;
        let values: Vec<&Values> = batch.items.iter().map(|item| &item.values).collect();
        let outcomes = match batch.kind {
            Some(kind) => self.writer.write(kind, &values).await.map_err(ImportError::Write)?,
            None => Vec::new(),
        };
        for (item, outcome) in batch.items.into_iter().zip(outcomes) {
            if outcome.status == Status::Failed {
                let column = outcome.field.map_or_else(String::new, |field| item.values.column(&field));
                let (line, original) = (item.line, Some(item.original));
                let reject = Reject { line, column, reason: outcome.reason, original };
                self.reject(reject, progress, report)?;
            } else {
                progress.state.counts.add(outcome.status);
            }
        }
        progress.state.rows += batch.rows;
        progress.state.rejects =
            self.rejects.sync().map_err(|error| output(self.output.as_deref(), error))?;
        progress.save()?;
        report(Event::Progress(progress.state.counts));
        Ok(())
    }

    fn reject(
        &mut self,
        reject: Reject,
        progress: &mut Progress,
        report: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(), ImportError> {
        progress.state.counts.add(Status::Failed);
        self.rejects.write(&reject, self.mended).map_err(|error| output(self.output.as_deref(), error))?;
        report(Event::Rejected(reject));
        Ok(())
    }
}
