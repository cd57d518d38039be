//! `[[auth.issuers]]`, or the short form `[auth]` for one issuer.
//!
//! Reads the files of public keys and checks every key, so that a bad one is reported with all other problems.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::{Table, Value};
use url::Url;

use super::duration::{MaxLifetime, max_lifetime};
use super::read::Needs;
use super::source::Settings;
use super::value::{flag, list, named, parsed, text};
use super::{Auth, Issuer};
use crate::auth::{
    Algorithm, Algorithms, Audience, ClaimMapping, ClaimPath, ClaimRules, IssuerConfig, KeyError,
    KeyMaterial, MAX_TOKEN_LIFETIME, OrganizationName, Organizations, Provider, Scope, Scopes, TokenForm,
    without_query,
};

const KEYS: [&str; 4] = ["secret", "public_key_file", "jwks_file", "jwks_url"];
const ONE_KEY: &str = "set secret (HS256, HS384, HS512), or public_key_file, jwks_file or jwks_url (the other algorithms), or \
                       set issuer to the https URL of an OpenID Connect provider, whose keys are discovered";
const NO_AUDIENCE: &str = "set it to the required aud claim of the tokens, or set accept_any_audience to true if the \
                           tokens have none";
const NO_ISSUER: &str = "not set; set provider (auth0, okta, entra, keycloak, clerk, cognito or supabase), issuer and audience, or \
                         issuer, audience, algorithms and a key, in [auth] or, for each of several issuers, in [[auth.issuers]]";
const CLAIM: &str = "use the name of a claim, or a JSON pointer, for example /realm_access/roles";

/// The settings of an issuer, as they are given.
#[derive(Default, Deserialize)]
#[serde(default)]
struct IssuerSettings {
    #[serde(deserialize_with = "text")]
    issuer: Option<String>,
    #[serde(deserialize_with = "provider")]
    provider: Option<Provider>,
    #[serde(deserialize_with = "names")]
    audience: Vec<String>,
    #[serde(deserialize_with = "claim")]
    audience_claim: Option<ClaimPath>,
    #[serde(deserialize_with = "flag")]
    accept_any_audience: bool,
    #[serde(deserialize_with = "algorithms")]
    algorithms: Algorithms,
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
    #[serde(deserialize_with = "max_lifetime::deserialize")]
    max_lifetime: Option<MaxLifetime>,
    #[serde(deserialize_with = "organization")]
    organization: Option<OrganizationName>,
    claims: Option<Value>,
    scope_map: Option<Value>,
}

/// `[auth.claims]`: where the claims of an issuer are.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ClaimSettings {
    #[serde(deserialize_with = "claim")]
    subject: Option<ClaimPath>,
    #[serde(deserialize_with = "claims")]
    scopes: Option<Vec<ClaimPath>>,
    #[serde(deserialize_with = "text")]
    scope_prefix: Option<String>,
    #[serde(deserialize_with = "claims")]
    organizations: Option<Vec<ClaimPath>>,
    #[serde(deserialize_with = "organization_ids")]
    organization_ids: Option<OrganizationIds>,
}

/// What the values of the claims for organizations may be.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OrganizationIds {
    /// External ids.
    External,
    /// External ids, numbers and `org_…` ids.
    Any,
}

fn provider<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Provider>, D::Error> {
    let remedy = "use auth0, okta, entra, keycloak, clerk, cognito or supabase";
    parsed(from, remedy, named).map(Some)
}

fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    list(from, "use a string that is not blank", |text| (!text.trim().is_empty()).then(|| text.to_owned()))
}

fn claim<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ClaimPath>, D::Error> {
    parsed(from, CLAIM, ClaimPath::parse).map(Some)
}

fn claims<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<ClaimPath>>, D::Error> {
    list(from, CLAIM, ClaimPath::parse).map(Some)
}

fn algorithms<'de, D: Deserializer<'de>>(from: D) -> Result<Algorithms, D::Error> {
    let algorithms = list(from, format_args!("use {}", Algorithms::all()), |text| text.parse().ok());
    algorithms.map(|algorithms: Vec<Algorithm>| algorithms.into_iter().collect())
}

fn algorithm<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Algorithm>, D::Error> {
    parsed(from, format_args!("use {}", Algorithms::all()), |text| text.parse().ok()).map(Some)
}

fn jwks_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    let remedy =
        "set it to the URL of the key set, for example https://login.example.com/.well-known/jwks.json";
    parsed(from, remedy, |text| Url::parse(text).ok()).map(Some)
}

