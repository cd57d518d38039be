//! The error type of the crate and its codes.
//!
//! Every layer uses it. It is independent of transports: GraphQL and REST format it themselves. Texts of the database or of
//! a library never become part of a public message.

use std::{borrow::Cow, sync::Arc};

use sea_orm::{
    DbErr, RuntimeErr, SqlxError,
    sqlx::{error::ErrorKind, postgres::PgDatabaseError},
};
use serde::{Deserialize, Serialize};

/// Result of everything that can fail with an [`AppError`].
pub type AppResult<T> = Result<T, AppError>;

/// Codes of request errors: `extensions.code` of a top-level GraphQL error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The token is missing or invalid.
    Unauthenticated,
    /// The token does not allow this.
    Forbidden,
    /// The request is malformed.
    BadRequest,
    /// The document is not valid GraphQL syntax.
    ParseFailed,
    /// The document does not match the schema, or its variables do not match the document.
    ValidationFailed,
    /// The document exceeds a limit of size, depth or cost.
    QueryTooComplex,
    /// The document id is unknown.
    PersistedQueryNotFound,
    /// Document ids are not supported by the configuration.
    PersistedQueryNotSupported,
    /// The document is not trusted, and only trusted documents are executed.
    DocumentNotTrusted,
    /// The change of a cursor is no longer in the change log: it was deleted, or lost in a failover.
    CursorLost,
    /// The response exceeds the limit of bytes.
    ResponseTooLarge,
    /// The rate limit is exceeded.
    RateLimited,
    /// A dependency, usually the database, is unavailable.
    Unavailable,
    /// The server is at capacity.
    Overloaded,
    /// The request exceeded its time limit.
    Timeout,
    /// An internal error; the log has the details under the request id.
    Internal,
}

impl Code {
    /// The code in responses.
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

    /// The seconds for Retry-After, if they do not depend on the caller.
    pub const fn retry_after(self) -> Option<u64> {
        match self {
            Self::Unavailable | Self::Overloaded => Some(1),
            _ => None,
        }
    }

    /// Whether the error is about the GraphQL document. The HTTP request itself is well-formed then.
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

/// Codes of input errors: `userErrors.code`. The names are stored with idempotency keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputErrorCode {
    /// A value is required.
    Required,
    /// The value does not have the format of this field.
    Invalid,
    /// The value is longer than the field allows.
    TooLong,
    /// Another record already has this value.
    Taken,
    /// Not found, or not accessible with this token.
    NotFound,
    /// The value is not allowed in combination with the other values.
    NotAllowed,
    /// The field cannot be changed after creation.
    Immutable,
    /// The record is not in the state that the client expected.
    Conflict,
    /// The record cannot be deleted while other records refer to it.
    InUse,
    /// The list has more items than the field allows.
    TooMany,
}

/// A validation error of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputError {
    /// The error code.
    pub code: InputErrorCode,
    /// Human-readable message; never contains the rejected value.
    pub message: Cow<'static, str>,
    /// Path of the field in the input, in camelCase, with list indexes as decimal text. Empty if it is not about one field.
    pub path: Vec<Cow<'static, str>>,
    /// Zero-based index of the row in a bulk input.
    pub index: Option<usize>,
}

impl InputError {
    /// An error of a top-level field of the input.
    pub fn on(field: &'static str, code: InputErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::at(vec![Cow::Borrowed(field)], code, message)
    }

    /// An error of a nested field of the input.
    pub fn at(
        path: Vec<Cow<'static, str>>,
        code: InputErrorCode,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, message: message.into(), path, index: None }
    }

    /// The error of a row as an error of its bulk input.
    #[must_use]
    pub fn in_row(mut self, index: usize) -> Self {
        self.path.splice(..0, [Cow::Borrowed("rows"), Cow::Owned(index.to_string())]);
        self.index = Some(index);
        self
    }
}

