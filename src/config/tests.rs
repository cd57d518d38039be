//! Tests of the configuration: precedence, rejected values and their messages, and secrets that stay hidden.

use std::fs;
use std::sync::Barrier;

use futures_util::FutureExt;
use tempfile::TempDir;

use super::duration::Formatted;
use super::*;
use crate::auth::{Algorithm, TokenVerifier};

const DOCUMENTATION: &str = include_str!("../../docs/configuration.md");
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PUBLIC_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/es256-public.pem");

/// A complete configuration, to which tests add.
const GOOD: &str = r#"
[database]
url = "sqlite::memory:"
[auth]
issuer = "i"
audience = "a"
algorithm = "HS256"
secret = "0123456789abcdef0123456789abcdef"
"#;

fn variables(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| (format!("CONTACT_GATEWAY__{name}"), (*value).to_owned())).collect()
}

pub(super) fn load_text(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("gateway.toml");
    fs::write(&file, text).expect("a file");
    load_for_serving(Some(&file), variables(environment))
}

/// The problems of a configuration, one a line, in place of [`GOOD`]'s own settings.
fn problems(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let error = load_text(text, environment).expect_err("a refusal");
    error.problems.iter().map(ToString::to_string).collect()
}

/// The only problem when `text` is added to a good configuration.
pub(super) fn problem(text: &str) -> String {
    let problems = problems(&format!("{GOOD}\n{text}"), &[]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.concat()
}

#[test]
fn defaults_are_as_documented() {
    let example =
        DOCUMENTATION.split("```").nth(1).and_then(|block| block.strip_prefix("toml")).expect("a block");
    let documented = load_text(example, &[]).expect("a good example");
    assert_eq!(documented.http, Http::default());
    assert_eq!(documented.database, Database { url: documented.database.url.clone(), ..Database::default() });
    assert_eq!(documented.limits, Limits::default());
    assert_eq!(documented.documents, Documents::default());
    assert_eq!(documented.rate_limit, RateLimit::default());
    assert_eq!(documented.app_tokens, AppTokens::default());
    assert_eq!(documented.contacts, Contacts::default());
    assert_eq!(documented.retention, Retention::default());
    assert_eq!(documented.log, Log::default());
    let defaults = load(None, []).expect("nothing is required");
    assert_eq!(defaults.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(defaults.http.body_limit, 1_048_576);
    assert!(defaults.database.url.is_none() && defaults.auth.issuers.is_empty());
}

#[test]
fn every_setting_is_documented_with_its_variable() {
    let unknown = problems(
        "[http]\nx=1\n[database]\nx=1\n[auth]\nx=1\n[limits]\nx=1\n[documents]\nx=1\n[rate_limit]\nx=1\n[app_tokens]\nx=1\n[contacts]\nx=1\n[retention]\nx=1\n[metrics]\nx=1\n[telemetry]\nx=1\n[log]\nx=1",
        &[],
    );
    let lists = unknown.iter().filter_map(|problem| problem.split_once("unknown setting; the settings of ["));
    let mut count = 0;
    for (section, settings) in lists.filter_map(|(_, list)| list.split_once("] are ")) {
        for setting in settings.split(", ") {
            count += 1;
            assert!(DOCUMENTATION.contains(&format!("| {section}.{setting} |")), "{section}.{setting}");
            let variable = format!("CONTACT_GATEWAY__{section}__{setting}`").to_uppercase();
            let is_table = matches!(setting, "claims" | "scope_map");
            assert!(is_table || DOCUMENTATION.contains(&variable), "{variable}");
        }
    }
    assert!(count > 25, "{count}");
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_defaults() {
    let file = format!("{GOOD}\n[http]\nlisten = \"0.0.0.0:1\"\nbody_limit = 2048\n[log]\nlevel = \"warn\"");
    let environment = [
        ("HTTP__LISTEN", "[::1]:9"),
        ("HTTP__GRAPHIQL", "true"),
        ("HTTP__ALLOWED_ORIGINS", "https://a.test, http://localhost:3000"),
        ("DATABASE__URL", "postgres://u:p@h/d"),
        ("DATABASE__MAX_CONNECTIONS", "3"),
        ("LIMITS__REQUEST_TIMEOUT", "500ms"),
        ("LOG__FORMAT", "text"),
        ("LOG__LEVEL", ""),
    ];
    let config = load_text(&file, &environment).expect("a good configuration");
    assert_eq!(config.http.listen.to_string(), "[::1]:9");
    assert_eq!(config.http.body_limit, 2048);
    assert_eq!(config.http.allowed_origins, ["https://a.test", "http://localhost:3000"]);
    assert!(config.http.graphiql && !config.http.introspection);
    assert_eq!(config.database_url().expect("an address").expose(), "postgres://u:p@h/d");
    assert_eq!(config.database.max_connections, 3);
    assert_eq!(config.limits.request_timeout, Duration::from_millis(500));
    assert_eq!(config.log, Log { format: LogFormat::Text, level: "warn".to_owned() });
}

#[test]
fn the_environment_alone_is_enough() {
    let environment = [
        ("DATABASE__URL", "sqlite://x.db"),
        ("AUTH__ISSUER", "i"),
        ("AUTH__AUDIENCE", "a"),
        ("AUTH__ALGORITHM", "ES256"),
        ("AUTH__PUBLIC_KEY_FILE", PUBLIC_KEY),
    ];
    let config = load_for_serving(None, variables(&environment)).expect("a good configuration");
    assert_eq!(config.auth.issuers[0].verification.algorithms, Algorithm::ES256.into());
    assert!(TokenVerifier::new(config.issuers()).is_ok());
}

#[test]
fn variables_of_others_are_passed_over() {
    let others =
        [("CONTACT_GATEWAY_PORT", "x"), ("CONTACT_GATEWAY_HTTP__LISTEN", "x"), ("HTTP__LISTEN", "x")];
    assert!(load(None, others.map(|(name, value)| (name.to_owned(), value.to_owned()))).is_ok());
}

#[test]
fn all_problems_are_reported_together() {
    let text = r#"
        [http]
        listen = "8080"
        allowed_origins = ["https://app.test/", "*", "https://good.test"]
        body_limit = 10
        [database]
        max_connections = 0
        acquire_timeout = "5"
        [[auth.issuers]]
        algorithm = "HS128"
        secret = "short"
        [limit]
        request_timeout = "10s"
        [log]
        level = "inf0"
    "#;
    let problems = problems(text, &[("HTTP__GRAPHIQL", "yes"), ("LOG__COLOUR", "1"), ("X", "1")]);
    let starts = [
        "CONTACT_GATEWAY__X: not a setting; ",
        "http.listen: \"8080\" is not valid; use an address and a port",
        "http.allowed_origins: \"https://app.test/\" is not an origin; ",
        "http.allowed_origins: \"*\" is not an origin; ",
        "CONTACT_GATEWAY__HTTP__GRAPHIQL: \"yes\" is not valid; use true or false",
        "http.body_limit: \"10\" is not valid; ",
        "database.url: not set; use sqlite://",
        "database.max_connections: \"0\" is not valid; ",
        "database.acquire_timeout: \"5\" is not valid; use a duration",
        "auth.issuers[0].issuer: not set; ",
        "auth.issuers[0].audience: not set; ",
        "auth.issuers[0].algorithm: \"HS128\" is not valid; use HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA",
        "log.level: \"inf0\" is not valid; use error, warn",
        "CONTACT_GATEWAY__LOG__COLOUR: unknown setting; the settings of [log] are format, level",
        "limit: unknown section; the sections are http, database, auth, limits, documents, rate_limit, app_tokens, contacts, retention, metrics, telemetry and log",
    ];
    assert_eq!(problems.len(), starts.len(), "{problems:#?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem} / {start}");
    }
    let error = load_text(text, &[]).expect_err("a refusal").to_string();
    assert!(error.starts_with("invalid configuration:\n  http.listen: "), "{error}");
}

#[test]
fn only_serving_requires_a_database_and_an_issuer() {
    let config = load(None, []).expect("a good configuration");
    let error = config.database_url().map(drop).expect_err("there is none");
    assert!(error.to_string().contains("CONTACT_GATEWAY__DATABASE__URL"), "{error}");
    let problems = load_for_serving(None, []).expect_err("a refusal").problems;
    let settings: Vec<&str> = problems.iter().map(|problem| problem.setting.as_str()).collect();
    assert_eq!(settings, ["database.url", "auth.issuer"]);
}

#[test]
fn values_of_the_wrong_kind_are_refused() {
    assert!(problem("[http]\nlisten = [1]").starts_with("http.listen: not a single value; "));
    assert!(problem("[http]\nbody_limit = 2048.5").starts_with("http.body_limit: not a single value; "));
    assert!(
        problem("[http]\nallowed_origins = [1]").starts_with("http.allowed_origins: not a list of strings")
    );
    assert!(problem("[http]\nallowed_origins = \"\"").contains("\"\" is not an origin"));
    assert!(
        problem("[log]\nformat = true").starts_with("log.format: \"true\" is not valid; use text or json")
    );
    let problems = problems("http = 1\nauth.issuers = 5", &[]);
    assert!(problems[0].starts_with("http: not a section; write [http]"), "{problems:?}");
    assert!(problems[2].starts_with("auth.issuers: not a list of sections; "), "{problems:?}");
}

#[test]
fn origins_are_exact() {
    let good =
        ["https://app.test", "http://localhost:3000", "http://[::1]:5173", "https://xn--bcher-kva.test"];
    for origin in good {
        let text = format!("{GOOD}\n[http]\nallowed_origins = [\"{origin}\"]");
        assert_eq!(load_text(&text, &[]).expect("an origin").http.allowed_origins, [origin]);
    }
    let bad = [
        "null",
        "https://",
        "app.test",
        "https://app.test:443",
        "https://*.test",
        "https://APP.test",
        "https://u@app.test",
        "https://app.test?x",
        "ftp://app.test",
        "file:///",
        "https://app.test ",
    ];
    for origin in bad {
        let problem = problem(&format!("[http]\nallowed_origins = [\"{origin}\"]"));
        assert!(problem.contains("is not an origin"), "{problem}");
    }
}

#[test]
fn levels_are_checked_before_the_log_starts() {
    for level in ["debug", "off", "info,sqlx=warn", "warn,contact_gateway=trace"] {
        assert!(load_text(&format!("{GOOD}\n[log]\nlevel = \"{level}\""), &[]).is_ok(), "{level}");
    }
    for level in ["", "loud", "info,", "info,sqlx", "=info", "sqlx=loud"] {
        assert!(problem(&format!("[log]\nlevel = \"{level}\"")).starts_with("log.level: "), "{level}");
    }
}

#[test]
fn documents_have_limits_within_bounds() {
    let text = format!("{GOOD}\n[limits]\ndocument_tokens = 100\ndocument_depth = 32");
    let limits = load_text(&text, &[("LIMITS__DOCUMENT_ALIASES", "0")]);
    assert!(limits.is_err());
    let limits = load_text(&text, &[("LIMITS__DOCUMENT_ALIASES", "1")]).expect("limits").limits;
    assert_eq!(
        limits,
        Limits { document_tokens: 100, document_depth: 32, document_aliases: 1, ..Limits::default() }
    );
    for (key, bad, bounds) in [
        ("document_tokens", "50001", "1 to 50000"),
        ("document_fields", "0", "1 to 50000"),
        ("document_depth", "33", "1 to 32"),
        ("document_root_fields", "-1", "1 to 50000"),
        ("document_directives", "\"many\"", "1 to 50000"),
    ] {
        let problem = problem(&format!("[limits]\n{key} = {bad}"));
        assert!(problem.starts_with(&format!("limits.{key}: ")) && problem.contains(bounds), "{problem}");
    }
}

#[test]
fn a_bucket_holds_what_a_request_may_cost() {
    let read = |text: &str| load_text(&format!("{GOOD}\n{text}"), &[]).expect("a configuration").rate_limit;
    assert_eq!(read("[rate_limit]\npoints_per_minute = 0\nburst = 5"), RateLimit::default());
    let RateLimit { burst, .. } = read("[rate_limit]\npoints_per_minute = 6000");
    assert_eq!(burst, 500_000);
    let RateLimit { burst, .. } = read("[rate_limit]\npoints_per_minute = 600000");
    assert_eq!(burst, 600_000);
    let RateLimit { burst, .. } =
        read("[limits]\ncost = 100\n[rate_limit]\npoints_per_minute = 10\nburst = 100");
    assert_eq!(burst, 100);
    let small = problem("[rate_limit]\npoints_per_minute = 10\nburst = 100");
    assert!(
        small.starts_with("rate_limit.burst: a request can cost 500000 points, more than this; "),
        "{small}"
    );
    assert!(problem("[rate_limit]\npoints_per_minute = -1").contains("use a number of points from 0"));
    assert!(problem("[limits]\ncost = 0").starts_with("limits.cost: "));
}

#[test]
fn shares_have_bounds_and_defaults() {
    let read = |text: &str| load_text(&format!("{GOOD}\n{text}"), &[]).expect("a configuration");
    for (subscriptions, organization) in [(1, 1), (7, 3), (5000, 2500)] {
        let limits = read(&format!("[limits]\nsubscriptions = {subscriptions}")).limits;
        assert_eq!(limits.subscriptions_per_organization, organization);
    }
    let limit = read("[rate_limit]\npoints_per_minute = 600000\npoints_per_millisecond = 0").rate_limit;
    assert_eq!(limit.points_per_millisecond, 0);
    let price = problem("[rate_limit]\npoints_per_millisecond = 1001");
    assert!(price.contains("use a number of points from 0 to 1000"), "{price}");
}

#[test]
fn rows_are_kept_for_a_time_within_bounds() {
    let settings = format!("{GOOD}\n[retention]\nchanges = \"400d\"");
    let config = load_text(&settings, &[("RETENTION__IDEMPOTENCY_KEYS", "36h")]).expect("a configuration");
    let expected = Retention {
        changes: Some(Duration::from_hours(400 * 24)),
        idempotency_keys: Duration::from_hours(36),
    };
    assert_eq!(config.retention, expected);
    let printed = config.print();
    assert!(printed.contains("[retention]\nchanges = \"400d\"\nidempotency_keys = \"36h\""), "{printed}");
    for text in ["changes = \"59m\"", "idempotency_keys = \"0d\"", "changes = \"36501d\"", "changes = \"1y\""]
    {
        assert!(problem(&format!("[retention]\n{text}")).contains("from 1h to 36500d"), "{text}");
    }
}

#[test]
fn application_tokens_are_exchanged_with_the_secret_of_an_issuer() {
    let good = load_text(&format!("{GOOD}[app_tokens]\nissuer = \"none\""), &[]);
    assert!(good.is_err(), "no issuer is called so");
    let name = load_text(GOOD, &[]).expect("a configuration").auth.issuers[0].verification.issuer.clone();
    let settings = format!("{GOOD}[app_tokens]\nissuer = {name:?}\nlifetime = \"5m\"");
    let config = load_text(&settings, &[]).expect("a configuration");
    let exchange = config.exchange().expect("a key").expect("an issuer");
    assert_eq!(exchange.lifetime, Duration::from_mins(5));
    assert!(
        config.print().contains(&format!("[app_tokens]\nissuer = {name:?}\nlifetime = \"5m\"")),
        "{}",
        config.print()
    );
    assert!(load_text(GOOD, &[]).expect("a configuration").exchange().expect("no key").is_none());
    let unknown = problem("[app_tokens]\nissuer = \"nobody\"");
    assert!(unknown.starts_with("app_tokens.issuer: \"nobody\" has no signing key; "), "{unknown}");
    assert!(problem("[app_tokens]\nlifetime = \"25h\"").contains("from 1m to 24h"));
    assert!(problem("[app_tokens]\nattempts_per_minute = -1").contains("from 0 to 1000000"));
}

#[test]
fn invalid_toml_is_reported_by_line_and_not_by_content() {
    let problems = problems("[auth]\n\nsecret = \"top-secret-value\nx = 1", &[]);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("line 3 is not valid TOML"), "{problems:?}");
    assert!(!problems[0].contains("top-secret"), "{problems:?}");
    let error = load(Some(Path::new("/no/such/file.toml")), []).expect_err("a refusal").to_string();
    assert!(error.contains("/no/such/file.toml") && error.contains("choose a readable file"), "{error}");
}

/// The problems of `[auth]` with these settings beside a good name and audience.
fn key_problems(settings: &str) -> Vec<String> {
    problems(
        &format!("[database]\nurl = \"sqlite:x\"\n[auth]\nissuer = \"i\"\naudience = \"a\"\n{settings}"),
        &[],
    )
}

#[test]
fn an_issuer_has_exactly_one_key_that_fits() {
    let cases = [
        ("algorithm = \"HS256\"".to_owned(), "auth.secret: no key is configured; "),
        (
            "algorithm = \"HS256\"\nsecret = \"short\"".to_owned(),
            "auth.secret: an HS256 secret needs at least 32 bytes",
        ),
        (
            format!("algorithm = \"RS256\"\nsecret = \"{SECRET}\""),
            "auth.secret: RS256 does not support this kind of key",
        ),
        (
            format!("algorithm = \"HS256\"\nsecret = \"{SECRET}\"\npublic_key_file = \"{PUBLIC_KEY}\""),
            "auth.secret: public_key_file is set too; ",
        ),
        (
            format!("algorithm = \"RS256\"\npublic_key_file = \"{PUBLIC_KEY}\""),
            "auth.public_key_file: not a PEM key",
        ),
        (
            "algorithm = \"ES256\"\npublic_key_file = \"/no/such.pem\"".to_owned(),
            "auth.public_key_file: /no/such.pem cannot be read",
        ),
        (
            "algorithm = \"ES256\"\njwks_file = \"/no/such.json\"".to_owned(),
            "auth.jwks_file: /no/such.json: cannot read the file of the key set; ",
        ),
        (
            format!("algorithm = \"ES256\"\njwks_file = \"{PUBLIC_KEY}\""),
            concat!(
                "auth.jwks_file: ",
                env!("CARGO_MANIFEST_DIR"),
                "/tests/keys/es256-public.pem: not a JSON Web"
            ),
        ),
        (
            "algorithm = \"ES256\"\njwks_url = \"x\"".to_owned(),
            "auth.jwks_url: \"x\" is not valid; set it to the URL of the key set, for example https://",
        ),
        (
            "algorithm = \"ES256\"\njwks_url = \"http://login.example.com/keys\"".to_owned(),
            "auth.jwks_url: the URL of a key set must be https, or http for localhost",
        ),
        (
            "algorithm = \"HS256\"\njwks_url = \"https://login.example.com/keys\"".to_owned(),
            "auth.jwks_url: HS256 does not support this kind of key",
        ),
        (
            "algorithm = \"ES256\"\njwks_file = \"x\"\njwks_url = \"https://login.example.com/keys\""
                .to_owned(),
            "auth.jwks_file: jwks_url is set too; ",
        ),
        (format!("secret = \"{SECRET}\""), "auth.algorithms: not set; "),
        (format!("algorithm = \" \"\nsecret = \"{SECRET}\""), "auth.algorithm: must not be blank; "),
        ("algorithm = \"HS256\"\nsecret = [\"x\"]".to_owned(), "auth.secret: not a single value; "),
    ];
    for (settings, start) in cases {
        let problems = key_problems(&settings);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(start), "{problems:?}");
        assert!(!problems[0].contains(SECRET), "{problems:?}");
    }
}

