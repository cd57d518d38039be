//! Which claims of an issuer's tokens have the subject, the scopes and the organizations, and what they mean here.
//!
//! A mapping only translates what a token says: names that it does not know grant nothing. May import the other files of
//! `auth` that know tokens.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::organization_number;
use super::payload::{ClaimPath, Payload};
use super::provider::{unread_organizations, unread_scopes};
use super::scope::{Scope, Scopes};
use super::token_error::{TokenError, listed};

const STRING: &str = "a string";
const STRINGS: &str = "a string or a list of strings";
const SUBJECT: &str = "a string with something to see and without control characters";
const NUMBER: &str = "a positive whole number";
const NUMBERS: &str = "a list of positive whole numbers";
const IDS: &str = "a positive whole number, a string that is not blank, or a list of them";

const TAKE_STRINGS: &str = "to accept lists, set provider or claims.scopes of the issuer";
const TAKE_EXTERNAL_IDS: &str =
    "to accept the provider's ids of organizations, set provider or claims.organizations of the issuer";
const NAME_A_MEMBER: &str = "to read a member of an object, set claims of the issuer to a JSON pointer, for example /organization/*/id";
const NAME_AN_ORGANIZATION: &str = "to read a member of an object, set claims.organizations of the issuer to a JSON pointer, for \
                                    example /organization/*/id; Keycloak sends a list of names if its mapper adds neither ids \
                                    nor attributes";
const ONE_CLAIM: &str = "to read only one of them, set claims.organizations of the issuer";
const NAME_THE_SUBJECT: &str = "set claims.subject of the issuer to the claim that has the subject";

/// The claims of one issuer's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimMapping {
    /// The claim with the subject.
    pub subject: ClaimPath,
    /// The claims with scopes, roles and permissions. What they grant together is granted.
    pub scopes: Vec<ClaimPath>,
    /// What the names of this service's scopes begin with, such as a resource server's name. Other names are other services'.
    pub scope_prefix: Option<String>,
    /// The scopes that roles and permissions of the provider stand for.
    pub scope_map: BTreeMap<String, Scopes>,
    /// Where the organizations are.
    pub organizations: Organizations,
    /// The forms that claims may have.
    pub form: TokenForm,
}

/// Where the organizations of a token are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Organizations {
    /// In the first of these claims that the token has. Two of them in one token are refused.
    Claims(Vec<ClaimPath>),
    /// All tokens of the issuer are for this organization.
    Fixed(OrganizationName),
}

/// What a token or the configuration calls an organization.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrganizationName {
    /// Its number.
    Number(i64),
    /// Its external id.
    External(String),
}

impl OrganizationName {
    /// The number in `42` or `org_42`, or else an external id.
    pub fn parse(text: &str) -> Self {
        organization_number(text).map_or_else(|| Self::External(text.to_owned()), Self::Number)
    }
}

/// The id or the external id, as in the settings.
impl fmt::Display for OrganizationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "org_{number}"),
            Self::External(id) => f.write_str(id),
        }
    }
}

/// The forms that claims may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenForm {
    /// The gateway's own: scopes are a string, organizations are numbers in the list `orgs` or the number `org_id`.
    Own,
    /// Scopes are a string or a list; organizations are external ids, one or a list. A number is the external id of its digits.
    Provider,
    /// The same, but numbers, also in strings, and the gateway's own ids are organizations of the gateway.
    Mixed,
}

/// The organizations that a token names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct NamedOrganizations {
    pub(super) numbers: Vec<i64>,
    pub(super) external_ids: Vec<String>,
}

/// The claims that scopes and organizations were read from, with what the token has there; for errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimsRead {
    /// The claims for scopes, such as `the claim scope (openid)`.
    pub scopes: String,
    /// The claim with the organizations, such as `the claim orgs`; `None` when the token has none.
    pub organization: Option<String>,
    /// The claims for organizations.
    pub organizations: String,
}

