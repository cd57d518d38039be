//! Why a document is not taken.

use std::borrow::Cow;

use async_graphql::{Pos, ServerError};

use crate::error::Code;

/// Why a document is not taken.
#[derive(Debug)]
pub struct Refused {
    /// What kind of fault it has.
    pub code: Code,
    /// The same in more kinds, to be counted.
    pub reason: Reason,
    /// The fault, for people; it repeats nothing of the document.
    pub message: Cow<'static, str>,
    /// Where it is; nowhere, when the document was not read.
    pub pos: Option<Pos>,
}

impl Refused {
    pub(super) fn at(
        code: Code,
        reason: Reason,
        message: impl Into<Cow<'static, str>>,
        pos: impl Into<Option<Pos>>,
    ) -> Self {
        Self { code, reason, message: message.into(), pos: pos.into() }
    }

    /// It is not GraphQL.
    pub(super) fn syntax(message: impl Into<Cow<'static, str>>, pos: Pos) -> Self {
        Self::at(Code::ParseFailed, Reason::Syntax, message, pos)
    }

    /// It is GraphQL, and yet no document.
    pub(super) fn invalid(reason: Reason, message: &'static str, pos: Pos) -> Self {
        Self::at(Code::ValidationFailed, reason, message, pos)
    }

    /// It has more of something than a budget allows.
    pub(super) fn over(reason: Reason, what: &str, allowed: usize, pos: Pos) -> Self {
        let message = format!("The document has more than {allowed} {what}.");
        Self::at(Code::QueryTooComplex, reason, message, pos)
    }
}

impl From<Refused> for ServerError {
    fn from(Refused { message, pos, .. }: Refused) -> Self {
        Self::new(message, pos)
    }
}

/// What a document is refused for, as the metrics tell it apart.
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
    /// A fragment of it is missing, or is not used.
    Fragments,
    /// It has too many fields that the schema lacks.
    UnknownFields,
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
    pub const ALL: [Self; 19] = [
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
        Self::UnknownFields,
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
            Self::UnknownFields => "unknown_fields",
            Self::Cost => "cost",
            Self::Rate => "rate",
            Self::Untrusted => "untrusted",
            Self::UnknownId => "unknown_id",
            Self::WrongId => "wrong_id",
        }
    }
}
