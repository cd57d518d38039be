//! `contact-gateway token`: creates a token and prints only the token, so that `$(contact-gateway token)` works in a shell.
//!
//! Signs with the development key of a data folder, or with the first key of the configuration that can sign. `inspect`
//! explains a token instead.

mod inspect;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Utc;
use clap::{Args, Subcommand};

use crate::app::ConnectError;
use crate::auth::{Algorithm, KeyError, MAX_TOKEN_LIFETIME, Scope, Scopes, Signer, organization_number};
use crate::config::{self, ConfigError, DEVELOPMENT_DATA_DIR, Issuer, parse_duration};
use crate::error::AppError;

/// The arguments of the command.
#[derive(Debug, Args)]
#[command(
    about = "Print a signed token, or explain one",
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  contact-gateway token
  contact-gateway token --sub alice --org org_1 --org org_2 --scope contacts:read --ttl 8h
  contact-gateway token --config contact-gateway.toml --sub smoke-test --ttl 5m
  contact-gateway token inspect \"$TOKEN\" --config contact-gateway.toml
  curl -H \"authorization: Bearer $(contact-gateway token)\" http://127.0.0.1:8080/graphql ..."
)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    action: Option<Action>,
    /// Folder with the development key, which `contact-gateway dev` creates.
    #[arg(long, value_name = "DIR", default_value = DEVELOPMENT_DATA_DIR)]
    data_dir: PathBuf,
    /// Configuration file with the signing key: a secret, or the private_key_file of an issuer.
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    config: Option<PathBuf>,
    /// Subject of the token.
    #[arg(long, value_name = "SUBJECT", default_value = "developer", value_parser = subject)]
    sub: String,
    /// Organization that the token can access, for example 42 or org_42. Repeat for several.
    #[arg(long = "org", value_name = "ORGANIZATION", default_value = "1", value_parser = organization)]
    orgs: Vec<i64>,
    /// Scope: contacts:read, contacts:write, org:admin or gateway:admin. Repeat for several. [default: all scopes]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
    /// Lifetime of the token, for example 15m or 8h. At most 24h.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = lifetime)]
    ttl: Duration,
}

#[derive(Debug, Subcommand)]
enum Action {
    Inspect(inspect::InspectArgs),
}

