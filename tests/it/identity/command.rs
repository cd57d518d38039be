//! `contact-gateway org` and `contact-gateway token inspect`.

use std::{fs, path::Path, time::Duration};

use chrono::Utc;
use contact_gateway::auth::{Scopes, Signer};
use serde_json::json;

use super::issuer::Signing;
use crate::{
    process::{Finished, command, run},
    support::empty_databases,
};

/// A configuration with a provider's preset over a database; gives its file.
fn configuration(folder: &Path, database: &str) -> String {
    let keys = folder.join("keys.json");
    fs::write(&keys, Signing::Rs.key_set().to_string()).expect("a file");
    let file = folder.join("gateway.toml");
    let text = format!(
        "[database]\nurl = \"{database}\"\n[[auth.issuers]]\nprovider = \"auth0\"\nissuer = \"https://tenant.test/\"\n\
         audience = [\"contacts\"]\njwks_file = \"{}\"\n[auth.issuers.scope_map]\nreader = [\"contacts:read\"]\n",
        keys.display()
    );
    fs::write(&file, text).expect("a file");
    file.to_str().expect("text").to_owned()
}

async fn typed(folder: &Path, arguments: &[&str]) -> Finished {
    run(command(folder, arguments)).await
}

fn token(changes: serde_json::Value) -> String {
    let now = Utc::now().timestamp();
    let mut claims = json!({
        "iss": "https://tenant.test/", "aud": ["contacts"], "sub": "alice", "iat": now, "exp": now + 3600,
        "scope": "openid reader", "org_id": "org_abc", "email": "alice@example.com"
    });
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    Signing::Rs.sign(&claims)
}

#[tokio::test]
async fn organizations_are_created_listed_and_named() {
    for database in empty_databases().await {
        let folder = tempfile::tempdir().expect("a folder");
        let file = configuration(folder.path(), &database.url());
        let org = async |arguments: &[&str]| {
            typed(folder.path(), &[&["org"], arguments, &["--config", &file]].concat()).await
        };
        let early = org(&["list"]).await;
        assert_eq!(early.code, Some(1));
        assert!(early.stderr.contains("contact-gateway migrate up"), "{early:?}");
        let migrated = typed(folder.path(), &["migrate", "up", "--config", &file]).await;
        assert_eq!(migrated.code, Some(0), "{migrated:?}");

        let created = org(&["create", "--name", "Acme", "--external-id", "org_abc"]).await;
        assert_eq!(
            (created.code, created.stdout.as_str(), created.stderr.as_str()),
            (Some(0), "org_1\n", "")
        );
        assert_eq!(org(&["create", "--name", "Globex"]).await.stdout, "org_2\n");
        assert_eq!(org(&["list"]).await.stdout, "org_1\torg_abc\tAcme\norg_2\t-\tGlobex\n");
        let taken = org(&["set-external-id", "org_2", "org_abc"]).await;
        assert_eq!((taken.code, taken.stdout.as_str()), (Some(1), ""));
        assert!(taken.stderr.contains("Another organization has this external id."), "{taken:?}");
        assert_eq!(org(&["set-external-id", "2", "globex"]).await.code, Some(0));
        assert_eq!(org(&["set-external-id", "org_1", "--none"]).await.code, Some(0));
        assert_eq!(org(&["list"]).await.stdout, "org_1\t-\tAcme\norg_2\tglobex\tGlobex\n");
        for wrong in [&["set-external-id", "org_2"][..], &["create"], &["set-external-id", "x", "y"]] {
            assert_eq!(org(wrong).await.code, Some(2), "{wrong:?}");
        }
        let absent = org(&["set-external-id", "org_9", "y"]).await;
        assert_eq!(absent.code, Some(1));
        assert!(absent.stderr.contains("there is no organization org_9; "), "{absent:?}");
        for blank in
            [&["set-external-id", "org_2", ""][..], &["create", "--name", "New", "--external-id", " "]]
        {
            let refused = org(blank).await;
            assert_eq!(refused.code, Some(1), "{refused:?}");
            assert!(refused.stderr.contains("must not be blank"), "{refused:?}");
        }
        assert_eq!(org(&["set-external-id", "org_1", "42"]).await.code, Some(0));
        assert_eq!(org(&["list"]).await.stdout, "org_1\t42\tAcme\norg_2\tglobex\tGlobex\n");
    }
}