#[test]
fn issuers_stand_in_one_place_and_once() {
    let issuer = |name| {
        format!(
            "[[auth.issuers]]\nissuer = \"{name}\"\naudience = \"a\"\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n"
        )
    };
    let database = "[database]\nurl = \"sqlite:x\"\n";
    let two = load_text(&format!("{database}{}{}", issuer("one"), issuer("two")), &[]).expect("two issuers");
    assert_eq!(two.issuers().len(), 2);

    let twice = problems(&format!("{database}{}{}", issuer("one"), issuer("one")), &[]);
    assert!(twice.concat().starts_with("auth.issuers: \"one\" is configured twice; "), "{twice:?}");

    let both = problems(&format!("{database}{}", issuer("one")), &[("AUTH__SECRET", SECRET)]);
    assert!(
        both[0].starts_with("auth.issuers: issuers are configured both here and in [auth]; "),
        "{both:?}"
    );
    assert!(!both.concat().contains(SECRET), "{both:?}");
}

#[test]
fn secrets_stay_hidden_and_the_rest_is_printed() {
    let text = format!(
        "{GOOD}private_key_file = \"a\\\\b\\u0007.pem\"\n[http]\nallowed_origins = [\"https://a.test\"]"
    );
    let database = "postgres://user:pass%77ord@db.test/contacts?sslmode=require&password=pass2#frag";
    let config = load_text(&text, &[("DATABASE__URL", database)]).expect("a good configuration");
    let (printed, debugged) = (config.print(), format!("{config:?}"));
    for text in [&printed, &debugged] {
        for secret in [SECRET, "pass%77ord", "pass2", "frag"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(text.contains("postgres://user:hidden@db.test/contacts?hidden"), "{text}");
    }
    let again = load_text(&printed.replace("\"hidden\"", &format!("\"{SECRET}\"")), &[]).expect("TOML");
    assert_eq!(again.print(), printed);
    assert_eq!(again.http, config.http);
    assert_eq!(again.auth.issuers[0].private_key_file, config.auth.issuers[0].private_key_file);
}

#[test]
fn addresses_of_other_databases_are_refused_without_repeating_them() {
    for address in [
        "mysql://u:top-secret@h/d",
        "top-secret",
        "sqlite:",
        "sqlite://",
        "postgres:top-secret",
        "postgres://[top-secret",
    ] {
        let problems = problems(GOOD, &[("DATABASE__URL", address)]);
        assert!(
            problems.concat().starts_with("CONTACT_GATEWAY__DATABASE__URL: not a database URL"),
            "{problems:?}"
        );
        assert!(!problems.concat().contains("top-secret"), "{problems:?}");
    }
    for address in
        ["sqlite::memory:", "sqlite:a.db", "sqlite:///var/a.db?mode=rwc", "postgresql:///db?host=/run/pg"]
    {
        assert!(load_text(GOOD, &[("DATABASE__URL", address)]).is_ok(), "{address}");
    }
}

#[test]
fn durations_are_read_and_written() {
    for (text, milliseconds) in [
        ("500ms", 500),
        ("10s", 10_000),
        ("90s", 90_000),
        ("2m", 120_000),
        ("8h", 28_800_000),
        ("7d", 604_800_000),
        ("0s", 0),
    ] {
        assert_eq!(parse_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
    }
    assert_eq!(Formatted(Duration::from_secs(90)).to_string(), "90s");
    assert_eq!(Formatted(Duration::from_secs(7200)).to_string(), "2h");
    assert_eq!(Formatted(Duration::from_hours(48)).to_string(), "2d");
    assert_eq!(Formatted(Duration::from_millis(1500)).to_string(), "1500ms");
    assert_eq!(Formatted(Duration::ZERO).to_string(), "0ms");
    for text in [
        "",
        "10",
        "s",
        "-1s",
        "+1s",
        "1.5s",
        "10 s",
        "10S",
        "1h30m",
        "10sec",
        "99999999999999999999s",
        "9999999999999999h",
        "１s",
    ] {
        assert_eq!(parse_duration(text), None, "{text}");
    }
}

fn development(data_dir: &Path, database: Option<&str>, key: &[u8]) -> Result<Config, ConfigError> {
    Config::development(data_dir, Http::default().listen, database.map(str::to_owned), key)
}

#[test]
fn development_needs_nothing_but_its_folder() {
    let folder = TempDir::new().expect("a folder");
    let data_dir = folder.path().join("some").join("data");
    let key = development_key(&data_dir).expect("a key");
    let config = development(&data_dir, None, &key).expect("a configuration");
    assert!(config.http.graphiql && config.http.introspection);
    assert_eq!(config.log.format, LogFormat::Text);
    assert!(
        config.database_url().expect("an address").expose().ends_with("/data/contact-gateway.db?mode=rwc")
    );

    let now = chrono::Utc::now();
    let signer = development_signer(&key).expect("a signer");
    let token =
        signer.mint("me", &[1], crate::auth::Scopes::all(), Duration::from_secs(60), now).expect("a token");
    let verifier = TokenVerifier::new(config.issuers()).expect("good keys");
    let claims = verifier.verify(&token, now).now_or_never().expect("a key at hand");
    assert_eq!(claims.expect("a good token").organizations, [1]);

    assert!(development(&data_dir, Some("postgres://u@h/d"), &key).is_ok());
    let error = development(&data_dir, Some("mysql://h"), &key).expect_err("a refusal").to_string();
    assert!(error.contains("--database: not a database URL"), "{error}");
}

#[test]
fn a_database_file_may_have_any_name() {
    let url = DatabaseUrl::sqlite_file(Path::new("/a b/50%?#.db"));
    assert_eq!(url.expose(), "sqlite:///a b/50%25%3F%23.db?mode=rwc");
}

#[test]
fn starters_at_the_same_time_get_the_same_key() {
    for _ in 0..20 {
        let folder = TempDir::new().expect("a folder");
        let data_dir = folder.path().join("data");
        let barrier = Barrier::new(8);
        let start = || {
            barrier.wait();
            development_key(&data_dir).expect("a key")
        };
        let keys: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let starters: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            starters.into_iter().map(|starter| starter.join().expect("no panic")).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0] && key.len() == 32));
        assert_eq!(development_key(&data_dir).expect("the key"), keys[0]);
        assert_eq!(fs::read_dir(&data_dir).expect("a folder").count(), 1);
    }
}

