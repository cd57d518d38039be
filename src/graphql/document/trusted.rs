//! Trusted documents: those of the operator's own clients, checked when the gateway starts and then known by their ids and by
//! their texts.

use std::{collections::HashMap, fmt, sync::Arc};

use super::{Budgets, DocumentError, ValidDocument, error::Fault, id, parse_and_validate};
use crate::graphql::Introspection;

pub use crate::config::TrustedDocumentsMode;

/// Trusted documents.
#[derive(Default)]
pub struct Trusted {
    by_id: HashMap<String, Arc<str>>,
    by_text: HashMap<Arc<str>, Arc<ValidDocument>>,
}

/// Why an entry of a manifest cannot be trusted.
#[derive(Debug)]
pub struct ManifestEntryError {
    /// Its id.
    pub id: String,
    fault: Fault,
}

impl fmt::Display for ManifestEntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.fault.message)?;
        match self.fault.locations.first() {
            Some(pos) => write!(f, " (line {}, column {})", pos.line, pos.column),
            None => Ok(()),
        }
    }
}

impl Trusted {
    /// These documents, each with its id, unless one of them could not be executed or has an id that is not its own.
    /// They are measured by budgets of their own.
    pub fn new(
        documents: &[(String, String)],
        budgets: &Budgets,
        introspection: Introspection,
    ) -> Result<Self, Vec<ManifestEntryError>> {
        let (mut trusted, mut errors) = (Self::default(), Vec::new());
        for (id, text) in documents {
            let document = parse_and_validate(text, budgets, introspection).map_err(first_fault);
            let added = document.and_then(|document| trusted.add(id, text, document));
            if let Err(fault) = added {
                errors.push(ManifestEntryError { id: id.clone(), fault });
            }
        }
        if errors.is_empty() { Ok(trusted) } else { Err(errors) }
    }

    fn add(&mut self, name: &str, text: &str, document: ValidDocument) -> Result<(), Fault> {
        let (name, sha256) = (id::plain(name), id::sha256(text));
        if id::is_sha256(&name.to_ascii_lowercase()) && name != sha256 {
            return Err(Fault::new("the id is not the SHA-256 of the document", None));
        }
        if self.by_id.get(name).is_some_and(|known| **known != *text) {
            return Err(Fault::new("the id is another document's, too", None));
        }
        let text: Arc<str> = text.into();
        // Clients may name any document by its hash, whatever the manifest calls it.
        for id in [name.to_owned(), sha256] {
            self.by_id.insert(id, Arc::clone(&text));
        }
        self.by_text.insert(text, Arc::new(document));
        Ok(())
    }

    /// The text of the document with this id.
    pub(super) fn text(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).map(AsRef::as_ref)
    }

    /// The document with exactly this text.
    pub(super) fn get(&self, text: &str) -> Option<&Arc<ValidDocument>> {
        self.by_text.get(text)
    }
}

fn first_fault(error: DocumentError) -> Fault {
    let first = error.faults.into_iter().next();
    first.unwrap_or_else(|| Fault::new("the document cannot be executed", None))
}
