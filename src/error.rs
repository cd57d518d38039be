//! The one error type of the crate and the one table of codes.
//!
//! A leaf: every layer may use it. It knows no transport: GraphQL and REST shape it at their own edge. Text from the
//! database or a library never becomes part of a public message.

use std::{borrow::Cow, sync::Arc};

use sea_orm::{DbErr, RuntimeErr, SqlxError, sqlx::postgres::PgDatabaseError};
use serde::{Deserialize, Serialize};

/// Result of everything that can fail with an [`AppError`].
pub type AppResult<T> = Result<T, AppError>;

/// Codes of request errors: what `extensions.code` of a top-level GraphQL error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// No token, or one that is not accepted.
    Unauthenticated,
    /// The token does not allow this.
    Forbidden,
    /// The request is not well formed.
    BadRequest,
    /// The document is not GraphQL.
    ParseFailed,
    /// The document does not fit the schema, or its variables do not fit the document.
    ValidationFailed,
    /// The document, or what it asks for, is more than a request may be.
    QueryTooComplex,
    /// The request names its document by an id that is not known.
    PersistedQueryNotFound,
    /// The request names its document by an id, and ids are not taken.
    PersistedQueryNotSupported,
    /// Only trusted documents are executed, and this is none.
    DocumentNotTrusted,
    /// The change that a cursor names is not in the change log any more: it was deleted, or lost in a failover.
    CursorLost,
    /// The response has more bytes than a response may have.
    ResponseTooLarge,
    /// The caller has asked for too much lately.
    RateLimited,
    /// A dependency, usually the database, does not answer.
    Unavailable,
    /// As many requests are executed as may be at once.
    Overloaded,
    /// The request took longer than it may.
    Timeout,
    /// A defect of the server; the details are in its log under the request id.
    Internal,
}

impl Code {
    /// The code as clients read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadRequest => "BAD_REQUEST",
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::PersistedQueryNotSupported => "PERSISTED_QUERY_NOT_SUPPORTED",
            Self::DocumentNotTrusted => "DOCUMENT_NOT_TRUSTED",
            Self::CursorLost => "CURSOR_LOST",
            Self::ResponseTooLarge => "RESPONSE_TOO_LARGE",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Overloaded => "OVERLOADED",
            Self::Timeout => "TIMEOUT",
            Self::Internal => "INTERNAL",
        }
    }

    /// The HTTP status of a request that fails as a whole with this code.
    pub const fn status(self) -> u16 {
        match self {
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::BadRequest
            | Self::CursorLost
            | Self::ParseFailed
            | Self::ValidationFailed
            | Self::QueryTooComplex
            | Self::ResponseTooLarge
            | Self::PersistedQueryNotFound
            | Self::PersistedQueryNotSupported
            | Self::DocumentNotTrusted => 400,
            Self::RateLimited => 429,
            Self::Unavailable | Self::Overloaded => 503,
            Self::Timeout => 504,
            Self::Internal => 500,
        }
    }

    /// After how many seconds it makes sense to send the request again, where that does not depend on the caller.
    pub const fn retry_after(self) -> Option<u64> {
        match self {
            Self::Unavailable | Self::Overloaded => Some(1),
            _ => None,
        }
    }

    /// Whether this is said of the document that a request brings or names. The request itself is well-formed then.
    pub const fn is_of_document(self) -> bool {
        matches!(
            self,
            Self::ParseFailed
                | Self::ValidationFailed
                | Self::QueryTooComplex
                | Self::ResponseTooLarge
                | Self::PersistedQueryNotFound
                | Self::PersistedQueryNotSupported
                | Self::DocumentNotTrusted
        )
    }
}