#[test]
fn a_damaged_key_is_reported_and_not_replaced() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("signing.key"), "short").expect("a file");
    let error = development_key(folder.path()).expect_err("a refusal").to_string();
    assert!(error.contains("signing.key is damaged; delete it"), "{error}");
}

#[cfg(unix)]
#[test]
fn the_key_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().expect("a folder");
    development_key(folder.path()).expect("a key");
    let metadata = fs::metadata(folder.path().join("signing.key")).expect("a file");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_health_check_reads_only_the_address() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("gateway.toml");
    fs::write(&file, "[http]\nlisten = \"127.0.0.1:9\"\nbody_limit = 1\n[unknown]\nx = 1").expect("a file");
    let listen = |environment: &[(&str, &str)]| listen_address(Some(&file), variables(environment));
    assert_eq!(listen(&[("LIMITS", "x")]).expect("an address").to_string(), "127.0.0.1:9");
    assert_eq!(listen(&[("HTTP__LISTEN", "[::]:1")]).expect("an address").to_string(), "[::]:1");
    let invalid = listen(&[("HTTP__LISTEN", "x")]).expect_err("a refusal");
    assert_eq!(invalid.problems.len(), 1);
    assert_eq!(invalid.problems[0].setting, "CONTACT_GATEWAY__HTTP__LISTEN");
    assert_eq!(listen_address(None, []).expect("the default"), Http::default().listen);
}