#[tokio::test]
async fn a_token_is_explained_and_never_printed() {
    for database in empty_databases().await {
        let folder = tempfile::tempdir().expect("a folder");
        let file = configuration(folder.path(), &database.url());
        for arguments in
            [&["migrate", "up"][..], &["org", "create", "--name", "Acme", "--external-id", "org_abc"]]
        {
            assert_eq!(typed(folder.path(), &[arguments, &["--config", &file]].concat()).await.code, Some(0));
        }
        let inspect = async |token: &str| {
            let inspected = typed(folder.path(), &["token", "inspect", token, "--config", &file]).await;
            for part in token.split('.').filter(|part| part.len() > 10) {
                assert!(
                    !inspected.stdout.contains(part) && !inspected.stderr.contains(part),
                    "{inspected:?}"
                );
            }
            inspected
        };
        let good = inspect(&token(json!({}))).await;
        assert_eq!((good.code, good.stderr.as_str()), (Some(0), ""), "{good:?}");
        for line in [
            "iss\t\"https://tenant.test/\"\ta configured issuer",
            "signature\t\tvalid",
            "aud\t[\"contacts\"]\tcontains one of \"contacts\"",
            "scope\t\"openid reader\"\t\"openid\" -> nothing, \"reader\" -> contacts:read",
            "permissions\tabsent\tgrants nothing",
            "org_id\t\"org_abc\"\tthe organization with the external id \"org_abc\"",
            "not read\t\t\"email\"",
            "scopes\tcontacts:read",
            "organizations\torg_1 (external id \"org_abc\")",
        ] {
            assert!(good.stdout.lines().any(|printed| printed == line), "{line}: {}", good.stdout);
        }
        for (changes, code, part) in [
            (json!({ "org_id": "org_xyz" }), Some(1), "none of the token's organizations is known here"),
            (json!({ "aud": "account" }), Some(1), "audience of the issuer has \"contacts\""),
            (json!({ "org_id": 7 }), Some(1), "none of the token's organizations is known here"),
            (json!({ "org_id": true }), Some(1), "It is true."),
            (
                json!({ "aud": "app", "token_use": "id" }),
                Some(1),
                "The token is an ID token (claim token_use)",
            ),
            (json!({ "exp": 1 }), Some(1), "expired"),
            (json!({ "iss": "https://other.test" }), Some(1), "unknown issuer"),
        ] {
            let refused = inspect(&token(changes.clone())).await;
            assert_eq!(refused.code, code, "{changes}");
            assert!(refused.stderr.contains(part), "{changes}: {refused:?}");
        }
        let forged =
            token(json!({})).rsplit_once('.').map(|(message, _)| format!("{message}.AAAA")).expect("a token");
        let refused = inspect(&forged).await;
        assert!(refused.code == Some(1) && refused.stdout.contains("signature\t\tREFUSED: "), "{refused:?}");
        assert_eq!(inspect("nonsense").await.code, Some(1));
    }
}

#[tokio::test]
async fn numbers_of_no_organization_and_missing_keys_are_explained() {
    for database in empty_databases().await {
        let folder = tempfile::tempdir().expect("a folder");
        let file = configuration(folder.path(), &database.url());
        let own = "\n[[auth.issuers]]\nissuer = \"own\"\naudience = \"contacts\"\nalgorithm = \"HS256\"\n\
                   secret = \"0123456789abcdef0123456789abcdef\"\n\
                   [[auth.issuers]]\nissuer = \"http://127.0.0.1:1\"\naudience = \"contacts\"\n";
        let text = fs::read_to_string(&file).expect("a file");
        fs::write(&file, text + own).expect("a file");
        for arguments in [&["migrate", "up"][..], &["org", "create", "--name", "Acme"]] {
            assert_eq!(typed(folder.path(), &[arguments, &["--config", &file]].concat()).await.code, Some(0));
        }
        let own = |organizations: &[i64]| {
            let signer = Signer::with_secret("own", "contacts", b"0123456789abcdef0123456789abcdef");
            let lifetime = Duration::from_mins(5);
            let token =
                signer.expect("a signer").mint("ada", organizations, Scopes::NONE, lifetime, Utc::now());
            token.expect("a token")
        };
        let inspect =
            async |token: &str| typed(folder.path(), &["token", "inspect", token, "--config", &file]).await;
        let known = inspect(&own(&[1, 99])).await;
        assert_eq!(known.code, Some(0), "{known:?}");
        assert!(
            known.stdout.contains("organizations\torg_1\nunknown\tno organization has the id org_99; "),
            "{known:?}"
        );
        let unknown = inspect(&own(&[99])).await;
        assert_eq!(unknown.code, Some(1), "{unknown:?}");
        assert!(unknown.stderr.contains("none of the token's organizations is known here"), "{unknown:?}");

        let without_keys = inspect(&token(json!({ "iss": "http://127.0.0.1:1" }))).await;
        assert_eq!(without_keys.code, Some(1), "{without_keys:?}");
        let cause = "keys\t\thttp://127.0.0.1:1/.well-known/openid-configuration: no response (";
        assert!(without_keys.stdout.contains(cause), "{without_keys:?}");
    }
}

#[tokio::test]
async fn the_configuration_of_a_provider_is_printed_without_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("gateway.toml");
    // Nobody can resolve this name.
    let text = "[[auth.issuers]]\nprovider = \"keycloak\"\nissuer = \"https://login.invalid/realms/a\"\naudience = \"contacts\"\n";
    fs::write(&file, text).expect("a file");
    let printed = typed(folder.path(), &["serve", "--print-config", "--config", "gateway.toml"]).await;
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    for line in [
        "issuer = \"https://login.invalid/realms/a\"",
        "provider = \"keycloak\"",
        "audience = [\"contacts\"]",
        "audience_claim = \"aud\"",
        "algorithms = [\"RS256\"]",
        "max_lifetime = \"1d\"",
        "[auth.issuers.claims]",
        "scopes = [\"scope\", \"/realm_access/roles\"]",
        "organizations = [\"organization\"]",
        "organization_ids = \"external\"",
    ] {
        assert!(printed.stdout.lines().any(|printed| printed == line), "{line}: {}", printed.stdout);
    }
}
