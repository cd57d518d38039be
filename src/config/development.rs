//! Development mode: its configuration, and its key, which is made on the first start and kept beside the data.
//!
//! Imports `auth` and the other files of `config`. Nothing here is ever used in production.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use super::{AppTokens, Auth, Config, ConfigError, Database, DatabaseUrl, Http, Issuer, Log, LogFormat};
use crate::auth::{Algorithm, IssuerConfig, KeyError, KeyMaterial, Signer};

/// The folder of development's database and key, when none is named.
pub const DEVELOPMENT_DATA_DIR: &str = "contact-gateway-data";

const ISSUER: &str = "contact-gateway-development";
const AUDIENCE: &str = "contact-gateway";
const DATABASE_FILE: &str = "contact-gateway.db";
const KEY_FILE: &str = "signing.key";
const KEY_BYTES: usize = 32;

impl Config {
    /// The configuration of development mode: everything on, logs for people, tokens signed with `key`. Without a
    /// `database_url` the database is a file in `data_dir`.
    pub fn development(
        data_dir: &Path,
        listen: SocketAddr,
        database_url: Option<String>,
        key: &[u8],
    ) -> Result<Self, ConfigError> {
        let url = match database_url {
            None => DatabaseUrl::sqlite_file(&data_dir.join(DATABASE_FILE)),
            Some(url) => DatabaseUrl::parse_or_explain(&url)
                .map_err(|message| ConfigError::one("--database", message))?,
        };
        let key = KeyMaterial::Secret(key.to_vec());
        let verification = IssuerConfig::own(ISSUER, AUDIENCE, Algorithm::HS256, key);
        let issuer = Issuer { provider: None, verification, public_key_file: None, private_key_file: None };
        Ok(Self {
            http: Http {
                listen,
                // Not where other machines reach it.
                loopback_origins: listen.ip().is_loopback(),
                graphiql: true,
                introspection: true,
                ..Http::default()
            },
            database: Database { url: Some(url), ..Database::default() },
            auth: Auth { issuers: vec![issuer] },
            app_tokens: AppTokens { issuer: Some(ISSUER.to_owned()), ..AppTokens::default() },
            log: Log { format: LogFormat::Text, ..Log::default() },
            ..Self::default()
        })
    }
}

/// Signs the tokens that development mode accepts.
pub fn development_signer(key: &[u8]) -> Result<Signer, KeyError> {
    Signer::with_secret(ISSUER, AUDIENCE, key)
}

/// Reads the development key of `data_dir`, or makes it. Of several processes that start at once all get the same key.
pub fn development_key(data_dir: &Path) -> io::Result<Vec<u8>> {
    match existing_development_key(data_dir)? {
        Some(key) => Ok(key),
        None => make(data_dir, &data_dir.join(KEY_FILE)),
    }
}

/// Reads the development key of `data_dir`, if there is one.
pub fn existing_development_key(data_dir: &Path) -> io::Result<Option<Vec<u8>>> {
    let path = data_dir.join(KEY_FILE);
    match fs::read(&path) {
        Ok(key) => check(&path, key).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a key beside its place and then links it there, which fails when somebody else was first: a reader sees a
/// whole key or none, whenever this process is stopped.
fn make(data_dir: &Path, path: &Path) -> io::Result<Vec<u8>> {
    create_private_folder(data_dir)?;
    let key = random::<KEY_BYTES>()?;
    let draft = data_dir.join(format!("{KEY_FILE}.{:x}", u64::from_ne_bytes(random()?)));
    let linked = write_private(&draft, &key).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Ok(()) => removed.map(|()| key.to_vec()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check(path, fs::read(path)?),
        Err(error) => Err(error),
    }
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create_private(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A folder that is there already stays as it is.
fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut folder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.recursive(true).create(path)
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn check(path: &Path, key: Vec<u8>) -> io::Result<Vec<u8>> {
    if key.len() == KEY_BYTES {
        return Ok(key);
    }
    let message = format!("{} is damaged; delete it, and the next start creates a new key", path.display());
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}
