//! Trusted documents: those of the operator's own clients, checked once and then known by their ids and by their texts.

use std::{borrow::Cow, collections::HashMap, fmt, sync::Arc};

use async_graphql::{
    Pos, Positioned, ServerError,
    parser::types::{ExecutableDocument, OperationDefinition},
};

use super::{Budgets, Parsed, id, introspection_refused, misfit_subscription, read, unknown_type};
use crate::graphql::{Introspection, complete::FieldTypes, validation::Validator};

/// What is done about documents that are not trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Nothing.
    #[default]
    Off,
    /// They are executed, and told of.
    Log,
    /// They are refused.
    Enforce,
}

/// Trusted documents.
#[derive(Default)]
pub struct Trusted {
    by_id: HashMap<String, Arc<str>>,
    by_text: HashMap<Arc<str>, Arc<Parsed>>,
}

/// Why a document cannot be trusted.
#[derive(Debug)]
pub struct Untrustworthy {
    /// Its id.
    pub id: String,
    message: Cow<'static, str>,
    pos: Option<Pos>,
}

impl fmt::Display for Untrustworthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.message)?;
        match self.pos {
            Some(pos) => write!(f, " (line {}, column {})", pos.line, pos.column),
            None => Ok(()),
        }
    }
}

impl Trusted {
    /// These documents, each with its id, unless one of them could not be executed or has an id that is not its own.
    /// They are measured by budgets of their own.
    pub async fn new(
        documents: &[(String, String)],
        budgets: &Budgets,
        types: &FieldTypes,
        introspection: Introspection,
    ) -> Result<Self, Vec<Untrustworthy>> {
        let (mut trusted, mut faults) = (Self::default(), Vec::new());
        let checks = Checks { budgets, types, introspection, validator: Validator::new() };
        for (id, text) in documents {
            let added = match checks.parsed(text).await {
                Ok(parsed) => trusted.add(id, text, parsed),
                Err(fault) => Err(fault),
            };
            if let Err((message, pos)) = added {
                faults.push(Untrustworthy { id: id.clone(), message, pos });
            }
        }
        if faults.is_empty() { Ok(trusted) } else { Err(faults) }
    }

    fn add(&mut self, name: &str, text: &str, parsed: Parsed) -> Result<(), Fault> {
        let (name, sha256) = (id::plain(name), id::sha256(text));
        if id::is_sha256(&name.to_ascii_lowercase()) && name != sha256 {
            return Err((Cow::Borrowed("the id is not the SHA-256 of the document"), None));
        }
        if self.by_id.get(name).is_some_and(|known| **known != *text) {
            return Err((Cow::Borrowed("the id is another document's, too"), None));
        }
        let text: Arc<str> = text.into();
        // Clients may name any document by its hash, whatever the manifest calls it.
        for id in [name.to_owned(), sha256] {
            self.by_id.insert(id, Arc::clone(&text));
        }
        self.by_text.insert(text, Arc::new(parsed));
        Ok(())
    }

    /// The text of the document with this id.
    pub(super) fn text(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).map(AsRef::as_ref)
    }

    /// The document with exactly this text.
    pub(super) fn get(&self, text: &str) -> Option<&Arc<Parsed>> {
        self.by_text.get(text)
    }
}

/// What is wrong, and where.
type Fault = (Cow<'static, str>, Option<Pos>);

/// What every document has to pass.
struct Checks<'a> {
    budgets: &'a Budgets,
    types: &'a FieldTypes,
    introspection: Introspection,
    validator: Validator,
}

impl Checks<'_> {
    async fn parsed(&self, text: &str) -> Result<Parsed, Fault> {
        let parsed = read(text, self.budgets).map_err(|refused| (refused.message, refused.pos))?;
        let fault = match self.refused(&parsed) {
            Some(error) => Some(error),
            None => self.validator.first_error(parsed.document.clone()).await,
        };
        match fault {
            Some(error) => Err((Cow::Owned(error.message), error.locations.first().copied())),
            None => Ok(parsed),
        }
    }

    /// What is asked of every request besides validation.
    fn refused(&self, parsed: &Parsed) -> Option<ServerError> {
        let unknown = unknown_type(&parsed.document, |name| self.types.knows(name));
        let subscription = || {
            let misfits = parsed.document.operations.iter().filter_map(|(_, it)| misfit_subscription(it));
            misfits.min_by_key(|error| error.locations.first().copied())
        };
        unknown.or_else(subscription).or_else(|| match self.introspection {
            Introspection::On => None,
            Introspection::Off => first_operation(&parsed.document)
                .and_then(|operation| introspection_refused(&parsed.names, operation)),
        })
    }
}

fn first_operation(document: &ExecutableDocument) -> Option<&Positioned<OperationDefinition>> {
    document.operations.iter().map(|(_, operation)| operation).min_by_key(|operation| operation.pos)
}
