//! `contact-gateway dev`: everything on one machine, ready to be tried.

use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use clap::Args;

use super::{
    CliError, sample_data,
    server::{self, Signals},
    start_log,
};
use crate::{
    app::{self, App},
    auth::{Caller, RequestContext, Scopes, Signer},
    config::{self, Config, DEVELOPMENT_DATA_DIR},
    error::AppResult,
    http::playground::{Session, TokenMaker},
    service::{self, Database},
};

const SUBJECT: &str = "developer";
const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The arguments of the command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  contact-gateway dev
  contact-gateway dev --listen 127.0.0.1:9000 --data-dir /tmp/gateway
  contact-gateway dev --database postgres://postgres@127.0.0.1/contacts --no-sample-data")]
pub(super) struct DevArgs {
    /// Address to listen on. Port 0 selects a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder of the database file and the signing key. Created if missing.
    #[arg(long, value_name = "DIR", default_value = DEVELOPMENT_DATA_DIR)]
    data_dir: PathBuf,
    /// Database URL instead of the file: sqlite:… or postgres://…
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Create only one organization in an empty database, without sample data.
    #[arg(long)]
    no_sample_data: bool,
}

impl Default for DevArgs {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: DEVELOPMENT_DATA_DIR.into(),
            database: None,
            no_sample_data: false,
        }
    }
}

pub(super) async fn run(args: DevArgs, out: &mut (impl Write + Send)) -> Result<(), CliError> {
    let key = development_key(&args.data_dir)?;
    let config = Config::development(&args.data_dir, args.listen, args.database, &key)?;
    let _log = start_log(&config);
    // Listening first: a second start by mistake fails before it touches the data.
    let listener = server::listen(args.listen).await?;
    let address = listener.local_addr()?;
    let db = app::connect(&config).await?;
    db.verify_server().await?;
    db.verify_limits().await?;
    db.unlimited(migrations::up(db.pool())).await?;
    service::search_backfill::backfill_search_columns(&db).await.map_err(CliError::SearchBackfill)?;
    fill(&db, args.no_sample_data).await?;
    let signer = config::development_signer(&key)?;
    let token = mint(&signer)?;
    let app = App::new(&config, db, session(signer, address)).await?;
    // Handle signals before announcing that the server is ready.
    let signals = Signals::new()?;
    writeln!(out, "GraphiQL http://{address}/")?;
    writeln!(out, "token {token}")?;
    out.flush()?;
    server::serve(listener, None, app, signals, None).await
}

fn development_key(data_dir: &Path) -> Result<Vec<u8>, CliError> {
    config::development_key(data_dir)
        .map_err(|error| CliError::File { path: data_dir.display().to_string(), error })
}

/// Fills an empty database.
async fn fill(db: &Database, no_sample_data: bool) -> Result<(), CliError> {
    let now = Utc::now();
    if no_sample_data {
        first_organization(db, now).await.map_err(CliError::SampleData)?;
    } else if sample_data::write(db, now).await.map_err(CliError::SampleData)? {
        tracing::info!("sample data written");
    }
    Ok(())
}

/// Creates organization 1 in an empty database, which the development token selects.
async fn first_organization(db: &Database, now: DateTime<Utc>) -> AppResult<()> {
    let caller = Caller {
        subject: SUBJECT.to_owned(),
        scopes: Scopes::all(),
        organizations: Vec::new(),
        organization: None,
        expires_at: now,
        claims_read: None,
    };
    let ctx = RequestContext::new("first-start", now, caller);
    service::organization::create_first(db, &ctx, "My organization").await?;
    Ok(())
}

fn mint(signer: &Signer) -> Result<String, CliError> {
    Ok(signer.mint(SUBJECT, &[1, 2], Scopes::all(), TOKEN_LIFETIME, Utc::now())?)
}

/// GraphiQL receives a token only if the address is local.
fn session(signer: Signer, address: SocketAddr) -> Session {
    let token: TokenMaker = Arc::new(move || mint(&signer).unwrap_or_default());
    Session { token: address.ip().is_loopback().then_some(token), organization: Some("org_1".to_owned()) }
}