/// Codes of input errors: what `userErrors.code` says. The names are kept with idempotency keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputErrorCode {
    /// A value is needed here.
    Required,
    /// The value is not of the form this field takes.
    Invalid,
    /// The value has more characters or bytes than the field holds.
    TooLong,
    /// Another row has this value already.
    Taken,
    /// Nothing with this id is in reach.
    NotFound,
    /// The value is not allowed in combination with the others.
    NotAllowed,
    /// The field is fixed once the row exists.
    Immutable,
    /// The row is not in the state the caller expected.
    Conflict,
    /// The row cannot go while others refer to it.
    InUse,
    /// More items than the field takes.
    TooMany,
}

/// One rule that the input breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputError {
    /// Which rule.
    pub code: InputErrorCode,
    /// For people; never holds the value that was refused.
    pub message: Cow<'static, str>,
    /// Path in the input, camelCase, list positions as decimal text; empty when no single field is to blame.
    pub path: Vec<Cow<'static, str>>,
    /// The position of the row in a bulk input; nothing elsewhere.
    pub index: Option<usize>,
}

impl InputError {
    /// An error on one top-level field of the input.
    pub fn on(field: &'static str, code: InputErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::at(vec![Cow::Borrowed(field)], code, message)
    }

    /// An error deeper in the input.
    pub fn at(
        path: Vec<Cow<'static, str>>,
        code: InputErrorCode,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, message: message.into(), path, index: None }
    }

    /// The error of a row, as an error of the bulk input that the row is in.
    #[must_use]
    pub fn in_row(mut self, index: usize) -> Self {
        self.path.splice(..0, [Cow::Borrowed("rows"), Cow::Owned(index.to_string())]);
        self.index = Some(index);
        self
    }
}

/// Everything a service function can answer besides success.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppError {
    /// The input breaks rules; nothing was written.
    #[error("the input was refused")]
    Input(Vec<InputError>),
    /// The request as a whole is refused; the message is public.
    #[error("{message}")]
    Request {
        /// What is wrong with it.
        code: Code,
        /// For people.
        message: Cow<'static, str>,
    },
    /// An argument that says which rows or which part of a list is wanted is not good; the message is public.
    #[error("{message}")]
    Argument {
        /// The path of what is wrong: the argument, and what is below it.
        path: Vec<Cow<'static, str>>,
        /// For people.
        message: Cow<'static, str>,
    },
    /// The database failed; only the log tells how.
    #[error("the database failed")]
    Database(#[source] Arc<DbErr>),
    /// A defect of ours; only the log tells what.
    #[error("internal error")]
    Internal(Cow<'static, str>),
}

impl AppError {
    /// A refused request.
    pub fn request(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Request { code, message: message.into() }
    }

    /// The same refusal, with the argument that is to blame.
    #[must_use]
    pub fn on_argument(self, name: &'static str) -> Self {
        match self {
            Self::Request { code: Code::BadRequest, message } => argument(name, message),
            other => other,
        }
    }

    /// The code a client sees when this error ends a request or a field.
    pub fn code(&self) -> Code {
        match self {
            Self::Input(_) | Self::Argument { .. } => Code::BadRequest,
            Self::Request { code, .. } => *code,
            Self::Database(error) if is_timeout(error) => Code::Timeout,
            Self::Database(error) if is_outage(error) => Code::Unavailable,
            Self::Database(_) | Self::Internal(_) => Code::Internal,
        }
    }

    /// Whether the database ended the transaction in favour of another: nothing of it was written, and doing it again may
    /// succeed.
    pub fn is_rolled_back(&self) -> bool {
        let Self::Database(error) = self else { return false };
        violation(error).and_then(|error| error.code()).is_some_and(|code| is_deadlock(&code))
    }

    /// Whether another writer came first: in a constraint that the validation had found kept, in a lock, or in a row that
    /// is not as it was read. The same call, made again, sees what the other wrote.
    pub fn is_lost_race(&self) -> bool {
        match self {
            Self::Input(errors) => errors.iter().any(|error| error.code == InputErrorCode::Taken),
            Self::Database(error) if matches!(**error, DbErr::RecordNotUpdated) => true,
            error => error.is_rolled_back(),
        }
    }

    /// The message a client sees when this error ends a request or a field.
    pub fn public_message(&self) -> Cow<'static, str> {
        match self {
            Self::Request { message, .. } | Self::Argument { message, .. } => message.clone(),
            Self::Input(errors) => {
                errors.first().map_or(Cow::Borrowed("The input was refused."), |error| error.message.clone())
            }
            Self::Database(error) if is_timeout(error) => {
                Cow::Borrowed("The database took too long; ask for less at once.")
            }
            Self::Database(error) if is_full(error) => Cow::Borrowed(NO_SPACE),
            Self::Database(error) if is_outage(error) => {
                Cow::Borrowed("The service is temporarily unavailable. Try again shortly.")
            }
            Self::Database(_) | Self::Internal(_) => Cow::Borrowed("Internal error."),
        }
    }
}