impl ClaimMapping {
    /// The claims of the tokens that the gateway signs itself.
    pub fn own() -> Self {
        Self {
            subject: path("sub"),
            scopes: vec![path("scope")],
            scope_prefix: None,
            scope_map: BTreeMap::new(),
            organizations: Organizations::Claims(vec![path("orgs"), path("org_id")]),
            form: TokenForm::Own,
        }
    }

    /// The subject, which becomes the actor of changes: no blank, and nothing that a database or a log can't keep.
    pub(super) fn subject(&self, payload: &Payload) -> Result<String, TokenError> {
        let values = self.subject.find(payload);
        let Some(value) = values.first() else {
            return Err(TokenError::missing(self.subject.as_str()).with_remedy(NAME_THE_SUBJECT));
        };
        match value {
            Value::String(text) if values.len() == 1 && is_line(text) => Ok(text.clone()),
            value => Err(TokenError::invalid(self.subject.as_str(), value, SUBJECT)),
        }
    }

    /// The scopes that the token grants.
    pub(super) fn scopes(&self, payload: &Payload) -> Result<Scopes, TokenError> {
        let mut granted = Scopes::NONE;
        for claim in &self.scopes {
            granted = self
                .names(claim, payload)?
                .into_iter()
                .fold(granted, |all, name| all.union(self.grant(name)));
        }
        Ok(granted)
    }

    /// The scopes that one name stands for. The map comes first, so that it can also take a scope away.
    pub(super) fn grant(&self, name: &str) -> Scopes {
        let bare = match &self.scope_prefix {
            Some(prefix) => name.strip_prefix(prefix.as_str()),
            None => Some(name),
        };
        let mapped = self.scope_map.get(name).or_else(|| self.scope_map.get(bare?));
        mapped
            .copied()
            .unwrap_or_else(|| bare.and_then(|name| name.parse::<Scope>().ok()).into_iter().collect())
    }

    /// The names in a claim for scopes.
    pub(super) fn names<'a>(
        &self,
        claim: &ClaimPath,
        payload: &'a Payload,
    ) -> Result<Vec<&'a str>, TokenError> {
        let mut names = Vec::new();
        for value in claim.find(payload) {
            match value {
                Value::String(text) => names.extend(text.split_ascii_whitespace()),
                Value::Array(items) if self.form != TokenForm::Own && items.iter().all(Value::is_string) => {
                    names.extend(items.iter().filter_map(Value::as_str));
                }
                value if self.form == TokenForm::Own => {
                    return Err(TokenError::invalid(claim.as_str(), value, STRING).with_remedy(TAKE_STRINGS));
                }
                value => return Err(refused(claim, value, STRINGS, NAME_A_MEMBER)),
            }
        }
        Ok(names)
    }

    /// The organizations that the token names, each once.
    pub(super) fn organizations(&self, payload: &Payload) -> Result<NamedOrganizations, TokenError> {
        let names = match &self.organizations {
            Organizations::Fixed(name) => vec![name.clone()],
            Organizations::Claims(claims) => {
                let mut present = claims.iter().filter(|claim| !claim.find(payload).is_empty());
                match (present.next(), present.next()) {
                    (Some(first), Some(second)) => return Err(ambiguous(first, second)),
                    (Some(claim), None) => self.organizations_in(claim, payload)?,
                    (None, _) => Vec::new(),
                }
            }
        };
        let mut named = NamedOrganizations::default();
        for name in names {
            match name {
                OrganizationName::Number(number) => named.numbers.push(number),
                OrganizationName::External(id) => named.external_ids.push(id),
            }
        }
        named.numbers.sort_unstable();
        named.numbers.dedup();
        named.external_ids.sort_unstable();
        named.external_ids.dedup();
        Ok(named)
    }

    /// The organizations in one claim.
    pub(super) fn organizations_in(
        &self,
        claim: &ClaimPath,
        payload: &Payload,
    ) -> Result<Vec<OrganizationName>, TokenError> {
        if self.form == TokenForm::Own {
            return own_organizations(claim, payload);
        }
        let mut names = Vec::new();
        for value in claim.find(payload) {
            let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for item in items {
                let name = self.organization(item);
                names.push(name.ok_or_else(|| refused(claim, value, IDS, NAME_AN_ORGANIZATION))?);
            }
        }
        Ok(names)
    }

    fn organization(&self, value: &Value) -> Option<OrganizationName> {
        match value {
            Value::String(text) if !is_line(text) => None,
            Value::String(text) if self.form == TokenForm::Mixed => Some(OrganizationName::parse(text)),
            Value::String(text) => Some(OrganizationName::External(text.clone())),
            value if self.form == TokenForm::Mixed => positive(value).map(OrganizationName::Number),
            value => positive(value).map(|number| OrganizationName::External(number.to_string())),
        }
    }

    /// What was read, for errors about missing scopes and organizations.
    pub(super) fn claims_read(&self, payload: &Payload) -> ClaimsRead {
        let scopes = self.scopes.iter().map(|claim| match self.names(claim, payload) {
            Ok(names) if !names.is_empty() => format!("{claim} ({})", listed(names)),
            _ => format!("{claim} (nothing)"),
        });
        let scopes = format!("{}{}", claims(scopes), not(unread_scopes(&self.scopes, payload)));
        let (organization, organizations) = match &self.organizations {
            Organizations::Fixed(_) => (None, "none: the issuer has the setting organization".to_owned()),
            Organizations::Claims(paths) => {
                let present = paths.iter().find(|claim| !claim.find(payload).is_empty());
                let all = claims(paths.iter().map(ClaimPath::to_string));
                let unread = not(unread_organizations(paths, payload));
                (present.map(|claim| format!("the claim {claim}")), format!("{all}{unread}"))
            }
        };
        ClaimsRead { scopes, organization, organizations }
    }
}

