//! Documents before they are executed: found by their texts or ids, read once, measured and kept, and freed of variables
//! that the request left out.

mod automatic;
mod cost;
mod guard;
mod id;
mod names;
mod parse;
mod refused;
mod subscription;
mod text;
mod tokens;
mod trusted;
mod variables;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use async_graphql::{
    Positioned, ServerError,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition},
};
use lru::LruCache;

use self::automatic::Automatic;
pub use self::{
    cost::cost,
    guard::Budgets,
    id::{plain as plain_id, sha256},
    names::FieldNames,
    refused::{Reason, Refused},
    subscription::misfit_subscription,
    trusted::{Stage, Trusted, Untrustworthy},
    variables::{misfit_variable, unknown_type, without_absent_variables},
};
use crate::error::{AppError, AppResult, Code};

/// How much memory the kept documents may take, as far as it can be told from what they consist of.
const KEPT_BYTES: usize = 16 * 1024 * 1024;
/// What a token takes in a document that was read.
const BYTES_PER_TOKEN: usize = 256;

/// How a request tells which document it is about.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// By its text.
    Text(&'a str),
    /// By its id, see [`plain_id`].
    Id(&'a str),
    /// By both.
    Both {
        /// Its text.
        text: &'a str,
        /// Its id.
        id: &'a str,
    },
}

/// A document, and what can be known of it before it is executed.
pub struct Parsed {
    /// The document.
    pub document: ExecutableDocument,
    /// The names of its fields.
    pub names: Arc<FieldNames>,
    /// About how much memory it takes.
    bytes: usize,
    /// Whether it was told that it is not trusted.
    told: AtomicBool,
}

impl Parsed {
    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it was told that this document is not trusted.
    pub fn was_told(&self) -> bool {
        self.told.load(Relaxed)
    }

    /// It is being told.
    pub fn set_told(&self) {
        self.told.store(true, Relaxed);
    }
}

/// The document of a request.
pub struct Found {
    /// What it is.
    pub parsed: Arc<Parsed>,
    /// Its text, where the request did not bring it and it is not trusted.
    pub text: Option<Arc<str>>,
    /// Whether it is to be told of because it is not trusted.
    pub untrusted: bool,
}

impl Found {
    fn trusted(parsed: &Arc<Parsed>) -> Self {
        Self { parsed: Arc::clone(parsed), text: None, untrusted: false }
    }
}

/// The documents that are trusted, and those that clients sent lately, parsed.
pub struct Documents {
    budgets: Budgets,
    kept: Mutex<Kept>,
    automatic: Option<Automatic>,
    trusted: Option<Trusted>,
    stage: Stage,
}

/// Parsed documents by their texts, the one that was not asked for longest first to go.
struct Kept {
    documents: LruCache<String, Arc<Parsed>>,
    /// What they take together.
    bytes: usize,
}

impl Default for Documents {
    fn default() -> Self {
        Self::new(Budgets::default())
    }
}

impl Documents {
    /// None yet. Those that exceed a budget are refused.
    pub fn new(budgets: Budgets) -> Self {
        Self {
            budgets,
            kept: Mutex::new(Kept { documents: LruCache::unbounded(), bytes: 0 }),
            automatic: None,
            trusted: None,
            stage: Stage::Off,
        }
    }

    /// Those that clients send with their hashes are found by them from then on.
    #[must_use]
    pub fn with_automatic(self) -> Self {
        Self { automatic: Some(Automatic::default()), ..self }
    }

    /// These are found by their ids. What is done about others is said by the stage; where they are refused, there are
    /// no automatic ones.
    #[must_use]
    pub fn with_trusted(self, trusted: Trusted, stage: Stage) -> Self {
        let automatic = self.automatic.filter(|_| stage != Stage::Enforce);
        Self { automatic, trusted: Some(trusted), stage, ..self }
    }

    /// The document that a request from an organization brings or names. With both, they have to agree.
    pub fn find(&self, request: Request<'_>, organization: Option<i64>) -> Result<Found, Refused> {
        match request {
            Request::Text(text) => self.by_text(text),
            Request::Id(id) => self.by_id(id, organization),
            Request::Both { text, id } => self.by_both(text, id, organization),
        }
    }

    fn by_text(&self, text: &str) -> Result<Found, Refused> {
        if let Some(parsed) = self.trusted.as_ref().and_then(|trusted| trusted.get(text)) {
            return Ok(Found::trusted(parsed));
        }
        self.untrusted(text)
    }

    fn by_id(&self, id: &str, organization: Option<i64>) -> Result<Found, Refused> {
        if let Some(text) = self.trusted_text(id) {
            return self.by_text(text);
        }
        self.may_be_unknown()?;
        let text = self.automatic.as_ref().and_then(|automatic| automatic.get(organization, id));
        let text = text.ok_or_else(not_found)?;
        Ok(Found { text: Some(Arc::clone(&text)), ..self.untrusted(&text)? })
    }

    fn by_both(&self, text: &str, id: &str, organization: Option<i64>) -> Result<Found, Refused> {
        if let Some(trusted) = self.trusted_text(id) {
            return if trusted == text { self.by_text(text) } else { Err(not_its_own()) };
        }
        self.may_be_unknown()?;
        if sha256(text) != id {
            return Err(not_its_own());
        }
        let found = self.by_text(text)?;
        if let Some(automatic) = &self.automatic {
            automatic.keep(organization, id, text);
        }
        Ok(found)
    }

    fn trusted_text(&self, id: &str) -> Option<&str> {
        self.trusted.as_ref()?.text(id)
    }

    /// Whether ids are taken that no trusted document has.
    fn may_be_unknown(&self) -> Result<(), Refused> {
        match (self.stage, &self.automatic, &self.trusted) {
            (Stage::Enforce, ..) => Err(not_trusted()),
            (_, None, None) => Err(not_supported()),
            _ => Ok(()),
        }
    }

    fn untrusted(&self, text: &str) -> Result<Found, Refused> {
        if self.stage == Stage::Enforce {
            return Err(not_trusted());
        }
        Ok(Found { parsed: self.parse(text)?, text: None, untrusted: self.stage == Stage::Log })
    }

    /// The document that `query` is, or where it stops being one that is taken.
    pub fn parse(&self, query: &str) -> Result<Arc<Parsed>, Refused> {
        if let Some(parsed) = self.kept().documents.get(query) {
            return Ok(Arc::clone(parsed));
        }
        let parsed = Arc::new(read(query, &self.budgets)?);
        self.kept().keep(query, &parsed);
        Ok(parsed)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // A panic between two steps of the cache cannot leave a wrong document in it.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, query: &str, parsed: &Arc<Parsed>) {
        self.bytes += parsed.bytes;
        if let Some((_, replaced)) = self.documents.push(query.to_owned(), Arc::clone(parsed)) {
            self.bytes -= replaced.bytes;
        }
        while self.bytes > KEPT_BYTES
            && let Some((_, gone)) = self.documents.pop_lru()
        {
            self.bytes -= gone.bytes;
        }
    }
}

// Apollo's and urql's clients know the next two by these messages.

fn not_found() -> Refused {
    Refused::at(Code::PersistedQueryNotFound, Reason::UnknownId, "PersistedQueryNotFound", None)
}

fn not_supported() -> Refused {
    Refused::at(Code::PersistedQueryNotSupported, Reason::UnknownId, "PersistedQueryNotSupported", None)
}

fn not_trusted() -> Refused {
    let message = "Only trusted documents are executed here, and this is none.";
    Refused::at(Code::DocumentNotTrusted, Reason::Untrusted, message, None)
}

fn not_its_own() -> Refused {
    let message = "The id is not that of the document which came with it.";
    Refused::at(Code::BadRequest, Reason::WrongId, message, None)
}

/// Tokens, then the document, then its measure: each step is asked only about what the one before let pass.
fn read(query: &str, budgets: &Budgets) -> Result<Parsed, Refused> {
    let tokens = tokens::tokens(query, budgets)?;
    let document = parse::document(&tokens)?;
    guard::check(&document, budgets)?;
    let names = Arc::new(FieldNames::of(&document));
    let bytes = query.len() + tokens.len() * BYTES_PER_TOKEN;
    Ok(Parsed { document, names, bytes, told: AtomicBool::new(false) })
}

/// The operation that a request selects.
pub fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> AppResult<&'a Positioned<OperationDefinition>> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
            operations.values().next()
        }
        (DocumentOperations::Multiple(_), None) => {
            let message = "The document has several operations; name one in operationName.";
            return Err(AppError::request(Code::BadRequest, message));
        }
    };
    operation.ok_or_else(|| {
        AppError::request(Code::BadRequest, "The document has no operation of the name in operationName.")
    })
}

/// The error of asking a schema that does not answer questions about itself.
pub fn introspection_refused(
    names: &FieldNames,
    operation: &Positioned<OperationDefinition>,
) -> Option<ServerError> {
    let asked = ["__schema", "__type", "_service"].into_iter().any(|name| names.has(name));
    asked.then(|| ServerError::new("Introspection is off here; see schema.graphql.", Some(operation.pos)))
}

#[cfg(test)]
mod tests;