fn organization<'de, D: Deserializer<'de>>(from: D) -> Result<Option<OrganizationName>, D::Error> {
    let remedy = "use the id or the external id of an organization, for example org_1";
    parsed(from, remedy, |text| (!text.trim().is_empty()).then(|| OrganizationName::parse(text))).map(Some)
}

fn organization_ids<'de, D: Deserializer<'de>>(from: D) -> Result<Option<OrganizationIds>, D::Error> {
    parsed(from, "use external, or any for numbers and org_… ids too", named).map(Some)
}

pub(super) fn read(settings: &mut Settings, needs: Needs) -> Auth {
    let mut auth = settings.section("auth");
    let listed = auth.remove("issuers");
    if listed.is_some() && !auth.is_empty() {
        let remedy = "configure all issuers in [[auth.issuers]], or a single issuer in [auth]";
        let message = format!("issuers are configured both here and in [auth]; {remedy}");
        settings.problem("auth.issuers", message);
    }
    let tables = tables(settings, listed);
    if auth.is_empty() && tables.as_ref().is_some_and(Vec::is_empty) && needs == Needs::DatabaseAndIssuer {
        settings.problem("auth.issuer", NO_ISSUER);
    }
    let mut issuers = Vec::new();
    if !auth.is_empty() {
        issuers.extend(issuer(settings, "auth", auth));
    }
    for (index, table) in tables.unwrap_or_default().into_iter().enumerate() {
        issuers.extend(issuer(settings, &format!("auth.issuers[{index}]"), table));
    }
    report_duplicates(settings, &issuers);
    Auth { issuers }
}

/// The listed issuers; `None` for what is no list, which is reported.
fn tables(settings: &mut Settings, listed: Option<Value>) -> Option<Vec<Table>> {
    if let Some(Value::String(json)) = &listed {
        return tables_of_json(settings, json);
    }
    let tables = listed.map_or(Ok(Vec::new()), Value::try_into);
    if tables.is_err() {
        let remedy = "write [[auth.issuers]] above each, in the file";
        settings.problem("auth.issuers", format!("not a list of sections; {remedy}"));
    }
    tables.ok()
}

/// The issuers in an environment variable.
fn tables_of_json(settings: &mut Settings, json: &str) -> Option<Vec<Table>> {
    let tables = serde_json::from_str(json).map_err(|error| {
        // Not the error's own text: it may quote a secret.
        let position = format!("line {}, column {}", error.line(), error.column());
        let remedy = "use the form [{\"issuer\": \"https://login.example.com/\", \"audience\": [\"contacts\"]}], with the settings of \
                      [[auth.issuers]] and without null";
        settings.problem("auth.issuers", format!("not a JSON list of issuers ({position}); {remedy}"));
    });
    tables.ok()
}

fn report_duplicates(settings: &mut Settings, issuers: &[Issuer]) {
    for (index, Issuer { verification, .. }) in issuers.iter().enumerate() {
        if issuers[..index].iter().any(|earlier| earlier.verification.issuer == verification.issuer) {
            let wrong = format!("{:?} is configured twice", verification.issuer);
            settings.problem("auth.issuers", format!("{wrong}; configure each issuer once"));
        }
    }
}

fn issuer(settings: &mut Settings, path: &str, mut table: Table) -> Option<Issuer> {
    // Also true if the file of the secret cannot be read, which is reported already.
    let has_secret = settings.read_secret(path, &mut table, "secret");
    let has_blank = remove_blank(settings, path, &mut table);
    if has_blank {
        settings.read_table::<IssuerSettings>(path, table);
        return None;
    }
    if !table.contains_key("issuer") {
        settings.problem(&format!("{path}.issuer"), "not set; set it to the iss claim of the tokens");
    }
    check_audience(settings, path, &table);
    let has_key = check_keys(settings, path, &table) || has_secret;
    let has_algorithm = ["algorithm", "algorithms", "provider"].iter().any(|key| table.contains_key(*key));
    let given: IssuerSettings = settings.read_table(path, table);
    let is_discovered = !has_key && given.can_be_discovered();
    if !has_algorithm && !is_discovered {
        let message = format!("not set; use {}", Algorithms::all());
        settings.problem(&format!("{path}.algorithms"), message);
    }
    if !has_key && !is_discovered {
        settings.problem(&format!("{path}.secret"), format!("no key is configured; {ONE_KEY}"));
    }
    let rules = rules(settings, path, &given);
    let algorithms = given.algorithms(settings, path);
    let key = if is_discovered { KeyMaterial::Discovery } else { key(settings, path, &given)? };
    let verification = IssuerConfig { issuer: given.issuer?, algorithms, key, rules };
    if algorithms.is_empty() && !is_discovered {
        return None;
    }
    if let Err(error) = verification.check() {
        let (setting, wrong) = complaint(&verification.key, &error);
        settings.problem(&format!("{path}.{setting}"), wrong);
    }
    let [public_key_file, private_key_file] =
        [given.public_key_file, given.private_key_file].map(|file| file.map(PathBuf::from));
    Some(Issuer { provider: given.provider, verification, public_key_file, private_key_file })
}

