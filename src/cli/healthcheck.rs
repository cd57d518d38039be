//! `contact-gateway healthcheck`: asks a running server whether it is ready, for the health checks of containers, whose images
//! need no other HTTP client then.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{Request, StatusCode},
};
use clap::Args;
use http_body_util::{BodyExt, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::timeout;

use super::CliError;
use crate::{config, error::root_cause};

/// The maximum time for the response: the server itself gives up earlier.
const TIME_LIMIT: Duration = Duration::from_secs(4);
/// The most bytes that are read of a response.
const MAX_BODY: usize = 1024;

/// Check whether the running server is ready (GET /readyz)
///
/// Reads only http.listen; an unspecified address such as 0.0.0.0 means this machine. The exit code is 0 if the server is ready, and
/// 1 otherwise.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway healthcheck --config gateway.toml
  CONTACT_GATEWAY__HTTP__LISTEN=0.0.0.0:8080 contact-gateway healthcheck")]
pub(super) struct HealthcheckArgs {
    /// Configuration file. The environment variable CONTACT_GATEWAY__HTTP__LISTEN overrides it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) async fn run(args: HealthcheckArgs) -> Result<(), CliError> {
    let listen = config::listen_address(args.config.as_deref(), config::environment())?;
    let address = reachable(listen);
    let ready = timeout(TIME_LIMIT, check(address)).await;
    let ready = ready.unwrap_or_else(|_| Err(format!("no response within {} s", TIME_LIMIT.as_secs())));
    ready.map_err(|reason| CliError::NotReady { address, reason })
}

/// An address that accepts connections on all interfaces accepts them on the loopback interface too.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Fails with the reason if the server is not ready.
async fn check(address: SocketAddr) -> Result<(), String> {
    let request = Request::get(format!("http://{address}/readyz")).body(Body::empty());
    let request = request.map_err(|error| root_cause(&error))?;
    let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let response = client.request(request).await.map_err(|error| root_cause(&error))?;
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(());
    }
    let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
    let body = body.map_or_else(|_| Bytes::new(), |body| body.to_bytes());
    let reason = String::from_utf8_lossy(&body);
    Err(format!("status {}: {}", status.as_u16(), reason.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unspecified_addresses_are_reached_by_loopback() {
        for (listen, expected) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(reachable(listen.parse().expect("an address")).to_string(), expected);
        }
    }
}
