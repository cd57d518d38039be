//! `[[auth.issuers]]`, or the short form `[auth]` for one issuer.
//!
//! Reads the files of public keys and checks every key, so that a bad one is reported with all other problems.

use std::path::PathBuf;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::{Table, Value};
use url::Url;

use super::read::Needs;
use super::source::Settings;
use super::value::{parsed, text};
use super::{Auth, Issuer};
use crate::auth::{Algorithm, IssuerKey, KeyError, KeyMaterial};

const ALGORITHM: &str = "use HS256, RS256, ES256 or EdDSA";
const KEYS: [&str; 4] = ["secret", "public_key_file", "jwks_file", "jwks_url"];
const ONE_KEY: &str = "set secret (HS256), or public_key_file, jwks_file or jwks_url (RS256, ES256, EdDSA)";
const REQUIRED: [(&str, &str); 3] = [
    ("issuer", "set it to the iss claim of the tokens"),
    ("audience", "set it to the required aud claim of the tokens"),
    ("algorithm", ALGORITHM),
];

/// The settings of an issuer, as they are given.
#[derive(Default, Deserialize)]
#[serde(default)]
struct IssuerSettings {
    #[serde(deserialize_with = "text")]
    issuer: Option<String>,
    #[serde(deserialize_with = "text")]
    audience: Option<String>,
    #[serde(deserialize_with = "algorithm")]
    algorithm: Option<Algorithm>,
    #[serde(deserialize_with = "text")]
    secret: Option<String>,
    #[serde(deserialize_with = "text")]
    public_key_file: Option<String>,
    #[serde(deserialize_with = "text")]
    jwks_file: Option<String>,
    #[serde(deserialize_with = "jwks_url")]
    jwks_url: Option<Url>,
    #[serde(deserialize_with = "text")]
    private_key_file: Option<String>,
}

fn algorithm<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Algorithm>, D::Error> {
    parsed(from, ALGORITHM, |text| text.parse().ok()).map(Some)
}

fn jwks_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    let remedy =
        "set it to the URL of the key set, for example https://login.example.com/.well-known/jwks.json";
    parsed(from, remedy, |text| Url::parse(text).ok()).map(Some)
}

pub(super) fn read(settings: &mut Settings, needs: Needs) -> Auth {
    let mut auth = settings.section("auth");
    let listed = auth.remove("issuers");
    if listed.is_some() && !auth.is_empty() {
        let remedy = "configure all issuers in [[auth.issuers]], or a single issuer in [auth]";
        let message = format!("issuers are configured both here and in [auth]; {remedy}");
        settings.problem("auth.issuers", message);
    }
    if listed.is_none() && auth.is_empty() && needs == Needs::DatabaseAndIssuer {
        settings.problem("auth.issuer", "not set; set issuer, audience, algorithm and a key in [auth]");
    }
    let mut issuers = Vec::new();
    if !auth.is_empty() {
        issuers.extend(issuer(settings, "auth", auth));
    }
    for (index, table) in tables(settings, listed).into_iter().enumerate() {
        issuers.extend(issuer(settings, &format!("auth.issuers[{index}]"), table));
    }
    report_duplicates(settings, &issuers);
    Auth { issuers }
}

fn tables(settings: &mut Settings, listed: Option<Value>) -> Vec<Table> {
    let tables = listed.map_or(Ok(Vec::new()), Value::try_into);
    tables.unwrap_or_else(|_| {
        let remedy = "write [[auth.issuers]] above each, in the file";
        settings.problem("auth.issuers", format!("not a list of sections; {remedy}"));
        Vec::new()
    })
}

fn report_duplicates(settings: &mut Settings, issuers: &[Issuer]) {
    for (index, Issuer { key, .. }) in issuers.iter().enumerate() {
        if issuers[..index].iter().any(|earlier| earlier.key.issuer == key.issuer) {
            let wrong = format!("{:?} is configured twice", key.issuer);
            settings.problem("auth.issuers", format!("{wrong}; configure each issuer once"));
        }
    }
}

fn issuer(settings: &mut Settings, path: &str, mut table: Table) -> Option<Issuer> {
    check_required(settings, path, &mut table);
    let has_one_key = check_keys(settings, path, &table);
    let given: IssuerSettings = settings.read_table(path, table);
    if !has_one_key {
        return None;
    }
    let public_key = match &given.public_key_file {
        Some(file) => Some(public_key(settings, path, file)?),
        None => None,
    };
    let secret = given.secret.map(|secret| KeyMaterial::Secret(secret.into_bytes()));
    let key_set_file = given.jwks_file.map(|file| KeyMaterial::KeySetFile(file.into()));
    let key_set_url = given.jwks_url.map(KeyMaterial::KeySetUrl);
    let key = IssuerKey {
        issuer: given.issuer?,
        audience: given.audience?,
        algorithm: given.algorithm?,
        key: public_key.or(secret).or(key_set_file).or(key_set_url)?,
    };
    if let Err(error) = key.check() {
        let (setting, wrong) = complaint(&key.key, &error);
        settings.problem(&format!("{path}.{setting}"), wrong);
    }
    let [public_key_file, private_key_file] =
        [given.public_key_file, given.private_key_file].map(|file| file.map(PathBuf::from));
    Some(Issuer { key, public_key_file, private_key_file })
}

/// Reports required settings that are absent or blank, and removes the blank ones.
fn check_required(settings: &mut Settings, path: &str, table: &mut Table) {
    for (key, remedy) in REQUIRED {
        let wrong = match table.get(key) {
            None => "not set",
            Some(Value::String(text)) if text.trim().is_empty() => "must not be blank",
            Some(_) => continue,
        };
        settings.problem(&format!("{path}.{key}"), format!("{wrong}; {remedy}"));
        table.remove(key);
    }
}

/// Whether exactly one key is given; else a problem is reported.
fn check_keys(settings: &mut Settings, path: &str, table: &Table) -> bool {
    let given: Vec<&str> = KEYS.into_iter().filter(|key| table.contains_key(*key)).collect();
    let (setting, message) = match given[..] {
        [_] => return true,
        [] => ("secret", format!("no key is configured; {ONE_KEY}")),
        [first, second, ..] => (first, format!("{second} is set too; {ONE_KEY}, and only one of them")),
    };
    settings.problem(&format!("{path}.{setting}"), message);
    false
}

fn public_key(settings: &mut Settings, path: &str, file: &str) -> Option<KeyMaterial> {
    let pem = std::fs::read_to_string(file).map_err(|error| {
        let message = format!("{file} cannot be read ({error}); set it to a readable PEM file");
        settings.problem(&format!("{path}.public_key_file"), message);
    });
    pem.ok().map(KeyMaterial::PublicPem)
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

/// An issuer as it was configured, with its secret hidden.
impl Serialize for Issuer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { key, public_key_file, private_key_file } = self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("issuer", &key.issuer)?;
        map.serialize_entry("audience", &key.audience)?;
        map.serialize_entry("algorithm", key.algorithm.name())?;
        match &key.key {
            KeyMaterial::Secret(_) => map.serialize_entry("secret", "hidden")?,
            // Its file is what was configured.
            KeyMaterial::PublicPem(_) => {}
            KeyMaterial::KeySetFile(file) => map.serialize_entry("jwks_file", file)?,
            KeyMaterial::KeySetUrl(url) => map.serialize_entry("jwks_url", url.as_str())?,
        }
        for (name, file) in [("public_key_file", public_key_file), ("private_key_file", private_key_file)] {
            if let Some(file) = file {
                map.serialize_entry(name, file)?;
            }
        }
        map.end()
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