/// Reports and removes settings that must not be blank; returns whether there were any.
fn remove_blank(settings: &mut Settings, path: &str, table: &mut Table) -> bool {
    let remedies = [
        ("issuer", "set it to the iss claim of the tokens".to_owned()),
        ("audience", NO_AUDIENCE.to_owned()),
        ("algorithm", format!("use {}", Algorithms::all())),
    ];
    let mut has_blank = false;
    for (key, remedy) in remedies {
        if matches!(table.get(key), Some(Value::String(text)) if text.trim().is_empty()) {
            settings.problem(&format!("{path}.{key}"), format!("must not be blank; {remedy}"));
            table.remove(key);
            has_blank = true;
        }
    }
    has_blank
}

/// An issuer has an audience, or says that its tokens have none.
fn check_audience(settings: &mut Settings, path: &str, table: &Table) {
    let flag = table.get("accept_any_audience");
    let is_any = flag.is_some_and(|flag| flag.as_bool() == Some(true) || flag.as_str() == Some("true"));
    let is_empty = match table.get("audience") {
        None => true,
        Some(Value::Array(names)) => names.is_empty(),
        Some(_) => false,
    };
    match (is_any, is_empty) {
        (false, true) => settings.problem(&format!("{path}.audience"), format!("not set; {NO_AUDIENCE}")),
        (true, false) => {
            let remedy = "remove it, or set accept_any_audience to false";
            settings
                .problem(&format!("{path}.audience"), format!("accept_any_audience is set too; {remedy}"));
        }
        _ => {}
    }
}

/// Whether a key is given; more than one is a problem.
fn check_keys(settings: &mut Settings, path: &str, table: &Table) -> bool {
    let given: Vec<&str> = KEYS.into_iter().filter(|key| table.contains_key(*key)).collect();
    if let [first, second, ..] = given[..] {
        let message = format!("{second} is set too; {ONE_KEY}, and only one of them");
        settings.problem(&format!("{path}.{first}"), message);
    }
    !given.is_empty()
}

impl IssuerSettings {
    /// Whether the issuer's name is the address of a discovery document, and its algorithms have public keys.
    fn can_be_discovered(&self) -> bool {
        let Some(issuer) = &self.issuer else { return false };
        let algorithms = self.algorithm.map_or(self.algorithms, Algorithms::from);
        let config = IssuerConfig {
            algorithms,
            ..IssuerConfig::own(issuer, "", Algorithm::RS256, KeyMaterial::Discovery)
        };
        config.check().is_ok()
    }

    fn algorithms(&self, settings: &mut Settings, path: &str) -> Algorithms {
        match (self.algorithm, self.algorithms.is_empty()) {
            (Some(_), false) => {
                let message = "algorithms is set too; list all algorithms there, and remove this setting";
                settings.problem(&format!("{path}.algorithm"), message);
                self.algorithms
            }
            (Some(algorithm), true) => algorithm.into(),
            (None, false) => self.algorithms,
            (None, true) => self.provider.map(Provider::algorithms).unwrap_or_default(),
        }
    }
}

fn key(settings: &mut Settings, path: &str, given: &IssuerSettings) -> Option<KeyMaterial> {
    let public_key = match &given.public_key_file {
        Some(file) => Some(public_key(settings, path, file)?),
        None => None,
    };
    let secret = given.secret.as_ref().map(|secret| KeyMaterial::Secret(secret.clone().into_bytes()));
    let key_set_file = given.jwks_file.as_ref().map(|file| KeyMaterial::KeySetFile(file.into()));
    let key_set_url = given.jwks_url.clone().map(KeyMaterial::KeySetUrl);
    let keys = [public_key, secret, key_set_file, key_set_url];
    let mut keys = keys.into_iter().flatten();
    // Several keys were reported already.
    keys.next().filter(|_| keys.next().is_none())
}