/// An argument that is not good.
pub fn argument(name: &'static str, message: impl Into<Cow<'static, str>>) -> AppError {
    AppError::Argument { path: vec![Cow::Borrowed(name)], message: message.into() }
}

impl From<InputError> for AppError {
    fn from(error: InputError) -> Self {
        Self::Input(vec![error])
    }
}

impl From<DbErr> for AppError {
    /// A violated constraint becomes the error that the validation would have given, had it not lost a race.
    fn from(error: DbErr) -> Self {
        match violated_rule(&error) {
            Some(rule) => Self::Input(vec![InputError::on(rule.field, rule.code, rule.message)]),
            None if lacks_organization(&error) => Self::request(Code::Forbidden, NO_ORGANIZATION),
            None => Self::Database(Arc::new(error)),
        }
    }
}

/// A constraint of the database and the input error it stands for.
struct Rule {
    /// The constraint's name, as PostgreSQL tells it.
    name: &'static str,
    /// What SQLite says instead: the columns of a unique index.
    columns: &'static str,
    field: &'static str,
    code: InputErrorCode,
    message: &'static str,
}

const fn taken(
    name: &'static str,
    columns: &'static str,
    field: &'static str,
    message: &'static str,
) -> Rule {
    Rule { name, columns, field, code: InputErrorCode::Taken, message }
}

/// The message for an email address that another contact of the same kind has.
pub const EMAIL_TAKEN: &str = "Another contact of the organization has this email address.";
/// The message for a `remoteId` that another row of the same kind has.
pub const REMOTE_ID_TAKEN: &str = "Another row of the organization has this remote id.";
/// The message for a role that would be held twice.
pub const ROLE_TAKEN: &str = "The contact holds this role there already.";

/// The message for a name that another contact type has.
pub const TYPE_NAME_TAKEN: &str = "Another contact type of the organization has this name.";
/// The message for a key that another custom field has.
pub const FIELD_KEY_TAKEN: &str = "Another custom field of the organization has this key.";

/// The constraints that two well-behaved writers can race for. Any other violation is a defect and stays masked.
const RULES: &[Rule] = &[
    taken(
        "internal_contact_org_id_email_key_key",
        "internal_contact.org_id, internal_contact.email_key",
        "email",
        EMAIL_TAKEN,
    ),
    taken(
        "account_contact_org_id_email_key_key",
        "account_contact.org_id, account_contact.email_key",
        "email",
        EMAIL_TAKEN,
    ),
    taken("partner_org_id_remote_id_key", "partner.org_id, partner.remote_id", "remoteId", REMOTE_ID_TAKEN),
    taken("account_org_id_remote_id_key", "account.org_id, account.remote_id", "remoteId", REMOTE_ID_TAKEN),
    taken(
        "account_contact_org_id_remote_id_key",
        "account_contact.org_id, account_contact.remote_id",
        "remoteId",
        REMOTE_ID_TAKEN,
    ),
    taken(
        "internal_contact_assignment_org_id_remote_id_key",
        "internal_contact_assignment.org_id, internal_contact_assignment.remote_id",
        "remoteId",
        REMOTE_ID_TAKEN,
    ),
    taken(
        "internal_contact_assignment_contact_partner_role_key",
        "internal_contact_assignment.org_id, internal_contact_assignment.internal_contact_id, \
         internal_contact_assignment.partner_id, internal_contact_assignment.internal_role",
        "internalRole",
        ROLE_TAKEN,
    ),
    taken(
        "internal_contact_assignment_contact_role_key",
        "internal_contact_assignment.org_id, internal_contact_assignment.internal_contact_id, \
         internal_contact_assignment.internal_role",
        "internalRole",
        ROLE_TAKEN,
    ),
    taken("contact_type_org_id_name_key", "contact_type.org_id, contact_type.name", "name", TYPE_NAME_TAKEN),
    taken("custom_field_org_id_key_key", "custom_field.org_id, custom_field.key", "key", FIELD_KEY_TAKEN),
];

