//! A gateway whose issuer publishes its keys over TLS: the real binary, and a real server with a certificate.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Stdio},
    sync::Arc,
    time::Duration,
};

use chrono::Utc;
use contact_gateway::auth::{Algorithm, Scopes, Signer};
use jsonwebtoken::{DecodingKey, jwk::Jwk};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::process::{command, run};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
const SOON: Duration = Duration::from_secs(20);

/// A server that answers everything with a key set, with a certificate of the tests' own authority for localhost and
/// 127.0.0.1.
async fn publish(host: &str, keys: String) -> SocketAddr {
    let certificate = CertificateDer::from_pem_file(format!("{KEYS}/localhost-certificate.pem"));
    let key = PrivateKeyDer::from_pem_file(format!("{KEYS}/localhost-private.pem")).expect("a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.expect("a certificate")], key)
        .expect("a certificate with its key");
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind((host, 0)).await.expect("a free port"));
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust the certificate disconnects.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", keys.len());
            let _ = stream.write_all(format!("{head}{keys}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

/// `contact-gateway serve`, listening.
struct Gateway {
    child: Child,
    url: String,
}

impl Gateway {
    /// Starts it in a folder; it trusts the authorities of one file.
    async fn start(folder: &Path, jwks_url: &str, authorities: &str) -> Self {
        let file = folder.join("gateway.toml");
        let database = folder.join("gateway.db");
        let text = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"sqlite://{}?mode=rwc\"\n\
             [auth]\nissuer = \"tests\"\naudience = \"gateway\"\nalgorithm = \"ES256\"\njwks_url = \"{jwks_url}\"\n",
            database.display()
        );
        std::fs::write(&file, text).expect("a file");
        let file = file.to_str().expect("text");
        let migrated = run(command(folder, ["migrate", "up", "--config", file])).await;
        assert_eq!(migrated.code, Some(0), "{migrated:?}");
        let mut command = command(folder, ["serve", "--config", file]);
        command.env("SSL_CERT_FILE", format!("{KEYS}/{authorities}")).stderr(Stdio::piped());
        let started = tokio::task::spawn_blocking(move || Self::spawn(command.spawn().expect("the binary")));
        started.await.expect("a gateway")
    }

    fn spawn(mut child: Child) -> Self {
        let mut log = BufReader::new(child.stderr.take().expect("a log")).lines();
        let address = log.by_ref().find_map(|line| {
            let line: Value = serde_json::from_str(&line.ok()?).ok()?;
            line["fields"]["address"].as_str().map(str::to_owned)
        });
        // What it logs later must not fill the pipe.
        std::thread::spawn(move || log.for_each(drop));
        Self { child, url: format!("http://{}", address.expect("a gateway that listens")) }
    }

    /// The statuses of `/readyz` and of a request with a token.
    async fn statuses(&self, token: &str) -> (u16, u16) {
        let client = Client::builder().no_proxy().timeout(SOON).build().expect("a client");
        let ready = client.get(format!("{}/readyz", self.url)).send().await.expect("an answer");
        let request = client.post(format!("{}/graphql", self.url)).bearer_auth(token);
        let asked =
            request.json(&json!({ "query": "{ viewer { subject } }" })).send().await.expect("an answer");
        (ready.status().as_u16(), asked.status().as_u16())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn keys_come_over_tls_from_whom_the_machine_trusts() {
    let pem = |name: &str| std::fs::read_to_string(format!("{KEYS}/{name}.pem")).expect("a key");
    let public = DecodingKey::from_ec_pem(pem("es256-public").as_bytes()).expect("a key");
    let jwk = Jwk::from_decoding_key(&public, Some(jsonwebtoken::Algorithm::ES256)).expect("a JWK");
    let keys = json!({ "keys": [jwk] }).to_string();
    let (named, unnamed) = (publish("127.0.0.1", keys.clone()).await, publish("127.0.0.2", keys).await);
    let signer = Signer::with_private_key("tests", "gateway", Algorithm::ES256, &pem("es256-private"));
    let hour = Duration::from_hours(1);
    let token = signer.expect("a signer").mint("me", &[1], Scopes::all(), hour, Utc::now()).expect("a token");

    for (host, port, authorities, expected) in [
        ("localhost", named.port(), "localhost-authority.pem", (200, 200)),
        // Another authority than the one that signed, and a name that is not in the certificate.
        ("localhost", named.port(), "localhost-certificate.pem", (503, 503)),
        ("127.0.0.2", unnamed.port(), "localhost-authority.pem", (503, 503)),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("https://{host}:{port}/keys");
        let gateway = Gateway::start(folder.path(), &url, authorities).await;
        // The first token waits for the keys.
        gateway.statuses(&token).await;
        assert_eq!(gateway.statuses(&token).await, expected, "{host} {authorities}");
    }
}