/// The environment with the names of files that have these texts.
fn with_files(folder: &TempDir, files: &[(&str, &str)]) -> Vec<(String, String)> {
    let write = |(name, text): &(&str, &str)| {
        let file = folder.path().join(name);
        fs::write(&file, text).expect("a file");
        (format!("CONTACT_GATEWAY__{name}"), file.to_str().expect("text").to_owned())
    };
    files.iter().map(write).collect()
}

#[test]
fn secrets_are_read_from_files() {
    let folder = TempDir::new().expect("a folder");
    let secret = format!("{SECRET}\n");
    let mut environment =
        variables(&[("AUTH__ISSUER", "i"), ("AUTH__AUDIENCE", "a"), ("AUTH__ALGORITHM", "HS256")]);
    environment.extend(with_files(
        &folder,
        &[("DATABASE__URL_FILE", "postgres://u:p@h/d\r\n"), ("AUTH__SECRET_FILE", &secret)],
    ));
    let config = load_for_serving(None, environment).expect("a good configuration");
    assert_eq!(config.database_url().expect("an address").expose(), "postgres://u:p@h/d");
    let key = &config.auth.issuers[0].verification.key;
    assert!(matches!(key, KeyMaterial::Secret(key) if *key == SECRET.as_bytes()));
    assert!(!config.print().contains(SECRET));
}

