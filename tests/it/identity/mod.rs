//! Tokens of identity providers: the blocks of docs/identity.md are used with tokens of the shapes that stand beside them,
//! signed by keys of the tests, and found through discovery on this machine.

mod command;
mod external_ids;
mod issuer;
mod proxies;

use std::{
    fs,
    time::{Duration, Instant},
};

use contact_gateway::{
    auth::Provider,
    config::{self, Auth},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use self::issuer::{Issuer, Signing};
use crate::support::{Actor, HOME, Reply, World, on_both};

on_both!(
    a_token_of_each_provider_is_accepted_with_its_block,
    without_the_block_the_error_says_what_to_configure,
);

const DOCUMENTATION: &str = include_str!("../../../docs/identity.md");
const VIEWER: &str = "{ viewer { subject scopes organization { number } } }";

/// A section of the documentation: a block of the configuration, and a token.
struct Section {
    name: &'static str,
    block: &'static str,
    token: Value,
    /// What the command of the section sets.
    external_id: Option<&'static str>,
}

fn sections() -> Vec<Section> {
    DOCUMENTATION.split("\n## ").filter_map(Section::read).collect()
}

impl Section {
    fn read(text: &'static str) -> Option<Self> {
        let fenced = |language: &str| {
            let (_, rest) = text.split_once(&format!("```{language}\n"))?;
            rest.split_once("\n```").map(|(block, _)| block)
        };
        let token = serde_json::from_str(fenced("json")?).expect("a token");
        let external_id = fenced("sh").map(|command| command.split(' ').nth(4).expect("an external id"));
        Some(Self { name: text.lines().next()?, block: fenced("toml")?, token, external_id })
    }

    /// The name of the issuer in the block.
    fn issuer(&self) -> &'static str {
        self.setting("issuer").trim_matches('"')
    }

    fn setting(&self, name: &str) -> &'static str {
        let line = self.block.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
        line.unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    fn signing(&self) -> Signing {
        if self.setting("provider").contains("supabase") { Signing::Es } else { Signing::Rs }
    }

    /// The token, as this issuer signs it now.
    fn signed(&self, issuer: &Issuer) -> String {
        let mut claims = self.token.clone();
        claims["iss"] = json!(issuer.name);
        let age = chrono::Utc::now().timestamp() - claims["iat"].as_i64().expect("a time");
        for time in ["iat", "exp", "nbf", "auth_time"] {
            if let Some(seconds) = claims[time].as_i64() {
                claims[time] = json!(seconds + age);
            }
        }
        issuer.sign(&claims)
    }
}

/// The issuers of a configuration.
fn auth(settings: &str) -> Auth {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("gateway.toml");
    fs::write(&file, format!("[database]\nurl = \"sqlite::memory:\"\n{settings}")).expect("a file");
    let config = config::load_for_serving(Some(&file), []).expect("a good configuration");
    // What is printed is the same configuration.
    fs::write(&file, config.print()).expect("a file");
    let again = config::load_for_serving(Some(&file), []).expect("a good configuration");
    assert_eq!(again.print(), config.print());
    config.auth
}

async fn restarted(world: World, auth: Auth) -> World {
    world.restarted(|config| config.auth = auth).await
}

