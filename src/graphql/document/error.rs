//! Why a document or its variables are refused.

use std::borrow::Cow;

use async_graphql::{Pos, ServerError, Value};

use crate::{error::Code, graphql::error::set_code};

/// The most faults of one document that are reported.
pub(super) const MAX_FAULTS: usize = 10;

/// Why a document, or the values of its variables, are refused before anything is executed.
#[derive(Debug)]
pub struct DocumentError {
    /// The code of all its faults.
    pub code: Code,
    /// The reason as the metrics count it; absent where only the schema's rules are broken.
    pub reason: Option<Reason>,
    /// At least one, in the order of the document.
    pub faults: Vec<Fault>,
}

/// One fault of a document. Its message repeats no value of the document.
#[derive(Clone, Debug)]
pub struct Fault {
    /// For people.
    pub message: Cow<'static, str>,
    /// Where it is; empty when the document was not read.
    pub locations: Vec<Pos>,
    /// The path of the argument that it is about, list positions as decimal text; empty for anything else.
    pub argument: Vec<String>,
    /// The field or directive of that argument, where the message does not name it.
    pub owner: Option<String>,
}

impl Fault {
    pub(super) fn new(message: impl Into<Cow<'static, str>>, pos: impl Into<Option<Pos>>) -> Self {
        let locations = pos.into().into_iter().collect();
        Self { message: message.into(), locations, argument: Vec::new(), owner: None }
    }

    /// The same about an argument of a field or directive.
    pub(super) fn of_argument(self, owner: Option<String>, argument: Vec<String>) -> Self {
        Self { argument, owner, ..self }
    }

    fn into_error(self, code: Code, request_id: &str) -> ServerError {
        let message = match &self.owner {
            Some(owner) => {
                format!("{} See the argument {} of {owner}.", self.message, self.argument.join("."))
            }
            None => self.message.into_owned(),
        };
        let mut error = ServerError::new(message, None);
        error.locations = self.locations;
        set_code(&mut error, code, request_id);
        if !self.argument.is_empty()
            && let Some(extensions) = &mut error.extensions
        {
            extensions.set("argument", Value::List(self.argument.into_iter().map(Value::String).collect()));
        }
        error
    }
}

impl DocumentError {
    pub(super) fn at(
        code: Code,
        reason: Reason,
        message: impl Into<Cow<'static, str>>,
        pos: impl Into<Option<Pos>>,
    ) -> Self {
        Self { code, reason: Some(reason), faults: vec![Fault::new(message, pos)] }
    }

    /// The text does not match GraphQL's grammar.
    pub(super) fn syntax(message: impl Into<Cow<'static, str>>, pos: Pos) -> Self {
        Self::at(Code::ParseFailed, Reason::Syntax, message, pos)
    }

    /// The document breaks a rule of the schema's or of GraphQL's validation.
    pub(super) fn invalid(reason: impl Into<Option<Reason>>, mut faults: Vec<Fault>) -> Self {
        faults.truncate(MAX_FAULTS);
        Self { code: Code::ValidationFailed, reason: reason.into(), faults }
    }

    /// The document has more of something than a budget allows.
    pub(super) fn over(reason: Reason, what: &str, allowed: usize, pos: Pos) -> Self {
        let message = format!("The document has more than {allowed} {what}.");
        Self::at(Code::QueryTooComplex, reason, message, pos)
    }

    /// The first of its faults.
    pub fn first(&self) -> Option<&Fault> {
        self.faults.first()
    }

    /// Its faults as the errors of a response.
    pub fn into_errors(self, request_id: &str) -> Vec<ServerError> {
        self.faults.into_iter().map(|fault| fault.into_error(self.code, request_id)).collect()
    }
}

/// Why a document is rejected, as a label of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is not GraphQL.
    Syntax,
    /// It has too many bytes.
    Length,
    /// It has too many tokens.
    Tokens,
    /// It has too many directives.
    Directives,
    /// It nests brackets or selection sets too deeply.
    Nesting,
    /// It nests fields too deeply.
    Depth,
    /// It has too many selections, or more to compare than that.
    Fields,
    /// It has too many aliases.
    Aliases,
    /// It has too many fields at the root.
    RootFields,
    /// It has too many values in arguments.
    Values,
    /// It asks too much about the schema at once.
    Introspection,
    /// A fragment of it is spread within itself.
    Cycle,
    /// A fragment that it spreads is missing.
    Fragments,
    /// It would cost too many points.
    Cost,
    /// Its caller has too few points left.
    Rate,
    /// It is not among the trusted ones, and nothing else is executed.
    Untrusted,
    /// It was named by an id that is not known.
    UnknownId,
    /// It came with an id that is another document's.
    WrongId,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Syntax,
        Self::Length,
        Self::Tokens,
        Self::Directives,
        Self::Nesting,
        Self::Depth,
        Self::Fields,
        Self::Aliases,
        Self::RootFields,
        Self::Values,
        Self::Introspection,
        Self::Cycle,
        Self::Fragments,
        Self::Cost,
        Self::Rate,
        Self::Untrusted,
        Self::UnknownId,
        Self::WrongId,
    ];

    /// The reason as it stands in the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Length => "length",
            Self::Tokens => "tokens",
            Self::Directives => "directives",
            Self::Nesting => "nesting",
            Self::Depth => "depth",
            Self::Fields => "fields",
            Self::Aliases => "aliases",
            Self::RootFields => "root_fields",
            Self::Values => "values",
            Self::Introspection => "introspection",
            Self::Cycle => "cycle",
            Self::Fragments => "fragments",
            Self::Cost => "cost",
            Self::Rate => "rate",
            Self::Untrusted => "untrusted",
            Self::UnknownId => "unknown_id",
            Self::WrongId => "wrong_id",
        }
    }
}
