//! A proxy between the gateway and its PostgreSQL server, which can change their messages.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};
use url::Url;

/// What it changes.
#[derive(Clone, Copy)]
pub(crate) enum Tampering {
    /// Nothing.
    None,
    /// Drops the start-up parameter `options`, as some connection poolers do.
    DropsOptions,
    /// Replaces bytes of the server's answers by as many others.
    Replaces(&'static [u8], &'static [u8]),
}

/// The proxy. Its connections end when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    is_silent: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Listens in front of the server of a URL.
    pub(crate) async fn before(url: &str, tampering: Tampering) -> Self {
        let url: Url = url.parse().expect("a URL");
        let server = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (is_silent, silence) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.expect("a client");
                let server = TcpStream::connect(&server).await.expect("the server");
                connections.spawn(forward(client, server, tampering, silence.clone()));
            }
        });
        Self { address, is_silent, _tasks: tasks }
    }

    /// The same URL with the address of this.
    pub(crate) fn url(&self, url: &str) -> String {
        let mut url: Url = url.parse().expect("a URL");
        url.set_ip_host(self.address.ip()).expect("a host");
        url.set_port(Some(self.address.port())).expect("a port");
        url.into()
    }

    /// Whatever is sent over the connections of until now is lost without a word, as when a machine loses its power.
    pub(crate) fn fall_silent(&self) {
        self.is_silent.send(true).expect("a proxy");
    }

    /// Connections from now on are served again. Those of before stay silent.
    pub(crate) fn come_back(&self) {
        self.is_silent.send(false).expect("a proxy");
    }
}

async fn forward(
    client: TcpStream,
    server: TcpStream,
    tampering: Tampering,
    mut silence: watch::Receiver<bool>,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let copy = async {
        if matches!(tampering, Tampering::DropsOptions) {
            start_without_options(&mut from_client, &mut to_server, &mut from_server, &mut to_client).await?;
        }
        let up = copy(&mut from_client, &mut to_server, |_| {});
        let down = copy(&mut from_server, &mut to_client, |bytes| {
            if let Tampering::Replaces(old, new) = tampering {
                replace(bytes, old, new);
            }
        });
        // The side that ends first ends both.
        tokio::select! { done = up => done, done = down => done }
    };
    let silent = async { silence.wait_for(|is_silent| *is_silent).await.is_ok() };
    tokio::select! {
        // A side that is gone is what the other one sees when this returns.
        _ = copy => return,
        _ = silent => {}
    }
    std::future::pending().await
}

async fn copy(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    change: impl Fn(&mut [u8]),
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        change(&mut buffer[..length]);
        to.write_all(&buffer[..length]).await?;
    }
}

fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    assert_eq!(old.len(), new.len());
    for start in 0..(bytes.len() + 1).saturating_sub(old.len()) {
        if bytes[start..].starts_with(old) {
            bytes[start..start + old.len()].copy_from_slice(new);
        }
    }
}

/// The question for TLS is passed on with its answer, no; then the start-up message goes without its options.
async fn start_without_options(
    from_client: &mut OwnedReadHalf,
    to_server: &mut OwnedWriteHalf,
    from_server: &mut OwnedReadHalf,
    to_client: &mut OwnedWriteHalf,
) -> std::io::Result<()> {
    const TLS: &[u8] = &80_877_103_u32.to_be_bytes();
    loop {
        let length = from_client.read_u32().await?;
        let mut message = vec![0; length as usize - 4];
        from_client.read_exact(&mut message).await?;
        let is_tls = message == TLS;
        if !is_tls {
            message = without_options(&message);
        }
        let length = u32::try_from(message.len() + 4).expect("a length");
        to_server.write_all(&[&length.to_be_bytes()[..], &message].concat()).await?;
        if !is_tls {
            return Ok(());
        }
        to_client.write_u8(from_server.read_u8().await?).await?;
    }
}

/// The version of the protocol, then names and values with a zero after each, then a zero.
fn without_options(message: &[u8]) -> Vec<u8> {
    let (version, parameters) = message.split_at(4);
    let texts: Vec<&[u8]> = parameters.split(|byte| *byte == 0).collect();
    let mut message = version.to_vec();
    for pair in texts.chunks_exact(2).filter(|pair| !pair[0].is_empty() && pair[0] != b"options") {
        message.extend(pair.iter().flat_map(|text| [text, &[0][..]]).flatten());
    }
    message.push(0);
    message
}