/// Asks with a token until the keys of its issuer are there, which are fetched when the gateway starts.
async fn ask(actor: &Actor, document: &str) -> Reply {
    let begin = Instant::now();
    loop {
        let reply = actor.query(document).await;
        if reply.status != 503 || begin.elapsed() > Duration::from_secs(20) {
            return reply;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

fn message(reply: &Reply) -> &str {
    reply.body["errors"][0]["message"].as_str().unwrap_or_default()
}

async fn a_token_of_each_provider_is_accepted_with_its_block(mut world: World) {
    let sections = sections();
    for provider in Provider::ALL {
        let setting = format!("provider = {}", serde_json::to_value(provider).expect("a name"));
        assert!(sections.iter().any(|section| section.block.contains(&setting)), "{setting}");
    }
    for section in sections {
        let issuer = Issuer::start(section.issuer(), section.signing()).await;
        world = restarted(world, auth(&section.block.replace(section.issuer(), &issuer.name))).await;
        external_ids::set(&world, HOME, None).await;
        let actor = world.anonymous().with_token(&section.signed(&issuer));
        if let Some(id) = section.external_id {
            let unknown = ask(&actor, VIEWER).await;
            assert_eq!(unknown.status, 403, "{}", unknown.body);
            let text = message(&unknown);
            assert!(text.contains(id) && text.contains("org set-external-id"), "{}: {text}", section.name);
            external_ids::set(&world, HOME, Some(id)).await;
        }
        let viewer = ask(&actor, VIEWER).await;
        let mut scopes = json!(["contacts:read", "contacts:write"]);
        if section.name == "Clerk" {
            scopes.as_array_mut().expect("a list").push(json!("org:admin"));
        }
        let number = json!(HOME.to_string());
        let expected = json!({ "subject": section.token["sub"], "scopes": scopes, "organization": { "number": number } });
        assert_eq!(viewer.data("/viewer"), &expected, "{}", section.name);
        let created =
            actor.mutate("createPartner", json!({ "name": section.name }), "partner { name }").await;
        assert_eq!(created.data("/createPartner/partner/name"), section.name);
    }
}

/// What the error says to an operator who configured nothing but the name and the audience of the issuer.
fn expected_message(section: &Section) -> &'static [&'static str] {
    match section.name {
        "Auth0" => &["claim org_id", "It is a string.", "set provider or claims.organizations"],
        "Okta" => &[
            "scope contacts:read",
            "scope (nothing), and not from scp",
            "set provider, claims.scopes or scope_map",
        ],
        "Microsoft Entra ID" => &["scope (nothing), and not from scp", "claims.scopes or scope_map"],
        "Microsoft Entra ID, tokens of version 1" => {
            &["scope (nothing), and not from scp and roles", "claims.scopes or scope_map"]
        }
        "Keycloak" => &[
            "scope (openid, organization, email, profile), and not from /realm_access/roles",
            "claims.scopes or scope_map",
        ],
        "Clerk" => &["no claim aud", "accept_any_audience"],
        "Amazon Cognito" => &["no claim aud", "audience_claim"],
        "Supabase" => &["scope (nothing), and not from role", "claims.scopes or scope_map"],
        name => panic!("no expectation for {name}"),
    }
}

async fn without_the_block_the_error_says_what_to_configure(mut world: World) {
    for section in sections() {
        let issuer = Issuer::start(section.issuer(), section.signing()).await;
        let audience = section.setting("audience").replace("[]", "\"contact-gateway\"");
        let settings = format!("[[auth.issuers]]\nissuer = \"{}\"\naudience = {audience}\n", issuer.name);
        world = restarted(world, auth(&settings)).await;
        let actor = world.anonymous().with_token(&section.signed(&issuer));
        let refused = ask(&actor, "{ partners { nodes { id } } }").await;
        assert!(refused.body["data"]["partners"].is_null(), "{}: {}", section.name, refused.body);
        for part in expected_message(&section) {
            assert!(message(&refused).contains(part), "{}: {part}: {}", section.name, message(&refused));
        }
    }
}

#[tokio::test]
async fn what_an_operator_gets_wrong_first_is_explained() {
    let section = sections().into_iter().find(|section| section.name == "Auth0").expect("a section");
    let issuer = Issuer::start(section.issuer(), section.signing()).await;
    let good = section.block.replace(section.issuer(), &issuer.name) + "\n";
    let mut world = World::on_sqlite().await;
    for (settings, parts) in [
        (
            good.replace("https://contacts.example.com", "contacts"),
            &["claim aud", "does not name this service", "audience of the issuer has \"contacts\""][..],
        ),
        (
            format!("{good}algorithms = [\"ES256\"]\njwks_url = \"{}\"\n", issuer.keys),
            &["header alg", "it is \"RS256\"", "algorithms of the issuer has ES256"],
        ),
        (format!("{good}max_lifetime = \"1h\"\n"), &["valid for more than 1 hour ", "raise max_lifetime"]),
        (good.replace(&issuer.name, "http://127.0.0.1:9/"), &["claim iss", &*issuer.name, "auth.issuers"]),
    ] {
        world = restarted(world, auth(&settings)).await;
        let actor = world.anonymous().with_token(&section.signed(&issuer));
        let refused = ask(&actor, "{ viewer { subject } }").await;
        for part in parts {
            assert!(message(&refused).contains(part), "{part}: {}", message(&refused));
        }
    }
}