#[test]
fn a_secret_in_a_file_is_one_line() {
    let folder = TempDir::new().expect("a folder");
    let base = variables(&[("AUTH__ISSUER", "i"), ("AUTH__AUDIENCE", "a"), ("AUTH__ALGORITHM", "HS256")]);
    for wrong in
        [format!("{SECRET}\n\n"), format!("{SECRET}\nmore"), format!("{SECRET}\r"), format!("\0{SECRET}")]
    {
        let mut environment = base.clone();
        environment.extend(with_files(
            &folder,
            &[("DATABASE__URL_FILE", "postgres://u:top-secret@h/d\nmore"), ("AUTH__SECRET_FILE", &wrong)],
        ));
        let problems = load_for_serving(None, environment).expect_err("a refusal").problems;
        assert_eq!(problems.len(), 2, "{problems:?}");
        for (problem, name) in problems.iter().zip(["DATABASE__URL_FILE", "AUTH__SECRET_FILE"]) {
            assert_eq!(problem.setting, format!("CONTACT_GATEWAY__{name}"));
            assert!(problem.message.contains("control character"), "{problem}");
            assert!(
                !problem.message.contains(SECRET) && !problem.message.contains("top-secret"),
                "{problem}"
            );
        }
    }
}

#[test]
fn an_empty_list_of_issuers_is_none() {
    let database = GOOD.split("[auth]").next().expect("a section");
    for (text, environment) in [
        (format!("{database}\n[auth]\nissuers = []"), None),
        (database.to_owned(), Some(("AUTH__ISSUERS", " [] "))),
    ] {
        let problems = problems(&text, environment.as_slice());
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("not set; set provider (auth0, "), "{problems:?}");
        assert!(problems[0].contains("[[auth.issuers]]"), "{problems:?}");
    }
}