/// The message for an organization that the token may not act in, whether or not it exists.
pub const NO_ORGANIZATION: &str = "the token does not allow this organization";

/// Whether a row was written for an organization that does not exist. Every other reference is looked up before it is
/// written; SQLite, which does not name the foreign key, is believed on that.
fn lacks_organization(error: &DbErr) -> bool {
    violation(error).is_some_and(|violation| {
        violation.is_foreign_key_violation()
            && violation.constraint().is_none_or(|name| name.ends_with("_org_id_fkey"))
    })
}

/// What the database says of a statement that it refused.
fn violation(error: &DbErr) -> Option<&dyn sea_orm::sqlx::error::DatabaseError> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    match &**error {
        SqlxError::Database(violation) => Some(&**violation),
        _ => None,
    }
}

fn violated_rule(error: &DbErr) -> Option<&'static Rule> {
    let violation = violation(error)?;
    if !violation.is_unique_violation() {
        return None;
    }
    match violation.constraint() {
        Some(name) => RULES.iter().find(|rule| rule.name == name),
        None => {
            let columns = violation.message().rsplit(": ").next()?;
            RULES.iter().find(|rule| rule.columns == columns)
        }
    }
}

/// Whether the statement was cancelled because it took too long: 57014 of PostgreSQL, interrupted (9) of SQLite.
fn is_timeout(error: &DbErr) -> bool {
    violation(error).is_some_and(|error| matches!(error.code().as_deref(), Some("57014" | "9")))
}

/// Whether PostgreSQL chose this transaction to end so that another could go on.
fn is_deadlock(code: &str) -> bool {
    matches!(code, "40001" | "40P01")
}

/// Whether the database could not be reached or asked, so that trying again may help.
fn is_outage(error: &DbErr) -> bool {
    let inner = match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => return true,
        DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => inner,
        _ => return false,
    };
    match &**inner {
        SqlxError::Io(_)
        | SqlxError::Tls(_)
        | SqlxError::PoolTimedOut
        | SqlxError::PoolClosed
        | SqlxError::WorkerCrashed => true,
        // PostgreSQL: connection exceptions (08), out of connections, disk or memory (53), shutdown and start (57P), a
        // server that takes no writes (25006), lost races of transactions (40001, 40P01, 55P03).
        SqlxError::Database(error) => error.code().is_some_and(|code| {
            ["08", "53", "57P"].iter().any(|class| code.starts_with(class))
                || is_deadlock(&code)
                || matches!(&*code, "25006" | "55P03")
                || is_outage_of_sqlite(&code)
        }),
        _ => false,
    }
}

/// The message for a write that found no space.
const NO_SPACE: &str = "The database has no space left; nothing was written.";

/// Whether the disk is full: 53100 of PostgreSQL, full (13) of SQLite.
pub fn is_full(error: &DbErr) -> bool {
    violation(error).is_some_and(|error| matches!(error.code().as_deref(), Some("53100" | "13")))
}

