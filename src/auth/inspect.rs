//! What the gateway makes of a token, claim by claim: for the operator who configures an issuer.
//!
//! Uses the functions of the verification itself. May import the other files of `auth` that know tokens.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::claims::{Audience, Claims, LEEWAY, date};
use super::jwt::{Issuer, MAX_TOKEN_BYTES, Parts, TokenVerifier};
use super::mapping::{OrganizationName, Organizations};
use super::payload::{ClaimPath, Payload};
use super::token_error::{TokenError, quoted};

/// The most characters of a value that are shown.
const MOST_SHOWN: usize = 200;

/// A token as the gateway sees it.
#[derive(Debug)]
pub struct Inspection {
    /// The parts of the header and the claims, in the order in which they are checked.
    pub claims: Vec<InspectedClaim>,
    /// What verification says.
    pub verdict: Result<Claims, TokenError>,
}

/// One claim, or part of the header.
#[derive(Debug, PartialEq, Eq)]
pub struct InspectedClaim {
    /// Its name.
    pub name: String,
    /// Its value in the token, shortened.
    pub value: String,
    /// What it means here, or why the token is refused for it.
    pub meaning: String,
}

impl TokenVerifier {
    /// Verifies a token and explains the result.
    pub async fn inspect(&self, token: &str, now: DateTime<Utc>) -> Inspection {
        let verdict = self.verify(token, now).await;
        let mut report = Report { claims: Vec::new() };
        if token.len() <= MAX_TOKEN_BYTES
            && let Ok(parts) = Parts::of(token)
        {
            self.explain(&parts, now, &mut report).await;
        }
        Inspection { claims: report.claims, verdict }
    }

    async fn explain(&self, parts: &Parts<'_>, now: DateTime<Utc>, report: &mut Report) {
        let issuer = self.issuer(parts);
        let payload = parts.claims();
        let issuer_name = payload.as_ref().ok().and_then(|payload| payload.get("iss")).map(shown);
        match &issuer {
            Ok(_) => report.add("iss", issuer_name.unwrap_or_default(), "a configured issuer"),
            Err(error) => {
                let known: Vec<String> = self.issuers.iter().map(|issuer| quoted(&issuer.name)).collect();
                let meaning = format!("{error} Configured are: {}", known.join(", "));
                report.add("iss", issuer_name.unwrap_or_default(), meaning);
            }
        }
        let Ok(issuer) = issuer else { return };
        report.add(
            "header alg",
            quoted(&parts.header.alg),
            format!("algorithms of the issuer: {}", issuer.allowed()),
        );
        report.add(
            "header kid",
            parts.header.kid.as_deref().map(quoted).unwrap_or_default(),
            "selects the key",
        );
        let signature = issuer.check_signature(parts).await;
        if let (Err(TokenError::KeysUnavailable), Some(trouble)) = (&signature, issuer.key_trouble()) {
            report.add("keys", String::new(), trouble);
        }
        report.add("signature", String::new(), meaning(signature.map(|_| "valid".to_owned())));
        match payload {
            Ok(payload) => issuer.explain(&payload, now, report),
            Err(error) => report.add("payload", String::new(), error.to_string()),
        }
    }
}

impl Issuer {
    fn allowed(&self) -> String {
        if self.algorithms.is_empty() {
            "those of its discovery document".to_owned()
        } else {
            self.algorithms.to_string()
        }
    }

