//! Documents before they are executed: found by their texts or ids, parsed and validated once, and cached.

mod apq;
mod cache;
mod convert;
mod cost;
mod error;
mod guard;
mod id;
mod introspection;
mod merge;
mod names;
mod position;
mod schema;
mod syntax;
mod tokens;
mod trusted;
mod validate;
mod variables;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use apollo_compiler::{ExecutableDocument as SourceDocument, validation::Valid};
use async_graphql::{
    Name, Positioned, Value, Variables,
    indexmap::IndexMap,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition},
};

pub(super) use self::convert::HIDDEN;
use self::{apq::ApqCache, cache::DocumentCache, error::Fault, syntax::Syntax};
pub use self::{
    cost::{Cost, cost},
    error::{DocumentError, Reason},
    guard::Budgets,
    id::{plain as plain_id, sha256},
    names::FieldNames,
    trusted::{ManifestEntryError, Trusted, TrustedDocumentsMode},
    variables::{coerce_variables, without_absent_variables},
};
use crate::{
    error::{AppError, AppResult, Code},
    graphql::Introspection,
    telemetry::stage,
};

/// What a token takes of memory in a document that is ready to be executed.
const BYTES_PER_TOKEN: usize = 256;
/// What a token takes besides in one that is kept for introspection.
const BYTES_PER_TOKEN_OF_SOURCE: usize = 256;

/// How a request names its document.
#[derive(Clone, Copy, Debug)]
pub enum DocumentReference<'a> {
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

/// The same where the request has the text.
#[derive(Clone, Debug)]
pub enum OwnedDocumentReference {
    /// By its text.
    Text,
    /// By its id.
    Id(String),
    /// By both, the id of which is this.
    Both(String),
}

impl OwnedDocumentReference {
    /// The reference of a request with this text.
    pub fn with_text<'a>(&'a self, text: &'a str) -> DocumentReference<'a> {
        match self {
            Self::Text => DocumentReference::Text(text),
            Self::Id(id) => DocumentReference::Id(id),
            Self::Both(id) => DocumentReference::Both { text, id },
        }
    }
}

/// A document that is valid, and what can be known of it before it is executed.
pub struct ValidDocument {
    /// The document as async-graphql executes it.
    pub document: ExecutableDocument,
    /// The names of its fields.
    pub names: Arc<FieldNames>,
    /// The same document for introspection, where it asks for the schema.
    source: Option<Valid<SourceDocument>>,
    /// About how much memory it takes.
    bytes: usize,
    /// Whether it was logged that it is not trusted.
    reported: AtomicBool,
}

impl ValidDocument {
    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it was logged that this document is not trusted.
    pub fn was_reported(&self) -> bool {
        self.reported.load(Relaxed)
    }

    /// Notes that it is logged.
    pub fn set_reported(&self) {
        self.reported.store(true, Relaxed);
    }

    /// The document as a request with these variables executes it: without what names an absent variable, and without
    /// introspection, which [`Self::introspect`] answers.
    pub fn for_request(&self, operation_name: Option<&str>, variables: &Variables) -> ExecutableDocument {
        let mut document = without_absent_variables(&self.document, operation_name, variables);
        if self.source.is_some() {
            introspection::remove_introspection(&mut document);
        }
        document
    }

    /// The values of the root fields that ask for the schema, by their response keys.
    pub fn introspect(&self, operation_name: Option<&str>, variables: &Variables) -> IndexMap<Name, Value> {
        let source = self.source.as_ref();
        source.map(|it| introspection::introspect(it, operation_name, variables)).unwrap_or_default()
    }
}

/// The document of a request.
pub struct DocumentLookup {
    /// The document.
    pub document: Arc<ValidDocument>,
    /// Its text, where the request did not bring it and it is not trusted.
    pub text: Option<Arc<str>>,
    /// Whether it is to be logged because it is not trusted.
    pub untrusted: bool,
}

impl DocumentLookup {
    fn trusted(document: &Arc<ValidDocument>) -> Self {
        Self { document: Arc::clone(document), text: None, untrusted: false }
    }
}

/// The documents that are trusted, and those that clients sent lately.
pub struct Documents {
    budgets: Budgets,
    introspection: Introspection,
    cache: Mutex<DocumentCache>,
    apq: Option<ApqCache>,
    trusted: Option<Trusted>,
    mode: TrustedDocumentsMode,
}

impl Default for Documents {
    fn default() -> Self {
        Self::new(Budgets::default(), Introspection::On)
    }
}

impl Documents {
    /// None yet. Those that exceed a budget are refused, and those that ask for the schema where introspection is off.
    pub fn new(budgets: Budgets, introspection: Introspection) -> Self {
        Self {
            budgets,
            introspection,
            cache: Mutex::default(),
            apq: None,
            trusted: None,
            mode: TrustedDocumentsMode::Off,
        }
    }

    /// Those that clients send with their hashes are found by them from then on.
    #[must_use]
    pub fn with_automatic(self) -> Self {
        Self { apq: Some(ApqCache::default()), ..self }
    }

    /// These are found by their ids. The mode says what happens to others; where they are refused, there are no automatic
    /// ones.
    #[must_use]
    pub fn with_trusted(self, trusted: Trusted, mode: TrustedDocumentsMode) -> Self {
        let apq = self.apq.filter(|_| mode != TrustedDocumentsMode::Enforce);
        Self { apq, trusted: Some(trusted), mode, ..self }
    }