/// The names of claims, as in a sentence.
fn claims(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    match names.as_slice() {
        [] => "no claim".to_owned(),
        [one] => format!("the claim {one}"),
        names => format!("the claims {}", names.join(", ")),
    }
}

/// Claims that are there and were not read.
fn not(unread: Vec<&str>) -> String {
    if unread.is_empty() { String::new() } else { format!(", and not from {}", unread.join(" and ")) }
}

pub(super) fn path(text: &str) -> ClaimPath {
    ClaimPath::parse(text).unwrap_or_else(|| unreachable!("the constant paths are valid"))
}

/// The numbers in `orgs` or in `org_id`.
fn own_organizations(claim: &ClaimPath, payload: &Payload) -> Result<Vec<OrganizationName>, TokenError> {
    let values = claim.find(payload);
    let Some(value) = values.first() else { return Ok(Vec::new()) };
    let is_list = claim.as_str() == "orgs";
    let numbers: Option<Vec<i64>> = match value {
        Value::Array(items) if is_list => items.iter().map(positive).collect(),
        value if !is_list => positive(value).map(|number| vec![number]),
        _ => None,
    };
    let allowed = if is_list { NUMBERS } else { NUMBER };
    let numbers = numbers
        .ok_or_else(|| TokenError::invalid(claim.as_str(), value, allowed).with_remedy(TAKE_EXTERNAL_IDS))?;
    Ok(numbers.into_iter().map(OrganizationName::Number).collect())
}

fn positive(value: &Value) -> Option<i64> {
    value.as_i64().filter(|number| *number > 0)
}

fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

fn refused(
    claim: &ClaimPath,
    value: &Value,
    allowed: &'static str,
    remedy_of_object: &'static str,
) -> TokenError {
    let error = TokenError::invalid(claim.as_str(), value, allowed);
    if value.is_object() { error.with_remedy(remedy_of_object) } else { error }
}

/// Which of two claims grants would be a guess, also where they agree.
fn ambiguous(first: &ClaimPath, second: &ClaimPath) -> TokenError {
    TokenError::Invalid {
        claim: second.to_string(),
        found: "present".to_owned(),
        allowed: format!("absent beside {first}"),
        remedy: ONE_CLAIM,
    }
}