/// Whether another connection of SQLite is writing: busy (5), in any of its forms.
pub fn is_busy(error: &DbErr) -> bool {
    let code = violation(error).and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// Whether PostgreSQL takes no writes on this connection, as after the server it was opened to became a standby.
pub fn is_read_only(error: &DbErr) -> bool {
    violation(error).is_some_and(|error| error.code().as_deref() == Some("25006"))
}

/// Whether the error belongs to the connection or its session and not to the statement.
pub fn is_session_error(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner))
    | DbErr::Query(RuntimeErr::SqlxError(inner))
    | DbErr::Conn(RuntimeErr::SqlxError(inner))) = error
    else {
        return false;
    };
    match &**inner {
        SqlxError::Io(_) => true,
        // Connection exceptions (08), ended by an administrator, by a crash or by a time limit (57P, 25P03), a server that
        // takes no writes (25006), prepared statements that a pooler lost or doubled (26000, 42P05).
        SqlxError::Database(error) => error.code().is_some_and(|code| {
            matches!(&*code, "25006" | "25P03" | "26000" | "42P05" | "57P01" | "57P02" | "57P03" | "57P05")
                || (code.len() == 5 && code.starts_with("08"))
                || (code == "0A000" && is_raised_by(&**error, OUTDATED_PLAN))
        }),
        _ => false,
    }
}

/// Whether a commit that failed with this may have taken effect: the connection broke before the answer (08, 57P02 when the
/// server crashed, 57P01 of others than the session itself, input or output failed). PostgreSQL gives any other error
/// before it commits.
pub fn is_unknown_outcome(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner))) = error
    else {
        return false;
    };
    match &**inner {
        SqlxError::Database(error) => error.code().is_some_and(|code| {
            (code.len() == 5 && code.starts_with("08"))
                || code == "57P02"
                || (code == "57P01" && !is_raised_by(&**error, "ProcessInterrupts"))
                || is_failed_io_of_sqlite(&code)
        }),
        SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::Protocol(_) | SqlxError::WorkerCrashed => true,
        _ => false,
    }
}

/// SQLite: input or output failed (10), in any of its forms.
fn is_failed_io_of_sqlite(code: &str) -> bool {
    let number = code.parse::<u32>().ok().filter(|_| code.len() < 5);
    number.is_some_and(|number| number & 0xff == 10)
}

/// What finds that a prepared statement gives other columns than when it was prepared.
const OUTDATED_PLAN: &str = "RevalidateCachedQuery";

/// Whether this function of PostgreSQL raised the error. Its message depends on the language of the server.
fn is_raised_by(error: &dyn sea_orm::sqlx::error::DatabaseError, function: &str) -> bool {
    let postgres = error.try_downcast_ref::<PgDatabaseError>();
    postgres.is_some_and(|error| error.routine() == Some(function))
}

/// SQLite: busy (5), locked (6), read-only (8), input or output failed (10), disk full (13), cannot open (14). Its codes
/// are numbers whose low byte says this much; PostgreSQL's have five characters.
fn is_outage_of_sqlite(code: &str) -> bool {
    let number = code.parse::<u32>().ok().filter(|_| code.len() < 5);
    number.is_some_and(|number| matches!(number & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
}

/// What a log line may say of a database error: its kind and the database's own code, never its text, which can hold
/// values and SQL.
pub fn database_code(error: &DbErr) -> String {
    let inner = match error {
        DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner))
        | DbErr::Conn(RuntimeErr::SqlxError(inner)) => inner,
        DbErr::ConnectionAcquire(_) => return "no free database connection in time".to_owned(),
        DbErr::Type(_) | DbErr::ConvertFromU64(_) | DbErr::UnpackInsertId => {
            return "database value of another type".to_owned();
        }
        _ => return "database error".to_owned(),
    };
    match &**inner {
        SqlxError::Database(database) => format!("database error {}", database.code().unwrap_or_default()),
        SqlxError::Io(io) => format!("database connection: {}", io.kind()),
        SqlxError::PoolTimedOut => "no free database connection in time".to_owned(),
        _ => "database driver error".to_owned(),
    }
}
