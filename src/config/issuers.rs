//! `[[auth.issuers]]`, or the short form `[auth]` for one issuer.
//!
//! Reads the files of public keys and checks every key, so that a bad one is reported with all other problems.

use std::path::PathBuf;

use super::read::Needs;
use super::source::{Section, Settings};
use super::{Auth, Issuer};
use crate::auth::{Algorithm, IssuerKey, KeyMaterial};

const ALGORITHM: &str = "give HS256, RS256, ES256 or EdDSA";
const ONE_KEY: &str = "give secret (HS256) or public_key_file (RS256, ES256, EdDSA)";

pub(super) fn read(settings: &mut Settings, needs: Needs) -> Auth {
    let mut section = settings.section("auth");
    let listed = section.has("issuers");
    let tables = section.tables("issuers");
    if listed && !section.is_empty() {
        let remedy =
            "put all settings of an issuer into [[auth.issuers]], or those of the only one into [auth]";
        section.problem("issuers", format!("there are issuers here and in [auth]; {remedy}"));
    }
    if !listed && section.is_empty() {
        if needs == Needs::DatabaseAndIssuer {
            section.problem("issuer", "it is not set; set issuer, audience, algorithm and a key in [auth]");
        }
        return Auth::default();
    }
    let short = (!section.is_empty()).then(|| issuer(section)).flatten();
    let mut issuers = Vec::from_iter(short);
    for (path, table) in tables {
        issuers.extend(issuer(settings.table(path, table)));
    }
    report_duplicates(settings, &issuers);
    Auth { issuers }
}

fn report_duplicates(settings: &mut Settings, issuers: &[Issuer]) {
    for (index, Issuer { key, .. }) in issuers.iter().enumerate() {
        if issuers[..index].iter().any(|earlier| earlier.key.issuer == key.issuer) {
            let wrong = format!("{:?} is there twice", key.issuer);
            settings.report("auth.issuers", format!("{wrong}; give each issuer one key"));
        }
    }
}

fn issuer(mut section: Section<'_>) -> Option<Issuer> {
    let issuer = settings_of_issuer(&mut section);
    if let Some(Issuer { key, public_key_file, .. }) = &issuer
        && let Err(error) = key.check()
    {
        let setting = if public_key_file.is_some() { "public_key_file" } else { "secret" };
        section.problem(setting, error.to_string());
    }
    section.finish();
    issuer
}

/// Takes every setting, so that each is checked, before one that is missing ends it.
fn settings_of_issuer(section: &mut Section<'_>) -> Option<Issuer> {
    let issuer = required(section, "issuer", "give what the iss claim of the tokens says");
    let audience = required(section, "audience", "give the name that the aud claim must hold");
    let algorithm = required(section, "algorithm", ALGORITHM).and_then(|text| algorithm(section, &text));
    let key = key(section);
    let private_key_file = section.text("private_key_file").map(PathBuf::from);
    let (key, public_key_file) = key?;
    let key = IssuerKey { issuer: issuer?, audience: audience?, algorithm: algorithm?, key };
    Some(Issuer { key, public_key_file, private_key_file })
}

fn required(section: &mut Section<'_>, key: &'static str, remedy: &str) -> Option<String> {
    if !section.has(key) {
        section.problem(key, format!("it is not set; {remedy}"));
    }
    let text = section.text(key)?;
    if text.trim().is_empty() {
        section.problem(key, format!("it is blank; {remedy}"));
        return None;
    }
    Some(text)
}

fn algorithm(section: &mut Section<'_>, text: &str) -> Option<Algorithm> {
    let algorithm = text.parse().ok();
    if algorithm.is_none() {
        section.problem("algorithm", format!("{text:?} is not valid; {ALGORITHM}"));
    }
    algorithm
}

/// The one key of an issuer, and the file it came from.
fn key(section: &mut Section<'_>) -> Option<(KeyMaterial, Option<PathBuf>)> {
    if !["secret", "public_key_file", "jwks_file", "jwks_url"].iter().any(|key| section.has(key)) {
        section.problem("secret", format!("there is no key; {ONE_KEY}"));
    }
    refuse_key_sets(section);
    match (section.text("secret"), section.text("public_key_file")) {
        (Some(secret), None) => Some((KeyMaterial::Secret(secret.into_bytes()), None)),
        (None, Some(file)) => public_key(section, PathBuf::from(file)),
        (Some(_), Some(_)) => {
            section.problem("secret", format!("there is public_key_file too; {ONE_KEY}, not both"));
            None
        }
        (None, None) => None,
    }
}

fn public_key(section: &mut Section<'_>, file: PathBuf) -> Option<(KeyMaterial, Option<PathBuf>)> {
    match std::fs::read_to_string(&file) {
        Ok(pem) => Some((KeyMaterial::PublicPem(pem), Some(file))),
        Err(error) => {
            let wrong = format!("{} cannot be read ({error})", file.display());
            section.problem("public_key_file", format!("{wrong}; name a PEM file that can"));
            None
        }
    }
}

fn refuse_key_sets(section: &mut Section<'_>) {
    for key in ["jwks_file", "jwks_url"] {
        if section.text(key).is_some() {
            let remedy = "give the issuer's key as PEM in public_key_file";
            section.problem(key, format!("key sets are not supported yet; {remedy}"));
        }
    }
}
