//! An identity provider on this machine: its discovery document, its keys, and the tokens that it signs.

use std::net::SocketAddr;

use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

/// What an issuer signs with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signing {
    /// RS256.
    Rs,
    /// ES256.
    Es,
}

const KID: &str = "key-1";

impl Signing {
    fn algorithm(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs => jsonwebtoken::Algorithm::RS256,
            Self::Es => jsonwebtoken::Algorithm::ES256,
        }
    }

    fn private(self) -> EncodingKey {
        let key = match self {
            Self::Rs => EncodingKey::from_rsa_pem(include_bytes!("../../keys/rs256-private.pem")),
            Self::Es => EncodingKey::from_ec_pem(include_bytes!("../../keys/es256-private.pem")),
        };
        key.expect("a key")
    }

    /// The set with the public key. Its `alg` is absent, as with some providers.
    pub(super) fn key_set(self) -> Value {
        let key = match self {
            Self::Rs => DecodingKey::from_rsa_pem(include_bytes!("../../keys/rs256-public.pem")),
            Self::Es => DecodingKey::from_ec_pem(include_bytes!("../../keys/es256-public.pem")),
        };
        let jwk = Jwk::from_decoding_key(&key.expect("a key"), None).expect("a JWK");
        let mut jwk = serde_json::to_value(jwk).expect("JSON");
        jwk["kid"] = json!(KID);
        jwk["use"] = json!("sig");
        json!({ "keys": [jwk] })
    }

    pub(super) fn sign(self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm());
        header.kid = Some(KID.to_owned());
        jsonwebtoken::encode(&header, claims, &self.private()).expect("a token")
    }
}

/// The provider; it ends when this is dropped.
pub(super) struct Issuer {
    /// Its name: that of a real one, on this machine.
    pub(super) name: String,
    /// Where its keys are.
    pub(super) keys: String,
    signing: Signing,
    _task: JoinSet<()>,
}

impl Issuer {
    /// Starts a provider in the place of the one with this name.
    pub(super) async fn start(name: &str, signing: Signing) -> Self {
        let path = name.split_once("://").map_or(name, |(_, rest)| rest);
        let path = path.find('/').map_or("", |start| &path[start..]);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let (name, keys) = (format!("http://{address}{path}"), format!("http://{address}/the/keys"));
        let document = json!({
            "issuer": name, "jwks_uri": keys, "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": [format!("{:?}", signing.algorithm()), "HS256"],
        });
        let document_path = format!("{}/.well-known/openid-configuration", path.trim_end_matches('/'));
        let answer = move |request: Request| async move {
            match request.uri().path() {
                "/the/keys" => signing.key_set().to_string().into_response(),
                path if path == document_path => document.to_string().into_response(),
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        };
        let mut task = JoinSet::new();
        task.spawn(
            async move { axum::serve(listener, Router::new().fallback(answer)).await.expect("served") },
        );
        Self { name, keys, signing, _task: task }
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.signing.sign(claims)
    }
}
