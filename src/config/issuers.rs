//! `[[auth.issuers]]`, or the short form `[auth]` for one issuer.
//!
//! Reads the files of public keys and checks every key, so that a bad one is reported with all other problems.

use std::path::PathBuf;

use url::Url;

use super::read::Needs;
use super::source::{Section, Settings};
use super::{Auth, Issuer};
use crate::auth::{Algorithm, IssuerKey, KeyError, KeyMaterial};

const ALGORITHM: &str = "use HS256, RS256, ES256 or EdDSA";
const KEYS: [&str; 4] = ["secret", "public_key_file", "jwks_file", "jwks_url"];
const ONE_KEY: &str = "set secret (HS256), or public_key_file, jwks_file or jwks_url (RS256, ES256, EdDSA)";

pub(super) fn read(settings: &mut Settings, needs: Needs) -> Auth {
    let mut section = settings.section("auth");
    let listed = section.has("issuers");
    let tables = section.tables("issuers");
    if listed && !section.is_empty() {
        let remedy = "configure all issuers in [[auth.issuers]], or a single issuer in [auth]";
        section.problem("issuers", format!("issuers are configured both here and in [auth]; {remedy}"));
    }
    if !listed && section.is_empty() {
        if needs == Needs::DatabaseAndIssuer {
            section.problem("issuer", "not set; set issuer, audience, algorithm and a key in [auth]");
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
            let wrong = format!("{:?} is configured twice", key.issuer);
            settings.report("auth.issuers", format!("{wrong}; configure each issuer once"));
        }
    }
}

fn issuer(mut section: Section<'_>) -> Option<Issuer> {
    let issuer = settings_of_issuer(&mut section);
    if let Some(Issuer { key, .. }) = &issuer
        && let Err(error) = key.check()
    {
        let (setting, wrong) = complaint(&key.key, &error);
        section.problem(setting, wrong);
    }
    section.finish();
    issuer
}

/// Takes every setting, so that each is checked, before one that is missing ends it.
fn settings_of_issuer(section: &mut Section<'_>) -> Option<Issuer> {
    let issuer = required(section, "issuer", "set it to the iss claim of the tokens");
    let audience = required(section, "audience", "set it to the required aud claim of the tokens");
    let algorithm = required(section, "algorithm", ALGORITHM).and_then(|text| algorithm(section, &text));
    let key = key(section);
    let private_key_file = section.text("private_key_file").map(PathBuf::from);
    let (key, public_key_file) = key?;
    let key = IssuerKey { issuer: issuer?, audience: audience?, algorithm: algorithm?, key };
    Some(Issuer { key, public_key_file, private_key_file })
}

fn required(section: &mut Section<'_>, key: &'static str, remedy: &str) -> Option<String> {
    if !section.has(key) {
        section.problem(key, format!("not set; {remedy}"));
    }
    let text = section.text(key)?;
    if text.trim().is_empty() {
        section.problem(key, format!("must not be blank; {remedy}"));
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

/// The one key of an issuer, and the file that a public key came from.
fn key(section: &mut Section<'_>) -> Option<(KeyMaterial, Option<PathBuf>)> {
    let given: Vec<&str> = KEYS.into_iter().filter(|key| section.has(key)).collect();
    match given[..] {
        [] => section.problem("secret", format!("no key is configured; {ONE_KEY}")),
        [first, second, ..] => {
            section.problem(first, format!("{second} is set too; {ONE_KEY}, and only one of them"));
        }
        [_] => {}
    }
    let secret = section.text("secret").map(|secret| KeyMaterial::Secret(secret.into_bytes()));
    let public_key_file = section.text("public_key_file").map(PathBuf::from);
    let set_file = section.text("jwks_file").map(|file| KeyMaterial::KeySetFile(file.into()));
    let remedy =
        "set it to the URL of the key set, for example https://login.example.com/.well-known/jwks.json";
    let set_url =
        section.parsed("jwks_url", remedy, |text| Url::parse(text).ok()).map(KeyMaterial::KeySetUrl);
    if given.len() > 1 {
        return None;
    }
    match public_key_file {
        Some(file) => public_key(section, file),
        None => secret.or(set_file).or(set_url).map(|key| (key, None)),
    }
}

fn public_key(section: &mut Section<'_>, file: PathBuf) -> Option<(KeyMaterial, Option<PathBuf>)> {
    match std::fs::read_to_string(&file) {
        Ok(pem) => Some((KeyMaterial::PublicPem(pem), Some(file))),
        Err(error) => {
            let wrong = format!("{} cannot be read ({error})", file.display());
            section.problem("public_key_file", format!("{wrong}; set it to a readable PEM file"));
            None
        }
    }
}

/// The setting that a key came from, and what is wrong with the key.
fn complaint(key: &KeyMaterial, error: &KeyError) -> (&'static str, String) {
    match key {
        KeyMaterial::Secret(_) => ("secret", error.to_string()),
        KeyMaterial::PublicPem(_) => ("public_key_file", error.to_string()),
        KeyMaterial::KeySetFile(file) => {
            ("jwks_file", format!("{}: {error}; set it to the file of a key set", file.display()))
        }
        KeyMaterial::KeySetUrl(_) => ("jwks_url", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::super::tests::load_text;

    #[test]
    fn key_sets_are_printed_as_they_were_configured() {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("keys.json");
        let keys =
            r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        fs::write(&file, keys).expect("a file");
        let issuer = |name: &str, setting: &str| {
            format!(
                "[[auth.issuers]]\nissuer = \"{name}\"\naudience = \"a\"\nalgorithm = \"EdDSA\"\n{setting}\n"
            )
        };
        let (file, url) =
            (format!("jwks_file = \"{}\"", file.display()), "jwks_url = \"https://i.test/keys?x\"");
        let text = format!("[database]\nurl = \"sqlite:x\"\n{}{}", issuer("one", &file), issuer("two", url));
        let printed = load_text(&text, &[]).expect("a good configuration").print();
        assert!(printed.contains(&file) && printed.contains(url), "{printed}");
        assert_eq!(load_text(&printed, &[]).expect("TOML").print(), printed);
    }
}
