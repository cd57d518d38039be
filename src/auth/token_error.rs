//! Why a token is refused, in words from which its client or the operator can mend the cause.
//!
//! What is for the operator comes last, after [`OPERATORS`]: what the token has, shortened, and which setting to change. What
//! is for clients is short enough for the reason of a closed WebSocket. May import the algorithms.

use std::time::Duration;

use serde_json::Value;

use super::algorithm::Algorithms;

/// What the part of a message begins with that only operators can act on.
pub const OPERATORS: &str = " Operators: ";

/// The most characters of a value that an operator reads.
const MOST_SHOWN: usize = 80;

/// Why a token is refused, as clients read it. Before the signature is known to be good, only its form and its issuer are
/// judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More bytes than a token may have.
    #[error("The token is longer than 8 KiB. Get one with fewer claims.")]
    TooLong,
    /// Not three parts of base64url with the JSON of a token in them.
    #[error(
        "The token is malformed. Send a JWT as it was issued: three parts in base64url, with alg and kid as strings."
    )]
    Malformed,
    /// No issuer with the name in the `iss` claim is configured.
    #[error(
        "The claim iss of the token names an unknown issuer. Get a token from an issuer that is configured \
         here.{OPERATORS}the issuer is {0}; configure exactly this name as issuer in auth.issuers.",
        OPERATORS = OPERATORS
    )]
    UnknownIssuer(String),
    /// The `kid` header names no key of the issuer's, or there is none and the issuer has several keys.
    #[error("The header kid of the token names no signing key of its issuer. Get a new token.")]
    UnknownKey,
    /// The keys of the issuer are not available, so the token cannot be verified.
    #[error("The keys of the token's issuer are not available. Try again later.")]
    KeysUnavailable,
    /// A `crit` header: an extension that must be understood, and none is.
    #[error("The header crit of the token names an extension that is not supported. Get a token without it.")]
    CriticalHeader,
    /// The header names an algorithm that is not one of the issuer's.
    #[error(
        "The header alg of the token is not an algorithm of its issuer. Get a token that is signed with one of \
         them.{OPERATORS}it is {found}, and algorithms of the issuer has {allowed}.",
        OPERATORS = OPERATORS
    )]
    WrongAlgorithm {
        /// What the header says.
        found: String,
        /// The algorithms that are configured.
        allowed: Algorithms,
    },
    /// The signature does not fit.
    #[error("The signature of the token is invalid. Send the token as its issuer signed it.")]
    BadSignature,
    /// A required claim is absent.
    #[error("The token has no claim {claim}. Get a token that has it.{}", for_operators(.remedy))]
    Missing {
        /// The claim.
        claim: String,
        /// What an operator can do.
        remedy: &'static str,
    },
    /// A claim has a value that it must not have.
    #[error("The claim {claim} of the token must be {allowed}. It is {found}.{}", for_operators(.remedy))]
    Invalid {
        /// The claim.
        claim: String,
        /// The type or the value that the token has.
        found: String,
        /// What it must be.
        allowed: String,
        /// What an operator can do.
        remedy: &'static str,
    },
    /// The audience is not this service.
    #[error(
        "The claim {claim} of the token does not name this service. Get a token for this service.{OPERATORS}it is \
         {found}, and audience of the issuer has {allowed}.",
        OPERATORS = OPERATORS
    )]
    WrongAudience {
        /// The claim with the audience.
        claim: String,
        /// What the token has.
        found: String,
        /// The audiences that are configured.
        allowed: String,
    },
    /// An ID token, and its audience is not this service.
    #[error(
        "The token is an ID token (claim {0}), which is for the application that signed the user in. Send the access token."
    )]
    IdToken(&'static str),
    /// `exp` is past.
    #[error("The token has expired (claim exp). Get a new one.")]
    Expired,
    /// `nbf` is to come.
    #[error(
        "The token is not valid yet (claim nbf). Send it later, or synchronize the clocks of issuer and server."
    )]
    NotYetValid,
    /// `iat` is to come.
    #[error("The token was issued in the future (claim iat). Synchronize the clocks of issuer and server.")]
    IssuedInFuture,
    /// The token lives longer than a token may.
    #[error(
        "The token is valid for more than {} (claims iat and exp). Request a shorter lifetime.{}",
        in_hours(.0), for_operators("or raise max_lifetime of the issuer")
    )]
    LifetimeTooLong(Duration),
}

/// A sentence for operators.
fn for_operators(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{OPERATORS}{text}.") }
}

impl TokenError {
    /// A claim that is absent, where the configuration cannot help.
    pub(super) fn missing(claim: impl Into<String>) -> Self {
        Self::Missing { claim: claim.into(), remedy: "" }
    }

    /// A claim of another type or form.
    pub(super) fn invalid(claim: impl Into<String>, value: &Value, allowed: &str) -> Self {
        Self::Invalid { claim: claim.into(), found: describe(value), allowed: allowed.to_owned(), remedy: "" }
    }

    /// The same with what an operator can do about it.
    pub(super) fn with_remedy(mut self, text: &'static str) -> Self {
        if let Self::Invalid { remedy, .. } | Self::Missing { remedy, .. } = &mut self {
            *remedy = text;
        }
        self
    }
}

fn in_hours(lifetime: &Duration) -> String {
    match lifetime.as_secs() {
        3600 => "1 hour".to_owned(),
        seconds if seconds.is_multiple_of(3600) => format!("{} hours", seconds / 3600),
        seconds => format!("{} minutes", seconds / 60),
    }
}

/// A text in quotation marks, shortened and without control characters.
pub(super) fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(MOST_SHOWN).collect();
    let dots = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown:?}{dots}")
}

/// Several names as in a sentence, shortened.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let text: Vec<&str> = names.into_iter().collect();
    let text = text.join(", ");
    let shown: String = text.chars().filter(|c| !c.is_control()).take(MOST_SHOWN).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}

/// The type of a value; of a number also which. Strings may be personal.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("{value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.trim().is_empty() => "a blank string".to_owned(),
        Value::String(_) => "a string".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::Array(items) => match items.first() {
            None => "an empty list".to_owned(),
            Some(first) if items.iter().all(|item| kind(item) == kind(first)) => {
                format!("a list of {}", kind(first))
            }
            Some(_) => "a list of values of several types".to_owned(),
        },
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nulls",
        Value::Bool(_) => "truth values",
        Value::Number(_) => "numbers",
        Value::String(_) => "strings",
        Value::Array(_) => "lists",
        Value::Object(_) => "objects",
    }
}