    fn explain(&self, payload: &Payload, now: DateTime<Utc>, report: &mut Report) {
        let rules = &self.rules;
        match &rules.audience {
            Audience::Any => {
                report.add("aud", value_at("aud", payload), "not read: any audience is accepted")
            }
            Audience::Named { claim, names } => {
                let good = format!(
                    "contains one of {}",
                    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
                );
                report.claim(claim, payload, meaning(rules.check_audience(payload).map(|()| good)));
            }
        }
        let times =
            rules.check_times(payload, now).map(|_| format!("valid; {LEEWAY} s of clock skew are tolerated"));
        for name in ["exp", "iat", "nbf"] {
            let time =
                date(name, payload).ok().flatten().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
            let time = time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default();
            report.add(name, value_at(name, payload), time);
        }
        report.add("lifetime", String::new(), meaning(times));
        let mapping = &rules.mapping;
        report.claim(
            &mapping.subject,
            payload,
            meaning(mapping.subject(payload).map(|_| "the subject".to_owned())),
        );
        for claim in &mapping.scopes {
            let granted = mapping.names(claim, payload).map(|names| {
                let granted: Vec<String> = names
                    .iter()
                    .map(|name| format!("{} -> {}", quoted(name), or_nothing(mapping.grant(name))))
                    .collect();
                if granted.is_empty() { "grants nothing".to_owned() } else { granted.join(", ") }
            });
            report.claim(claim, payload, meaning(granted));
        }
        match &mapping.organizations {
            Organizations::Fixed(name) => {
                report.add(
                    "organization",
                    String::new(),
                    format!("{} of the configuration", organization(name)),
                );
            }
            Organizations::Claims(claims) => {
                for claim in claims {
                    let names = mapping.organizations_in(claim, payload).map(|names| {
                        let names: Vec<String> = names.iter().map(organization).collect();
                        if names.is_empty() { "no organization".to_owned() } else { names.join(", ") }
                    });
                    report.claim(claim, payload, meaning(names));
                }
                if let Err(error) = mapping.organizations(payload) {
                    report.add("organizations", String::new(), error.to_string());
                }
            }
        }
        report.add_rest(payload, self.claims_read());
    }

    /// The names of the claims that are read.
    fn claims_read(&self) -> BTreeSet<String> {
        let mut read: BTreeSet<String> = ["iss", "exp", "iat", "nbf"].map(str::to_owned).into();
        if let Audience::Named { claim, .. } = &self.rules.audience {
            read.insert(claim.root());
        }
        let mapping = &self.rules.mapping;
        read.insert(mapping.subject.root());
        read.extend(mapping.scopes.iter().map(ClaimPath::root));
        if let Organizations::Claims(claims) = &mapping.organizations {
            read.extend(claims.iter().map(ClaimPath::root));
        }
        read
    }
}

struct Report {
    claims: Vec<InspectedClaim>,
}

impl Report {
    fn add(&mut self, name: &str, value: String, meaning: impl Into<String>) {
        self.claims.push(InspectedClaim { name: name.to_owned(), value, meaning: meaning.into() });
    }

    fn claim(&mut self, claim: &ClaimPath, payload: &Payload, meaning: String) {
        let values: Vec<String> = claim.find(payload).into_iter().map(shown).collect();
        self.add(
            claim.as_str(),
            if values.is_empty() { "absent".to_owned() } else { values.join(", ") },
            meaning,
        );
    }

    fn add_rest(&mut self, payload: &Payload, read: BTreeSet<String>) {
        let rest: Vec<String> = payload.names().filter(|name| !read.contains(*name)).map(quoted).collect();
        if !rest.is_empty() {
            self.add("not read", String::new(), rest.join(", "));
        }
    }
}

fn meaning(result: Result<String, TokenError>) -> String {
    result.unwrap_or_else(|error| format!("REFUSED: {error}"))
}

fn or_nothing(scopes: super::Scopes) -> String {
    if scopes == super::Scopes::NONE { "nothing".to_owned() } else { scopes.to_string() }
}

fn organization(name: &OrganizationName) -> String {
    match name {
        OrganizationName::Number(number) => format!("org_{number}"),
        OrganizationName::External(id) => format!("the organization with the external id {}", quoted(id)),
    }
}

fn value_at(name: &str, payload: &Payload) -> String {
    payload.get(name).map_or_else(|| "absent".to_owned(), shown)
}

/// A value as JSON, shortened; control characters are escaped there.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