/// The errors of service functions.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppError {
    /// The input is invalid; nothing was written.
    #[error("the input was rejected")]
    Input(Vec<InputError>),
    /// The whole request is rejected; the message is public.
    #[error("{message}")]
    Request {
        /// The error code.
        code: Code,
        /// Human-readable message.
        message: Cow<'static, str>,
    },
    /// An argument of a list is invalid; the message is public.
    #[error("{message}")]
    Argument {
        /// The path: the argument, then the fields in it.
        path: Vec<Cow<'static, str>>,
        /// Human-readable message.
        message: Cow<'static, str>,
    },
    /// The database failed; only the log has the cause.
    #[error("the database failed")]
    Database(#[source] Arc<DbErr>),
    /// An internal error; only the log has the cause.
    #[error("internal error")]
    Internal(Cow<'static, str>),
}

impl AppError {
    /// A rejected request.
    pub fn request(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Request { code, message: message.into() }
    }

    /// The rejection of a write to an organization that the token names but that does not exist.
    pub fn unknown_organization() -> Self {
        Self::request(Code::Forbidden, UNKNOWN_ORGANIZATION)
    }

    /// The same error, attributed to an argument.
    #[must_use]
    pub fn on_argument(self, name: &'static str) -> Self {
        match self {
            Self::Request { code: Code::BadRequest, message } => argument(name, message),
            other => other,
        }
    }

    /// The code in the response.
    pub fn code(&self) -> Code {
        match self {
            Self::Input(_) | Self::Argument { .. } => Code::BadRequest,
            Self::Request { code, .. } => *code,
            Self::Database(error) if is_timeout(error) => Code::Timeout,
            Self::Database(error) if is_outage(error) => Code::Unavailable,
            Self::Database(_) | Self::Internal(_) => Code::Internal,
        }
    }

    /// Whether the database rolled the transaction back because of a conflict with another one. A retry can succeed.
    pub fn is_rolled_back(&self) -> bool {
        let Self::Database(error) = self else { return false };
        violation(error).and_then(|error| error.code()).is_some_and(|code| is_deadlock(&code))
    }

    /// Whether another writer was first: in a unique constraint, in a lock, or in a row that has changed since it was read.
    /// A retry sees what the other one wrote.
    pub fn is_lost_race(&self) -> bool {
        match self {
            Self::Input(errors) => errors.iter().any(|error| error.code == InputErrorCode::Taken),
            Self::Database(error) if matches!(**error, DbErr::RecordNotUpdated) => true,
            error => error.is_rolled_back(),
        }
    }

    /// The message in the response.
    pub fn public_message(&self) -> Cow<'static, str> {
        match self {
            Self::Request { message, .. } | Self::Argument { message, .. } => message.clone(),
            Self::Input(errors) => {
                errors.first().map_or(Cow::Borrowed("The input was rejected."), |error| error.message.clone())
            }
            Self::Database(error) if is_timeout(error) => {
                Cow::Borrowed("The database statement timed out. Request less data at once.")
            }
            Self::Database(error) if is_full(error) => Cow::Borrowed(NO_SPACE),
            Self::Database(error) if is_outage(error) => {
                Cow::Borrowed("The service is temporarily unavailable. Try again shortly.")
            }
            Self::Database(_) | Self::Internal(_) => Cow::Borrowed("Internal error."),
        }
    }
}

/// The error of an invalid argument.
pub fn argument(name: &'static str, message: impl Into<Cow<'static, str>>) -> AppError {
    AppError::Argument { path: vec![Cow::Borrowed(name)], message: message.into() }
}

impl From<InputError> for AppError {
    fn from(error: InputError) -> Self {
        Self::Input(vec![error])
    }
}

impl From<DbErr> for AppError {
    /// A violated constraint becomes the error that the validation would have reported without the race.
    fn from(error: DbErr) -> Self {
        match violated_rule(&error) {
            Some(rule) => Self::Input(vec![InputError::on(rule.field, rule.code, rule.message)]),
            None if lacks_organization(&error) => Self::unknown_organization(),
            None => Self::Database(Arc::new(error)),
        }
    }
}