/// What the claims of the issuer's tokens must say.
fn rules(settings: &mut Settings, path: &str, given: &IssuerSettings) -> ClaimRules {
    let audience = if given.accept_any_audience {
        Audience::Any
    } else {
        let default = given.provider.map_or("aud", Provider::audience_claim);
        let claim = given.audience_claim.clone().or_else(|| ClaimPath::parse(default));
        match claim {
            Some(claim) => Audience::Named { claim, names: given.audience.clone() },
            None => Audience::Any,
        }
    };
    let max_lifetime = given.max_lifetime.map(|MaxLifetime(lifetime)| lifetime);
    let max_lifetime = max_lifetime
        .unwrap_or_else(|| Some(given.provider.map_or(MAX_TOKEN_LIFETIME, Provider::max_lifetime)));
    ClaimRules { audience, max_lifetime, mapping: mapping(settings, path, given) }
}

fn mapping(settings: &mut Settings, path: &str, given: &IssuerSettings) -> ClaimMapping {
    let claims = nested(settings, &format!("{path}.claims"), given.claims.as_ref());
    let claims: ClaimSettings = settings.read_table(&format!("{path}.claims"), claims);
    let mut mapping = given.provider.map_or_else(ClaimMapping::own, Provider::mapping);
    let is_mapped =
        claims.scopes.is_some() || claims.organizations.is_some() || claims.organization_ids.is_some();
    match claims.organization_ids {
        Some(OrganizationIds::External) => mapping.form = TokenForm::Provider,
        Some(OrganizationIds::Any) => mapping.form = TokenForm::Mixed,
        None if is_mapped && given.provider.is_none() => mapping.form = TokenForm::Mixed,
        None => {}
    }
    if let (Some(_), Some(_)) = (&claims.organizations, &given.organization) {
        let remedy =
            "remove it, or organization, which is for issuers whose tokens are all for one organization";
        let message = format!("organization is set too; {remedy}");
        settings.problem(&format!("{path}.claims.organizations"), message);
    }
    if let Some(subject) = claims.subject {
        mapping.subject = subject;
    }
    if let Some(scopes) = claims.scopes {
        mapping.scopes = scopes;
    }
    if let Some(prefix) = claims.scope_prefix {
        mapping.scope_prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
    }
    if let Some(organizations) = claims.organizations {
        mapping.organizations = Organizations::Claims(organizations);
    }
    if let Some(organization) = &given.organization {
        mapping.organizations = Organizations::Fixed(organization.clone());
    }
    mapping.scope_map = scope_map(settings, &format!("{path}.scope_map"), given.scope_map.as_ref());
    mapping
}

fn nested(settings: &mut Settings, path: &str, value: Option<&Value>) -> Table {
    match value {
        None => Table::new(),
        Some(Value::Table(table)) => table.clone(),
        Some(_) => {
            settings
                .problem(path, format!("not a section; write [{path}] with its settings below, in the file"));
            Table::new()
        }
    }
}

/// `[auth.scope_map]`: the scopes that each name stands for, as a list or as a string.
fn scope_map(settings: &mut Settings, path: &str, value: Option<&Value>) -> BTreeMap<String, Scopes> {
    let mut map = BTreeMap::new();
    for (name, scopes) in nested(settings, path, value) {
        let names: Option<Vec<String>> = match scopes {
            Value::String(text) => Some(text.split_ascii_whitespace().map(str::to_owned).collect()),
            scopes => scopes.try_into().ok(),
        };
        let scopes: Option<Result<Scopes, _>> =
            names.map(|names| names.iter().map(|name| name.parse::<Scope>()).collect());
        match scopes {
            Some(Ok(scopes)) => {
                map.insert(name, scopes);
            }
            Some(Err(error)) => settings.problem(&format!("{path}.{name:?}"), error.to_string()),
            None => {
                let message = "not a list of scopes; use the form [\"contacts:read\", \"contacts:write\"]";
                settings.problem(&format!("{path}.{name:?}"), message);
            }
        }
    }
    map
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
        KeyMaterial::Discovery => ("issuer", error.to_string()),
    }
}