#[test]
fn each_issuer_has_a_file_for_its_secret() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("secret");
    fs::write(&file, SECRET).expect("a file");
    let text = format!(
        "[database]\nurl = \"sqlite::memory:\"\n[[auth.issuers]]\nissuer = \"i\"\naudience = \"a\"\nalgorithm = \"HS256\"\n\
         secret_file = {:?}",
        file.display().to_string()
    );
    let config = load_text(&text, &[]).expect("a good configuration");
    assert!(
        matches!(&config.auth.issuers[0].verification.key, KeyMaterial::Secret(key) if key == SECRET.as_bytes())
    );
}

#[test]
fn a_secret_has_one_source() {
    let folder = TempDir::new().expect("a folder");
    let files = [("DATABASE__URL_FILE", "sqlite://x.db"), ("AUTH__SECRET_FILE", SECRET)];
    let mut environment = with_files(&folder, &files);
    environment.extend(variables(&[("DATABASE__URL", "sqlite://y.db"), ("AUTH__SECRET", SECRET)]));
    environment.extend(variables(&[
        ("AUTH__ISSUER", "i"),
        ("AUTH__AUDIENCE", "a"),
        ("AUTH__ALGORITHM", "HS256"),
    ]));
    let error = load_for_serving(None, environment).expect_err("a refusal");
    let sources: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
    let expected = ["DATABASE__URL", "AUTH__SECRET"].map(|name| {
        let name = format!("CONTACT_GATEWAY__{name}");
        format!("{name}_FILE: {name} is set too; set only one of them")
    });
    assert_eq!(sources, expected);

    // The environment overrides the file, in whichever form.
    let config = read_with_file(&folder, GOOD, with_files(&folder, &files[..1]));
    assert_eq!(
        config.expect("a configuration").database_url().expect("an address").expose(),
        "sqlite://x.db"
    );
    let absent = "[database]\nurl_file = \"absent\"\n[auth]\nissuer = \"i\"\naudience = \"a\"\nalgorithm = \"HS256\"\n\
                  secret_file = \"absent\"";
    let overridden = [("DATABASE__URL", "sqlite://y.db"), ("AUTH__SECRET", SECRET)];
    assert!(load_text(absent, &overridden).is_ok());
    let problems = problems(absent, &[]);
    assert_eq!(problems.len(), 2, "{problems:?}");
    for (problem, setting) in problems.iter().zip(["database.url_file", "auth.secret_file"]) {
        assert!(problem.starts_with(&format!("{setting}: absent cannot be read (")), "{problem}");
    }
}