/// A constraint of the database and its input error.
struct Rule {
    /// The name of the constraint, as PostgreSQL reports it.
    name: &'static str,
    /// The columns of the unique index, which SQLite reports instead of the name.
    columns: &'static str,
    field: &'static str,
    code: InputErrorCode,
    message: &'static str,
}

const fn unique_rule(
    name: &'static str,
    columns: &'static str,
    field: &'static str,
    message: &'static str,
) -> Rule {
    Rule { name, columns, field, code: InputErrorCode::Taken, message }
}

/// The message for an email address that another contact of the same kind has.
pub const EMAIL_TAKEN: &str = "Another contact of the organization has this email address. Use another address, or update that contact.";
/// The message for a `remoteId` that another row of the same kind has.
pub const REMOTE_ID_TAKEN: &str =
    "Another record of the organization has this remote id. Use another one, or update that record.";
/// The message for an external id that another organization has.
pub const EXTERNAL_ID_TAKEN: &str =
    "Another organization has this external id. Use another one, or update that organization.";
/// The message for a duplicate role.
pub const ROLE_TAKEN: &str =
    "The contact already has this role there. Choose another role, or update that assignment.";

/// The message for a name that another contact type has.
pub const TYPE_NAME_TAKEN: &str =
    "Another contact type of the organization has this name. Choose another name.";
/// The message for a key that another custom field has.
pub const FIELD_KEY_TAKEN: &str =
    "Another custom field of the organization has this key. Choose another key.";

/// The constraints that concurrent writers can violate. Any other violation is an internal error.
const RULES: &[Rule] = &[
    unique_rule("organization_external_id_key", "organization.external_id", "externalId", EXTERNAL_ID_TAKEN),
    unique_rule(
        "internal_contact_org_id_email_key_key",
        "internal_contact.org_id, internal_contact.email_key",
        "email",
        EMAIL_TAKEN,
    ),
    unique_rule(
        "internal_contact_org_id_remote_id_key",
        "internal_contact.org_id, internal_contact.remote_id",
        "remoteId",
        REMOTE_ID_TAKEN,
    ),
    unique_rule(
        "account_contact_org_id_email_key_key",
        "account_contact.org_id, account_contact.email_key",
        "email",
        EMAIL_TAKEN,
    ),
    unique_rule(
        "partner_org_id_remote_id_key",
        "partner.org_id, partner.remote_id",
        "remoteId",
        REMOTE_ID_TAKEN,
    ),
    unique_rule(
        "account_org_id_remote_id_key",
        "account.org_id, account.remote_id",
        "remoteId",
        REMOTE_ID_TAKEN,
    ),
    unique_rule(
        "account_contact_org_id_remote_id_key",
        "account_contact.org_id, account_contact.remote_id",
        "remoteId",
        REMOTE_ID_TAKEN,
    ),
    unique_rule(
        "organization_contact_org_id_remote_id_key",
        "organization_contact.org_id, organization_contact.remote_id",
        "remoteId",
        REMOTE_ID_TAKEN,
    ),
    unique_rule(
        "internal_contact_assignment_org_id_remote_id_key",
        "internal_contact_assignment.org_id, internal_contact_assignment.remote_id",
        "remoteId",
        REMOTE_ID_TAKEN,
    ),
    unique_rule(
        "internal_contact_assignment_contact_partner_role_key",
        "internal_contact_assignment.org_id, internal_contact_assignment.internal_contact_id, \
         internal_contact_assignment.partner_id, internal_contact_assignment.internal_role",
        "internalRole",
        ROLE_TAKEN,
    ),
    unique_rule(
        "internal_contact_assignment_contact_role_key",
        "internal_contact_assignment.org_id, internal_contact_assignment.internal_contact_id, \
         internal_contact_assignment.internal_role",
        "internalRole",
        ROLE_TAKEN,
    ),
    unique_rule(
        "contact_type_org_id_name_key",
        "contact_type.org_id, contact_type.name",
        "name",
        TYPE_NAME_TAKEN,
    ),
    unique_rule(
        "custom_field_org_id_key_key",
        "custom_field.org_id, custom_field.key",
        "key",
        FIELD_KEY_TAKEN,
    ),
];

