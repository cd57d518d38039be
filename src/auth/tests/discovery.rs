//! Tests of discovery over real sockets: which documents are believed, and what comes of their algorithms.

use super::super::key_ring::Pace;
use super::key_set::{jwk, set};
use super::stub::{Answer, Stub, response};
use super::*;

/// An issuer on this machine, with a document for it whose members can be changed, and its keys.
struct Provider {
    issuer: String,
    stub: Stub,
}

impl Provider {
    async fn start() -> Self {
        let stub = Stub::start(Answer::Silence).await;
        let issuer = stub.url.as_str().trim_end_matches("/keys").to_owned();
        let provider = Self { issuer, stub };
        provider.serve(json!({}), &[Algorithm::RS256, Algorithm::ES256]);
        provider
    }

    /// Serves a document with some members put in place of its own, and the keys of these algorithms.
    fn serve(&self, changes: Value, keys: &[Algorithm]) {
        let mut document = json!({
            "issuer": self.issuer, "jwks_uri": format!("{}/keys", self.issuer),
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]
        });
        for (name, value) in changes.as_object().expect("an object") {
            document[name] = value.clone();
        }
        let keys: Vec<Value> = keys
            .iter()
            .map(|algorithm| jwk(*algorithm, json!({ "kid": algorithm.name(), "alg": null })))
            .collect();
        self.stub.answer(Answer::ByPath(vec![
            ("/.well-known/openid-configuration".to_owned(), document.to_string()),
            ("/keys".to_owned(), set(&keys)),
        ]));
    }

    /// What the operator reads about keys that are not available.
    async fn trouble(&self) -> String {
        let config = IssuerConfig {
            algorithms: Algorithms::default(),
            ..IssuerConfig::own(&self.issuer, AUDIENCE, Algorithm::RS256, KeyMaterial::Discovery)
        };
        let pace = Pace { patience: Duration::from_millis(500), ..Pace::default() };
        let verifier = TokenVerifier::with_pace(vec![config], pace).expect("an issuer");
        verifier.first_readings().await;
        let token =
            signed(r#"{"alg":"RS256","kid":"RS256"}"#, &with(json!({ "iss": self.issuer })).to_string());
        let Inspection { claims, verdict } = verifier.inspect(&token, now()).await;
        assert_eq!(Reason::from(&verdict.expect_err("no keys")), Reason::KeysUnavailable);
        let keys = claims.into_iter().find(|claim| claim.name == "keys").expect("the trouble");
        keys.meaning
    }

    /// The verdict about a token that is signed by an algorithm, with a new verifier.
    async fn verdict(&self, configured: Algorithms, algorithm: Algorithm) -> Result<(), Reason> {
        let config = IssuerConfig {
            algorithms: configured,
            ..IssuerConfig::own(&self.issuer, AUDIENCE, Algorithm::RS256, KeyMaterial::Discovery)
        };
        let verifier = TokenVerifier::new(vec![config]).expect("an issuer");
        let (private, name) = match algorithm {
            Algorithm::ES256 => (EncodingKey::from_ec_pem(EC_PRIVATE.as_bytes()), "ES256"),
            algorithm => (
                EncodingKey::from_rsa_pem(RSA_PRIVATE.as_bytes()),
                if algorithm == Algorithm::PS256 { "PS256" } else { "RS256" },
            ),
        };
        let mut header = jsonwebtoken::Header::new(name.parse().expect("an algorithm"));
        header.kid = Some(if algorithm == Algorithm::ES256 { "ES256" } else { "RS256" }.to_owned());
        let claims = with(json!({ "iss": self.issuer }));
        let token = jsonwebtoken::encode(&header, &claims, &private.expect("a key")).expect("a token");
        verifier.verify(&token, now()).await.map(drop).map_err(|error| Reason::from(&error))
    }
}

#[tokio::test]
async fn the_document_names_keys_and_algorithms() {
    let provider = Provider::start().await;
    let none = Algorithms::default();
    assert_eq!(provider.verdict(none, Algorithm::RS256).await, Ok(()));
    assert_eq!(provider.verdict(none, Algorithm::ES256).await, Err(Reason::UnknownKey));
    assert_eq!(provider.verdict(none, Algorithm::PS256).await, Err(Reason::WrongAlgorithm));
    provider.serve(
        json!({ "id_token_signing_alg_values_supported": ["ES256", "PS256"] }),
        &[Algorithm::RS256, Algorithm::ES256],
    );
    assert_eq!(provider.verdict(none, Algorithm::ES256).await, Ok(()));
    assert_eq!(provider.verdict(none, Algorithm::PS256).await, Ok(()));
    assert_eq!(provider.verdict(none, Algorithm::RS256).await, Err(Reason::WrongAlgorithm));
    // What is configured is never widened.
    assert_eq!(
        provider.verdict(Algorithm::RS256.into(), Algorithm::ES256).await,
        Err(Reason::WrongAlgorithm)
    );
    assert_eq!(provider.verdict(Algorithm::RS256.into(), Algorithm::RS256).await, Ok(()));
}

