//! Documents before they are executed: read once, measured and kept, and freed of variables that the request left out.

mod cost;
mod guard;
mod names;
mod parse;
mod text;
mod tokens;
mod variables;

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::{
    Pos, Positioned, ServerError,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition},
};
use lru::LruCache;

pub use self::{
    cost::cost,
    guard::Budgets,
    names::FieldNames,
    variables::{misfit_variable, unknown_type, without_absent_variables},
};
use crate::error::{AppError, AppResult, Code};

/// How much memory the kept documents may take, as far as it can be told from what they consist of.
const KEPT_BYTES: usize = 16 * 1024 * 1024;
/// What a token takes in a document that was read.
const BYTES_PER_TOKEN: usize = 256;

/// A document, and what can be known of it before it is executed.
pub struct Parsed {
    /// The document.
    pub document: ExecutableDocument,
    /// The names of its fields.
    pub names: Arc<FieldNames>,
    /// About how much memory it takes.
    bytes: usize,
}

/// Why a document is not taken.
#[derive(Debug)]
pub struct Refused {
    /// What kind of fault it has.
    pub code: Code,
    /// The fault, for people; it repeats nothing of the document.
    pub message: Cow<'static, str>,
    /// Where it is.
    pub pos: Pos,
}

impl Refused {
    fn at(code: Code, message: impl Into<Cow<'static, str>>, pos: Pos) -> Self {
        Self { code, message: message.into(), pos }
    }

    /// It is not GraphQL.
    fn syntax(message: impl Into<Cow<'static, str>>, pos: Pos) -> Self {
        Self::at(Code::ParseFailed, message, pos)
    }

    /// It is GraphQL, and yet no document.
    fn invalid(message: &'static str, pos: Pos) -> Self {
        Self::at(Code::ValidationFailed, message, pos)
    }

    /// It has more of something than a budget allows.
    fn over(what: &str, allowed: usize, pos: Pos) -> Self {
        Self::at(Code::QueryTooComplex, format!("The document has more than {allowed} {what}."), pos)
    }
}

impl From<Refused> for ServerError {
    fn from(Refused { message, pos, .. }: Refused) -> Self {
        Self::new(message, Some(pos))
    }
}

/// The documents that clients sent lately, parsed.
pub struct Documents {
    budgets: Budgets,
    kept: Mutex<Kept>,
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
        Self { budgets, kept: Mutex::new(Kept { documents: LruCache::unbounded(), bytes: 0 }) }
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

/// Tokens, then the document, then its measure: each step is asked only about what the one before let pass.
fn read(query: &str, budgets: &Budgets) -> Result<Parsed, Refused> {
    let tokens = tokens::tokens(query, budgets)?;
    let document = parse::document(&tokens)?;
    guard::check(&document, budgets)?;
    let names = Arc::new(FieldNames::of(&document));
    Ok(Parsed { document, names, bytes: query.len() + tokens.len() * BYTES_PER_TOKEN })
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
    let asked = names.has("__schema") || names.has("__type");
    asked.then(|| ServerError::new("Introspection is off here; see schema.graphql.", Some(operation.pos)))
}

#[cfg(test)]
mod tests;