/// The message for an organization that the token does not allow, whether or not it exists.
pub const NO_ORGANIZATION: &str =
    "The token does not allow the organization. Send x-org-id with one of the token's, for example org_42.";

/// The message for a number in the token that no organization has.
const UNKNOWN_ORGANIZATION: &str = "The token is for an organization that is unknown here. Get a token for another one. \
                                    Operators: no organization has the number that the token or the setting organization of its \
                                    issuer names; `contact-gateway org list` prints those that exist.";

/// Whether a row was written for an organization that does not exist. Every other reference is checked before the write, so
/// a foreign key violation of SQLite, which does not name the key, can only be this one. The statement that appends changes on
/// PostgreSQL finds no counter to number them by.
fn lacks_organization(error: &DbErr) -> bool {
    violation(error).is_some_and(|violation| match violation.kind() {
        ErrorKind::ForeignKeyViolation => {
            violation.constraint().is_none_or(|name| name.ends_with("_org_id_fkey"))
        }
        ErrorKind::NotNullViolation => violation
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| (error.table(), error.column()) == (Some("change"), Some("seq"))),
        _ => false,
    })
}

/// The error of the database for a failed statement.
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

/// Whether the statement timed out: 57014 of PostgreSQL, interrupted (9) of SQLite.
fn is_timeout(error: &DbErr) -> bool {
    violation(error).is_some_and(|error| matches!(error.code().as_deref(), Some("57014" | "9")))
}

/// Whether PostgreSQL aborted this transaction because of a deadlock or a serialization failure.
fn is_deadlock(code: &str) -> bool {
    matches!(code, "40001" | "40P01")
}

/// Whether the database was unavailable, so that a retry can help.
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

/// The message for a full disk.
const NO_SPACE: &str = "The database has no disk space left. Nothing was written.";

/// Whether the disk is full: 53100 of PostgreSQL, full (13) of SQLite.
pub fn is_full(error: &DbErr) -> bool {
    violation(error).is_some_and(|error| matches!(error.code().as_deref(), Some("53100" | "13")))
}

/// The text of the error that caused this one: errors of HTTP clients only say that a request failed.
pub fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Whether another connection of SQLite is writing: busy (5), in any of its forms.
pub fn is_busy(error: &DbErr) -> bool {
    let code = violation(error).and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// Whether the connection is read-only, as after its PostgreSQL server became a standby.
pub fn is_read_only(error: &DbErr) -> bool {
    violation(error).is_some_and(|error| error.code().as_deref() == Some("25006"))
}

/// Whether the error is about the connection or its session, not about the statement.
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

/// The function of PostgreSQL that detects that the columns of a prepared statement have changed.
const OUTDATED_PLAN: &str = "RevalidateCachedQuery";

/// Whether this function of PostgreSQL raised the error. The message depends on the locale of the server.
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

/// A database error for the log: its kind and code, without its text, which can contain values and SQL.
pub fn database_code(error: &DbErr) -> String {
    let inner = match error {
        DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner))
        | DbErr::Conn(RuntimeErr::SqlxError(inner)) => inner,
        DbErr::ConnectionAcquire(_) => return "timed out waiting for a database connection".to_owned(),
        DbErr::Type(_) | DbErr::ConvertFromU64(_) | DbErr::UnpackInsertId => {
            return "database value has an unexpected type".to_owned();
        }
        _ => return "database error".to_owned(),
    };
    match &**inner {
        SqlxError::Database(database) => format!("database error {}", database.code().unwrap_or_default()),
        SqlxError::Io(io) => format!("database connection: {}", io.kind()),
        SqlxError::PoolTimedOut => "timed out waiting for a database connection".to_owned(),
        _ => "database driver error".to_owned(),
    }
}