/// An issuer as it was configured, with its secret hidden and the defaults of its provider written out.
impl Serialize for Issuer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { provider, verification, public_key_file, private_key_file } = self;
        let IssuerConfig { issuer, algorithms, key, rules } = verification;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("issuer", issuer)?;
        if let Some(provider) = provider {
            map.serialize_entry("provider", provider)?;
        }
        match &rules.audience {
            Audience::Named { claim, names } => {
                map.serialize_entry("audience", names)?;
                map.serialize_entry("audience_claim", claim.as_str())?;
            }
            Audience::Any => map.serialize_entry("accept_any_audience", &true)?,
        }
        if !algorithms.is_empty() {
            map.serialize_entry("algorithms", &algorithms.iter().map(Algorithm::name).collect::<Vec<_>>())?;
        }
        match key {
            KeyMaterial::Secret(_) => map.serialize_entry("secret", "hidden")?,
            // Its file is what was configured; and discovery needs no setting.
            KeyMaterial::PublicPem(_) | KeyMaterial::Discovery => {}
            KeyMaterial::KeySetFile(file) => map.serialize_entry("jwks_file", file)?,
            KeyMaterial::KeySetUrl(url) => map.serialize_entry("jwks_url", &without_query(url))?,
        }
        for (name, file) in [("public_key_file", public_key_file), ("private_key_file", private_key_file)] {
            if let Some(file) = file {
                map.serialize_entry(name, file)?;
            }
        }
        map.serialize_entry("max_lifetime", &MaxLifetime(rules.max_lifetime).to_string())?;
        let mapping = &rules.mapping;
        if let Organizations::Fixed(name) = &mapping.organizations {
            map.serialize_entry("organization", &name.to_string())?;
        }
        map.serialize_entry("claims", &claim_settings(mapping))?;
        if !mapping.scope_map.is_empty() {
            let scopes = |scopes: &Scopes| scopes.iter().map(Scope::name).collect::<Vec<_>>();
            let scope_map: BTreeMap<&String, Vec<&str>> =
                mapping.scope_map.iter().map(|(name, it)| (name, scopes(it))).collect();
            map.serialize_entry("scope_map", &scope_map)?;
        }
        map.end()
    }
}