/// Reads a file with this text and the environment.
fn read_with_file(
    folder: &TempDir,
    text: &str,
    environment: Vec<(String, String)>,
) -> Result<Config, ConfigError> {
    let file = folder.path().join("gateway.toml");
    fs::write(&file, text).expect("a file");
    load_for_serving(Some(&file), environment)
}

#[test]
fn the_environment_lists_issuers_as_json() {
    let json = format!(
        r#"[{{"issuer": "i", "audience": ["a", "b"], "algorithms": ["HS256"], "secret": "{SECRET}", "max_lifetime": "1h"}},
            {{"issuer": "https://login.example.com/", "audience": "c", "claims": {{"subject": "uid"}}}}]"#
    );
    let environment = [("DATABASE__URL", "sqlite://x.db"), ("AUTH__ISSUERS", json.as_str())];
    let config =
        load_text("[[auth.issuers]]\nissuer = \"replaced\"", &environment).expect("a good configuration");
    let names: Vec<&str> = config.auth.issuers.iter().map(|it| it.verification.issuer.as_str()).collect();
    assert_eq!(names, ["i", "https://login.example.com/"]);

    for json in [
        r#"[{"issuer": "top-secret"#,
        r#"{"secret": "top-secret"}"#,
        r#"["top-secret"]"#,
        "top-secret",
        r#"[{"issuer": null}]"#,
    ] {
        let problems = problems(GOOD.split("[auth]").next().expect("a section"), &[("AUTH__ISSUERS", json)]);
        assert!(
            problems[0]
                .starts_with("CONTACT_GATEWAY__AUTH__ISSUERS: not a JSON list of issuers (line 1, column "),
            "{problems:?}"
        );
        assert!(!problems.concat().contains("top-secret"), "{problems:?}");
    }
    let invalid = problems(
        GOOD.split("[auth]").next().expect("a section"),
        &[("AUTH__ISSUERS", r#"[{"issuer": "i"}]"#)],
    );
    assert!(
        invalid.iter().any(|problem| problem.starts_with("auth.issuers[0].audience: not set; ")),
        "{invalid:?}"
    );
}

#[test]
fn the_address_of_a_collector_has_no_password() {
    let config = load_text(&format!("{GOOD}\n[telemetry]\notlp_endpoint = \"http://localhost:4318\""), &[]);
    let config = config.expect("a good configuration");
    assert_eq!(config.telemetry.otlp_endpoint.as_deref(), Some("http://localhost:4318"));
    assert!(config.print().contains("otlp_endpoint = \"http://localhost:4318\""));
    for bad in
        ["localhost:4318", "grpc://localhost:4317", "https://u:top-secret@a", "http://a/?top-secret", ""]
    {
        let problem = problem(&format!("[telemetry]\notlp_endpoint = {bad:?}"));
        assert!(
            problem.starts_with("telemetry.otlp_endpoint: not the address of a collector; "),
            "{problem}"
        );
        assert!(!problem.contains("top-secret"), "{problem}");
    }
}