    /// The document that a request from an organization brings or names. With both, they have to agree.
    pub fn find(
        &self,
        reference: DocumentReference<'_>,
        organization: Option<i64>,
    ) -> Result<DocumentLookup, DocumentError> {
        match reference {
            DocumentReference::Text(text) => self.by_text(text),
            DocumentReference::Id(id) => self.by_id(id, organization),
            DocumentReference::Both { text, id } => self.by_both(text, id, organization),
        }
    }

    fn by_text(&self, text: &str) -> Result<DocumentLookup, DocumentError> {
        if let Some(document) = self.trusted.as_ref().and_then(|trusted| trusted.get(text)) {
            return Ok(DocumentLookup::trusted(document));
        }
        self.untrusted(text)
    }

    fn by_id(&self, id: &str, organization: Option<i64>) -> Result<DocumentLookup, DocumentError> {
        if let Some(text) = self.trusted_text(id) {
            return self.by_text(text);
        }
        self.may_be_unknown()?;
        let text = self.apq.as_ref().and_then(|apq| apq.get(organization, id));
        let text = text.ok_or_else(not_found)?;
        Ok(DocumentLookup { text: Some(Arc::clone(&text)), ..self.untrusted(&text)? })
    }

    fn by_both(
        &self,
        text: &str,
        id: &str,
        organization: Option<i64>,
    ) -> Result<DocumentLookup, DocumentError> {
        if let Some(trusted) = self.trusted_text(id) {
            return if trusted == text { self.by_text(text) } else { Err(not_its_own()) };
        }
        self.may_be_unknown()?;
        if sha256(text) != id {
            return Err(not_its_own());
        }
        let found = self.by_text(text)?;
        if let Some(apq) = &self.apq {
            apq.insert(organization, id, text);
        }
        Ok(found)
    }

    fn trusted_text(&self, id: &str) -> Option<&str> {
        self.trusted.as_ref()?.text(id)
    }

    /// Whether ids are accepted that no trusted document has.
    fn may_be_unknown(&self) -> Result<(), DocumentError> {
        match (self.mode, &self.apq, &self.trusted) {
            (TrustedDocumentsMode::Enforce, ..) => Err(not_trusted()),
            (_, None, None) => Err(not_supported()),
            _ => Ok(()),
        }
    }

    fn untrusted(&self, text: &str) -> Result<DocumentLookup, DocumentError> {
        if self.mode == TrustedDocumentsMode::Enforce {
            return Err(not_trusted());
        }
        let untrusted = self.mode == TrustedDocumentsMode::Log;
        Ok(DocumentLookup { document: self.parse(text)?, text: None, untrusted })
    }

    /// The document of this text, from the cache or parsed and validated now.
    pub fn parse(&self, text: &str) -> Result<Arc<ValidDocument>, DocumentError> {
        if let Some(document) = self.cache().get(text) {
            return Ok(document);
        }
        let document = Arc::new(parse_and_validate(text, &self.budgets, self.introspection)?);
        self.cache().insert(text, &document);
        Ok(document)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, DocumentCache> {
        // A panic between two steps of the cache cannot leave a wrong document in it.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// Apollo's and urql's clients know the next two by these messages.

fn not_found() -> DocumentError {
    DocumentError::at(Code::PersistedQueryNotFound, Reason::UnknownId, "PersistedQueryNotFound", None)
}

fn not_supported() -> DocumentError {
    DocumentError::at(Code::PersistedQueryNotSupported, Reason::UnknownId, "PersistedQueryNotSupported", None)
}

fn not_trusted() -> DocumentError {
    let message = "Only trusted documents are executed here, and this is none.";
    DocumentError::at(Code::DocumentNotTrusted, Reason::Untrusted, message, None)
}

fn not_its_own() -> DocumentError {
    let message = "The id is not that of the document which came with it.";
    DocumentError::at(Code::BadRequest, Reason::WrongId, message, None)
}

/// Tokens, syntax, budgets, the schema's rules: each step sees only what the one before let pass.
fn parse_and_validate(
    text: &str,
    budgets: &Budgets,
    introspection: Introspection,
) -> Result<ValidDocument, DocumentError> {
    let syntax = stage!("parse").in_scope(|| Syntax::parse(text, budgets))?;
    guard::check(&syntax, budgets)?;
    let source = stage!("validate").in_scope(|| validate::validate(&syntax, introspection))?;
    let document = convert::convert(text, &source)?;
    let names = Arc::new(FieldNames::of(&document));
    if introspection == Introspection::Off && names.asks_for_schema() {
        return Err(introspection_is_off(&syntax));
    }
    let source = names.has_introspection().then(|| introspection::answerable(source));
    let per_token = BYTES_PER_TOKEN + source.as_ref().map_or(0, |_| BYTES_PER_TOKEN_OF_SOURCE);
    let bytes = text.len() + syntax.tokens * per_token;
    Ok(ValidDocument { document, names, source, bytes, reported: AtomicBool::new(false) })
}

fn introspection_is_off(syntax: &Syntax<'_>) -> DocumentError {
    let first = syntax.operations().next().and_then(|operation| operation.location());
    let message = "Introspection is off here; see schema.graphql.";
    DocumentError::invalid(None, vec![Fault::new(message, syntax.pos(first))])
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
            let message = "The document has several operations. Name one of them in operationName.";
            return Err(AppError::request(Code::BadRequest, message));
        }
    };
    operation.ok_or_else(|| {
        AppError::request(
            Code::BadRequest,
            "The document has no operation of the name in operationName. Name one of its operations.",
        )
    })
}

#[cfg(test)]
mod tests;