#[tokio::test]
async fn other_documents_are_not_believed() {
    let provider = Provider::start().await;
    for changes in [
        json!({ "issuer": format!("{}/", provider.issuer) }),
        json!({ "issuer": "https://other.test" }),
        json!({ "issuer": null }),
        json!({ "jwks_uri": "http://keys.test/keys" }),
        json!({ "jwks_uri": "/keys" }),
        json!({ "jwks_uri": null }),
        json!({ "jwks_uri": format!("{}/absent", provider.issuer) }),
        json!({ "id_token_signing_alg_values_supported": ["HS256", "none"] }),
    ] {
        provider.serve(changes.clone(), &[Algorithm::RS256]);
        let verdict = provider.verdict(Algorithms::default(), Algorithm::RS256).await;
        assert_eq!(verdict, Err(Reason::KeysUnavailable), "{changes}");
    }
}

#[tokio::test]
async fn the_cause_of_missing_keys_is_explained_with_its_address() {
    let mut provider = Provider::start().await;
    let (document, keys) = (
        format!("{}/.well-known/openid-configuration: ", provider.issuer),
        format!("{}/keys", provider.issuer),
    );
    for (changes, address, cause) in [
        (json!({ "issuer": "https://other.test" }), &document, "is of the issuer \"https://other.test\""),
        (json!({ "jwks_uri": null }), &document, "not a discovery document"),
        (json!({ "jwks_uri": "http://keys.test/keys" }), &document, "a jwks_uri that is not https"),
        (
            json!({ "jwks_uri": format!("{keys}?apikey=top-secret") }),
            &format!("{keys}?hidden: "),
            "status 404",
        ),
        (
            json!({ "id_token_signing_alg_values_supported": ["HS256", "none"] }),
            &format!("{keys}: "),
            "names no supported algorithm",
        ),
        (
            json!({ "id_token_signing_alg_values_supported": ["ES384"] }),
            &format!("{keys}: "),
            "can verify ES384: ",
        ),
    ] {
        provider.serve(changes, &[Algorithm::RS256]);
        let trouble = provider.trouble().await;
        assert!(trouble.starts_with(address) && trouble.contains(cause), "{cause}: {trouble}");
        assert!(!trouble.contains("top-secret"), "{trouble}");
    }
    for (answer, cause) in [
        (Answer::Silence, "no whole response in time"),
        (Answer::Text(" ".repeat(300_000)), "larger than 256 KiB"),
        (response("302 Found", "location: /\r\n", ""), "status 302"),
        (Answer::Raw(String::new()), "no response ("),
    ] {
        provider.stub.answer(answer);
        let trouble = provider.trouble().await;
        assert!(trouble.starts_with(&document) && trouble.contains(cause), "{cause}: {trouble}");
    }
    provider.issuer = "http://127.0.0.1:1".to_owned();
    let refused = provider.trouble().await;
    assert!(refused.contains("http://127.0.0.1:1/.well-known/") && refused.contains("refused"), "{refused}");
}

#[test]
fn names_that_are_no_addresses_have_no_document() {
    let check =
        |name: &str| IssuerConfig::own(name, AUDIENCE, Algorithm::RS256, KeyMaterial::Discovery).check();
    for name in [
        "https://login.example.com",
        "https://login.example.com/realms/a/",
        "http://127.0.0.1:8080",
        "http://localhost",
    ] {
        assert_eq!(check(name), Ok(()), "{name}");
    }
    for name in [
        "i",
        "",
        "http://login.example.com",
        "https://u@login.example.com",
        "https://login.example.com/?a",
        "ftp://localhost",
        "https://login.example.com/#a",
    ] {
        assert_eq!(check(name), Err(KeyError::Source(SourceError::NoDiscovery)), "{name}");
    }
    let secret =
        IssuerConfig::own("https://login.example.com", AUDIENCE, Algorithm::HS256, KeyMaterial::Discovery);
    assert_eq!(secret.check(), Err(KeyError::WrongKind(Algorithm::HS256)));
}
