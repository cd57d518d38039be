//! What the tokens of well-known identity providers look like: the defaults of an issuer with `provider`.
//!
//! May import the other files of `auth` that know tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::MAX_TOKEN_LIFETIME;
use super::algorithm::{Algorithm, Algorithms};
use super::mapping::{ClaimMapping, Organizations, TokenForm, path};
use super::payload::{ClaimPath, Payload};

/// Access tokens whose sessions Microsoft can end early live for up to 28 hours, and begin some minutes before they are
/// issued.
const ENTRA_LIFETIME: Duration = Duration::from_hours(29);

/// An identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Auth0: organizations in `org_id`, permissions of its role-based access control in `permissions`.
    Auth0,
    /// Okta: scopes in the list `scp`.
    Okta,
    /// Microsoft Entra ID: delegated scopes in `scp`, app roles in `roles`, the tenant in `tid`.
    Entra,
    /// Keycloak: realm roles in `realm_access`, aliases of organizations in `organization`.
    Keycloak,
    /// Clerk's session tokens, version 2 (`o`) and 1 (`org_id`).
    Clerk,
    /// Amazon Cognito's access tokens, whose audience is in `client_id`.
    Cognito,
    /// Supabase Auth: what only the project may set is in `app_metadata`.
    Supabase,
}

/// The claims of a provider, in the order of the documentation.
struct Shape {
    algorithms: &'static [Algorithm],
    scopes: &'static [&'static str],
    organizations: &'static [&'static str],
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 7] =
        [Self::Auth0, Self::Okta, Self::Entra, Self::Keycloak, Self::Clerk, Self::Cognito, Self::Supabase];

    const fn shape(self) -> Shape {
        let (algorithms, scopes, organizations): (&[Algorithm], &[&str], &[&str]) = match self {
            Self::Auth0 => (&[Algorithm::RS256], &["scope", "permissions"], &["org_id"]),
            Self::Okta => (&[Algorithm::RS256], &["scp"], &["org_id"]),
            Self::Entra => (&[Algorithm::RS256], &["scp", "roles"], &["tid"]),
            Self::Keycloak => (&[Algorithm::RS256], &["scope", "/realm_access/roles"], &["organization"]),
            Self::Clerk => {
                (&[Algorithm::RS256], &["/o/rol", "org_role", "org_permissions"], &["/o/id", "org_id"])
            }
            Self::Cognito => (&[Algorithm::RS256], &["scope", "cognito:groups"], &["org_id"]),
            Self::Supabase => (
                &[Algorithm::ES256, Algorithm::RS256],
                &["/app_metadata/scopes", "role"],
                &["/app_metadata/org_id"],
            ),
        };
        Shape { algorithms, scopes, organizations }
    }

    /// The algorithms that the provider signs with.
    pub fn algorithms(self) -> Algorithms {
        self.shape().algorithms.iter().copied().collect()
    }

    /// The claim with the audience.
    pub const fn audience_claim(self) -> &'static str {
        match self {
            Self::Cognito => "client_id",
            _ => "aud",
        }
    }

    /// The longest lifetime of its tokens that is accepted.
    pub const fn max_lifetime(self) -> Duration {
        match self {
            Self::Entra => ENTRA_LIFETIME,
            _ => MAX_TOKEN_LIFETIME,
        }
    }

    /// What its claims mean. Its organizations are known by their external ids only: people at the provider may choose
    /// names there, so a name must never be taken for a number of the gateway's.
    pub fn mapping(self) -> ClaimMapping {
        let Shape { scopes, organizations, .. } = self.shape();
        ClaimMapping {
            subject: path("sub"),
            scopes: scopes.iter().map(|claim| path(claim)).collect(),
            scope_prefix: self.scope_prefix().map(str::to_owned),
            scope_map: BTreeMap::new(),
            organizations: Organizations::Claims(organizations.iter().map(|claim| path(claim)).collect()),
            form: TokenForm::Provider,
        }
    }

    /// Clerk's roles and permissions of an organization begin so. Without it, its role `org:admin` would be taken for the
    /// scope of this name.
    const fn scope_prefix(self) -> Option<&'static str> {
        match self {
            Self::Clerk => Some("org:"),
            _ => None,
        }
    }
}

/// The claims of a token that well-known providers put scopes and roles into, but that are not read: for errors.
pub(super) fn unread_scopes(read: &[ClaimPath], payload: &Payload) -> Vec<&'static str> {
    unread(Provider::ALL.into_iter().flat_map(|provider| provider.shape().scopes), read, payload)
}

/// The same of organizations.
pub(super) fn unread_organizations(read: &[ClaimPath], payload: &Payload) -> Vec<&'static str> {
    unread(Provider::ALL.into_iter().flat_map(|provider| provider.shape().organizations), read, payload)
}

/// The claim by which a token is certainly an ID token: it is for the application that signed the user in, never for an API.
pub(super) fn id_token_claim(payload: &Payload) -> Option<&'static str> {
    let says = |name, text| payload.get(name).and_then(Value::as_str) == Some(text);
    // Cognito, Keycloak, and the hashes of OpenID Connect, which no other token has.
    if says("token_use", "id") {
        return Some("token_use");
    }
    if says("typ", "ID") {
        return Some("typ");
    }
    ["at_hash", "c_hash"].into_iter().find(|name| payload.get(name).is_some())
}

fn unread(
    known: impl Iterator<Item = &'static &'static str>,
    read: &[ClaimPath],
    payload: &Payload,
) -> Vec<&'static str> {
    let mut unread: Vec<&str> = Vec::new();
    for name in known.copied() {
        let is_new = !unread.contains(&name) && read.iter().all(|claim| claim.as_str() != name);
        if is_new && !path(name).find(payload).is_empty() {
            unread.push(name);
        }
    }
    unread
}