/// Why no token was created, or one is refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenCommandError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder has no development key. A new one would sign tokens that no server accepts.
    #[error(
        "there is no development key in {0}; run this command where `contact-gateway dev` was started, set --data-dir to its \
         data folder, or set --config to the configuration of a server"
    )]
    NoDevelopmentKey(String),
    /// The configuration has only verification keys.
    #[error(
        "auth.issuers: no issuer without provider and claims has a signing key; set secret or private_key_file, or omit \
         --config"
    )]
    NoSigningKey,
    /// There is nothing to verify tokens with.
    #[error(
        "no issuer is configured, so no token can be verified; set --config to the configuration of the server"
    )]
    NoIssuer,
    /// A private key cannot be used.
    #[error("auth.issuers: {0}")]
    Key(#[from] KeyError),
    /// A file cannot be read or written.
    #[error("cannot use {path}: {error}; choose a file or folder that this user can read and write")]
    File {
        /// The file or the folder.
        path: String,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The token is not accepted.
    #[error("the token is refused: {0}")]
    Refused(String),
    /// The database of the configuration cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database did not find organizations.
    #[error("{}", .0.public_message())]
    Lookup(AppError),
    /// The token could not be printed.
    #[error("cannot print the token: {0}")]
    Output(#[from] io::Error),
}

/// Prints a token, or explains one.
pub(super) async fn run(args: TokenArgs, out: &mut (impl Write + Send)) -> Result<(), TokenCommandError> {
    match args.action {
        Some(Action::Inspect(args)) => inspect::run(args, out).await,
        None => print(args, out),
    }
}

fn print(args: TokenArgs, out: &mut impl Write) -> Result<(), TokenCommandError> {
    let signer = match &args.config {
        Some(file) => configured_signer(file)?,
        None => development_signer(&args.data_dir)?,
    };
    let scopes = if args.scopes.is_empty() { Scopes::all() } else { args.scopes.into_iter().collect() };
    let token = signer.mint(&args.sub, &args.orgs, scopes, args.ttl, Utc::now())?;
    Ok(writeln!(out, "{token}")?)
}

fn development_signer(data_dir: &Path) -> Result<Signer, TokenCommandError> {
    let key = existing_development_key(data_dir)?;
    let key = key.ok_or_else(|| TokenCommandError::NoDevelopmentKey(data_dir.display().to_string()))?;
    Ok(config::development_signer(&key)?)
}

fn existing_development_key(data_dir: &Path) -> Result<Option<Vec<u8>>, TokenCommandError> {
    config::existing_development_key(data_dir).map_err(|error| file_error(data_dir, error))
}

fn configured_signer(file: &Path) -> Result<Signer, TokenCommandError> {
    let config = config::load(Some(file), config::environment())?;
    config.auth.issuers.iter().find_map(issuer_signer).ok_or(TokenCommandError::NoSigningKey)?
}

/// The signer of an issuer that can sign tokens of the gateway's own form.
fn issuer_signer(issuer: &Issuer) -> Option<Result<Signer, TokenCommandError>> {
    if let Some(signer) = issuer.secret_signer() {
        return Some(signer.map_err(Into::into));
    }
    let (verification, file) = (&issuer.verification, issuer.private_key_file.as_ref()?);
    let audience = verification.own_audience()?;
    let algorithms = verification.algorithms.iter();
    Some(std::fs::read_to_string(file).map_err(|error| file_error(file, error)).and_then(|pem| {
        let sign =
            |algorithm: Algorithm| Signer::with_private_key(&verification.issuer, audience, algorithm, &pem);
        let signers = algorithms.map(sign).collect::<Vec<_>>();
        // One that can sign, or the first reason why none can.
        let position = signers.iter().position(Result::is_ok).unwrap_or_default();
        let signer = signers.into_iter().nth(position).ok_or(TokenCommandError::NoSigningKey)?;
        Ok(signer?)
    }))
}

fn file_error(path: &Path, error: io::Error) -> TokenCommandError {
    TokenCommandError::File { path: path.display().to_string(), error }
}

fn subject(text: &str) -> Result<String, &'static str> {
    let valid = !text.trim().is_empty() && !text.chars().any(char::is_control);
    if valid { Ok(text.to_owned()) } else { Err("must not contain control characters") }
}

/// Reads an organization's number or id.
pub(super) fn organization(text: &str) -> Result<i64, &'static str> {
    organization_number(text).ok_or("must be the number or id of an organization, for example 42 or org_42")
}