/// `[auth.claims]` of a mapping. The gateway's own form is that of an issuer without these settings.
fn claim_settings(mapping: &ClaimMapping) -> Table {
    let texts =
        |claims: &[ClaimPath]| -> Value { claims.iter().map(ClaimPath::as_str).collect::<Vec<_>>().into() };
    let mut table = Table::new();
    table.insert("subject".to_owned(), mapping.subject.as_str().into());
    if let Some(prefix) = &mapping.scope_prefix {
        table.insert("scope_prefix".to_owned(), prefix.as_str().into());
    }
    let ids = match mapping.form {
        TokenForm::Own => return table,
        TokenForm::Provider => "external",
        TokenForm::Mixed => "any",
    };
    table.insert("scopes".to_owned(), texts(&mapping.scopes));
    if mapping.scope_prefix.is_none() {
        table.insert("scope_prefix".to_owned(), "".into());
    }
    if let Organizations::Claims(claims) = &mapping.organizations {
        table.insert("organizations".to_owned(), texts(claims));
    }
    table.insert("organization_ids".to_owned(), ids.into());
    table
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
        // The query may have a key.
        let hidden = url.replace("?x", "?hidden");
        assert!(printed.contains(&file) && printed.contains(&hidden) && !printed.contains(url), "{printed}");
        assert_eq!(load_text(&printed, &[]).expect("TOML").print(), printed);
    }

    const ISSUER: &str = "[[auth.issuers]]\nissuer = \"https://login.example.com/\"\naudience = \"a\"\n";

    fn load(settings: &str) -> Result<crate::config::Config, Vec<String>> {
        let text = format!("[database]\nurl = \"sqlite:x\"\n{settings}");
        load_text(&text, &[]).map_err(|error| error.problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn everything_about_claims_is_printed_as_it_was_configured() {
        for settings in [
            "",
            "algorithms = [\"RS256\", \"PS384\"]\nmax_lifetime = \"none\"",
            "max_lifetime = \"72h\"\naudience_claim = \"client_id\"\norganization = \"acme\"",
            "organization = \"1\"\nclaims.subject = \"/user/id\"\nclaims.scope_prefix = \"svc/\"",
            "claims.scopes = [\"scp\"]\nclaims.organization_ids = \"external\"",
            "[auth.issuers.claims]\norganizations = [\"/o/*/id\", \"tid\"]\n[auth.issuers.scope_map]\n\"a b\" = []\nx = \"contacts:read\"",
            "provider = \"auth0\"",
            "provider = \"clerk\"\nclaims.scope_prefix = \"\"",
            "provider = \"entra\"\norganization = \"org_7\"\nclaims.organization_ids = \"any\"",
            "provider = \"cognito\"\nclaims.organizations = \"org, tenant\"",
        ] {
            let config = load(&format!("{ISSUER}{settings}")).expect("a good configuration");
            let printed = config.print();
            let again = load_text(&printed, &[]).expect("TOML");
            assert_eq!(again.print(), printed);
            let of = |config: &crate::config::Config| format!("{:?}", config.auth);
            assert_eq!(of(&again), of(&config), "{printed}");
        }
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("gateway.toml");
        fs::write(&file, ISSUER.replace("audience = \"a\"", "accept_any_audience = true\naudience = []"))
            .expect("a file");
        let printed = crate::config::load(Some(&file), []).expect("a good configuration").print();
        assert!(printed.contains("accept_any_audience = true"), "{printed}");
        assert!(
            load_text(
                &format!(
                    "[database]\nurl = \"sqlite:x\"\n{}",
                    &printed[printed.find("[[auth").expect("it")..]
                ),
                &[]
            )
            .is_ok()
        );
    }

    #[test]
    fn settings_that_contradict_each_other_are_reported() {
        for (settings, start) in [
            ("provider = \"google\"", "auth.issuers[0].provider: \"google\" is not valid; use auth0, okta, "),
            (
                "algorithm = \"RS256\"\nalgorithms = [\"RS256\"]",
                "auth.issuers[0].algorithm: algorithms is set too; ",
            ),
            (
                "algorithms = [\"RS256\", \"none\"]",
                "auth.issuers[0].algorithms: \"none\" is not valid; use HS256, ",
            ),
            ("accept_any_audience = true", "auth.issuers[0].audience: accept_any_audience is set too; "),
            ("algorithms = [\"HS256\"]", "auth.issuers[0].secret: no key is configured; "),
            (
                "max_lifetime = \"367d\"",
                "auth.issuers[0].max_lifetime: \"367d\" is not valid; use a duration from 1m to 366d",
            ),
            ("claims = \"sub\"", "auth.issuers[0].claims: not a section; "),
            (
                "claims.scope = \"scp\"",
                "auth.issuers[0].claims.scope: unknown setting; the settings of [auth.issuers[0].claims] are subject, scopes, ",
            ),
            (
                "claims.scopes = [\"/a~\"]",
                "auth.issuers[0].claims.scopes: \"/a~\" is not valid; use the name of a claim, or a JSON pointer",
            ),
            (
                "claims.organization_ids = \"own\"",
                "auth.issuers[0].claims.organization_ids: \"own\" is not valid; use external, or any",
            ),
            (
                "organization = \"org_1\"\nclaims.organizations = [\"o\"]",
                "auth.issuers[0].claims.organizations: organization is set too; ",
            ),
            (
                "scope_map.admin = [\"contacts:delete\"]",
                "auth.issuers[0].scope_map.\"admin\": unknown scope; the scopes are ",
            ),
            ("scope_map.admin = [1]", "auth.issuers[0].scope_map.\"admin\": not a list of scopes; "),
        ] {
            let problems = load(&format!("{ISSUER}{settings}")).expect_err("a refusal");
            assert_eq!(problems.len(), 1, "{settings}: {problems:?}");
            assert!(problems[0].starts_with(start), "{problems:?}");
        }
        let empty = load(&ISSUER.replace("\"a\"", "[]")).expect_err("a refusal");
        assert!(empty[0].starts_with("auth.issuers[0].audience: not set; ") && empty.len() == 1, "{empty:?}");
    }

    #[test]
    fn the_environment_configures_one_issuer_with_lists() {
        let environment = [
            ("DATABASE__URL", "sqlite:x"),
            ("AUTH__PROVIDER", "okta"),
            ("AUTH__ISSUER", "https://example.okta.com/oauth2/default"),
            ("AUTH__AUDIENCE", "api://one, api://two"),
            ("AUTH__ALGORITHMS", "RS256,ES256"),
            ("AUTH__ORGANIZATION", "org_1"),
            ("AUTH__MAX_LIFETIME", "1h"),
        ];
        let printed = load_text("", &environment).expect("a good configuration").print();
        for part in [
            "provider = \"okta\"",
            "audience = [\"api://one\", \"api://two\"]",
            "algorithms = [\"RS256\", \"ES256\"]",
            "organization = \"org_1\"",
            "max_lifetime = \"1h\"",
            "scopes = [\"scp\"]",
        ] {
            assert!(printed.contains(part), "{part}: {printed}");
        }
    }
}