fn lifetime(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text)
        .filter(|ttl| (Duration::from_secs(1)..=MAX_TOKEN_LIFETIME).contains(ttl))
        .ok_or("must be a duration from 1s to 24h, for example 15m or 8h")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chrono::{DateTime, TimeDelta};
    use clap::{CommandFactory, Parser};
    use futures_util::FutureExt;
    use tempfile::TempDir;

    use super::*;
    use crate::auth::{Claims, TokenVerifier};
    use crate::config::Config;

    #[derive(Debug, Parser)]
    enum Program {
        Token(TokenArgs),
    }

    fn parse(arguments: &[&str]) -> Result<TokenArgs, clap::Error> {
        let program = Program::try_parse_from(["contact-gateway", "token"].iter().chain(arguments))?;
        let Program::Token(args) = program;
        Ok(args)
    }

    fn print(arguments: &[&str]) -> Result<String, TokenCommandError> {
        let mut out = Vec::new();
        super::print(parse(arguments).expect("good arguments"), &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    fn verify(config: &Config, line: &str) -> Claims {
        let verifier = TokenVerifier::new(config.issuers()).expect("good keys");
        let verified = verifier.verify(line.strip_suffix('\n').expect("a line"), Utc::now()).now_or_never();
        verified.expect("a key at hand").expect("a good token")
    }

    fn development(data_dir: &Path) -> Config {
        let key = config::development_key(data_dir).expect("a key");
        Config::development(data_dir, ([127, 0, 0, 1], 0).into(), None, &key).expect("a configuration")
    }

    fn lives(claims: &Claims, expected: TimeDelta) -> bool {
        let life: DateTime<Utc> = Utc::now() + expected;
        (life - claims.expires_at).abs() < TimeDelta::minutes(1)
    }

    #[test]
    fn without_arguments_development_accepts_it() {
        let folder = TempDir::new().expect("a folder");
        let data_dir = folder.path().join("data");
        let configuration = development(&data_dir);
        let line = print(&["--data-dir", data_dir.to_str().expect("text")]).expect("a token");
        let claims = verify(&configuration, &line);
        assert_eq!(claims.subject, "developer");
        assert_eq!(claims.organizations, [1]);
        assert_eq!(claims.scopes, Scopes::all());
        assert!(lives(&claims, TimeDelta::hours(1)));
        assert_eq!(parse(&[]).expect("defaults").data_dir, Path::new(DEVELOPMENT_DATA_DIR));
    }

    #[test]
    fn arguments_become_claims() {
        let folder = TempDir::new().expect("a folder");
        let data_dir = folder.path().to_str().expect("text");
        let configuration = development(folder.path());
        let line = print(&[
            "--data-dir",
            data_dir,
            "--sub",
            "alice",
            "--org",
            "org_42",
            "--org",
            "7",
            "--scope",
            "org:admin",
            "--ttl",
            "8h",
        ]);
        let claims = verify(&configuration, &line.expect("a token"));
        assert_eq!(claims.subject, "alice");
        assert_eq!(claims.organizations, [7, 42]);
        assert_eq!(claims.scopes.to_string(), "org:admin");
        assert!(lives(&claims, TimeDelta::hours(8)));
    }

    #[test]
    fn a_folder_without_a_key_gets_none() {
        let folder = TempDir::new().expect("a folder");
        let data_dir = folder.path().join("data");
        let refused = print(&["--data-dir", data_dir.to_str().expect("text")]).expect_err("a refusal");
        assert!(matches!(refused, TokenCommandError::NoDevelopmentKey(_)), "{refused}");
        assert!(refused.to_string().contains("--data-dir"), "{refused}");
        assert!(!data_dir.exists());
    }

    #[test]
    fn bad_arguments_are_refused() {
        for arguments in [
            ["--org", "0"],
            ["--org", "oc_1"],
            ["--org", "x"],
            ["--scope", "contacts:delete"],
            ["--ttl", "25h"],
            ["--ttl", "0s"],
            ["--ttl", "2d"],
            ["--ttl", "1w"],
            ["--sub", ""],
            ["--sub", "a\nb"],
        ] {
            assert!(parse(&arguments).is_err(), "{arguments:?}");
        }
        assert!(parse(&["--config", "a", "--data-dir", "b"]).is_err());
    }

    #[test]
    fn help_has_examples() {
        let mut command = Program::command();
        let token = command.find_subcommand_mut("token").expect("the command");
        let help = token.render_long_help().to_string();
        assert!(help.starts_with("Print a signed token, or explain one"), "{help}");
        assert!(help.contains("--scope contacts:read --ttl 8h") && help.contains("[default: 1h]"), "{help}");
    }

    #[test]
    fn the_key_of_the_configuration_signs() {
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("gateway.toml");
        let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys");
        let issuer = "[auth]\nissuer = \"i\"\naudience = \"a\"\n";
        let public = format!("algorithm = \"ES256\"\npublic_key_file = \"{keys}/es256-public.pem\"\n");
        let mint = |settings: &str| {
            fs::write(&file, format!("{issuer}{settings}")).expect("a file");
            print(&["--config", file.to_str().expect("text")])
        };
        for settings in [
            "algorithm = \"HS256\"\nsecret = \"0123456789abcdef0123456789abcdef\"\n".to_owned(),
            format!("{public}private_key_file = \"{keys}/es256-private.pem\"\n"),
        ] {
            let line = mint(&settings).expect("a token");
            verify(&config::load(Some(&file), []).expect("a configuration"), &line);
        }
        assert!(matches!(mint(&public), Err(TokenCommandError::NoSigningKey)));
        let absent = mint(&format!("{public}private_key_file = \"absent.pem\"\n"));
        assert!(absent.expect_err("a refusal").to_string().starts_with("cannot use absent.pem: "));
        let other = mint(&format!("{public}private_key_file = \"{keys}/rs256-private.pem\"\n"));
        assert!(matches!(other, Err(TokenCommandError::Key(KeyError::Unusable(_)))));
        assert!(matches!(mint("algorithm = 1"), Err(TokenCommandError::Config(_))));
    }
}
