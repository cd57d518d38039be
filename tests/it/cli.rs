//! The commands: their output, exit codes and errors.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use sea_orm::ConnectionTrait;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::{
    process::{Development, Finished, Process, command, run},
    support::empty_databases,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SECRET: &str = "a secret of the tests that nobody may see";
/// How many there are.
const MIGRATIONS: usize = 21;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Runs a command in a folder.
async fn typed(folder: &Path, arguments: &[&str]) -> Finished {
    run(command(folder, arguments)).await
}

/// The configuration of a gateway over a database; gives its file.
fn configuration(folder: &Path, database: &str, more: &str) -> String {
    let file = folder.join("gateway.toml");
    let text = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"{database}\"\n\
         [auth]\nissuer = \"tests\"\naudience = \"gateway\"\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n{more}"
    );
    fs::write(&file, text).expect("a file");
    file.to_str().expect("text").to_owned()
}

fn sqlite(folder: &Path) -> String {
    format!("sqlite://{}?mode=rwc", folder.join("gateway.db").display())
}

#[tokio::test]
async fn every_command_has_help_with_examples() {
    let folder = folder();
    let help = typed(folder.path(), &["--help"]).await;
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    let commands = help.stdout.split("Commands:\n").nth(1).expect("commands");
    let commands = commands.lines().take_while(|line| line.starts_with("  "));
    let commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    for expected in ["dev", "serve", "migrate", "schema", "token"] {
        assert!(commands.contains(&expected), "{expected}: {commands:?}");
    }
    for name in commands.into_iter().filter(|name| *name != "help") {
        let help = typed(folder.path(), &[name, "--help"]).await;
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{name}");
        let examples =
            help.stdout.split("Examples:\n").nth(1).unwrap_or_else(|| panic!("{name} has no examples"));
        let example = format!("contact-gateway {name}");
        assert!(examples.contains(&example), "{name}: {examples}");
    }
}

#[tokio::test]
async fn what_is_mistyped_is_told() {
    let folder = folder();
    for arguments in [
        &["--nonsense"][..],
        &["nonsense"],
        &["dev", "--nonsense"],
        &["dev", "--listen", "nowhere"],
        &["migrate"],
        &["migrate", "sideways"],
        &["migrate", "down", "--steps", "x"],
        &["token", "--ttl", "1y"],
        &["token", "--org", "ptn_1"],
        &["serve", "--config"],
    ] {
        let finished = typed(folder.path(), arguments).await;
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(finished.stderr.starts_with("error: ") || finished.stderr.contains("Usage:"), "{finished:?}");
    }
    assert_eq!(
        fs::read_dir(folder.path()).expect("a folder").count(),
        0,
        "a mistyped command left something"
    );
}

#[tokio::test]
async fn the_schema_is_printed_and_compared() {
    let exported = include_str!("../../schema.graphql");
    let printed = typed(Path::new(ROOT), &["schema"]).await;
    assert_eq!((printed.code, printed.stdout.as_str(), printed.stderr.as_str()), (Some(0), exported, ""));
    let checked = typed(Path::new(ROOT), &["schema", "--check"]).await;
    assert_eq!((checked.code, checked.stdout.as_str(), checked.stderr.as_str()), (Some(0), "", ""));

    let folder = folder();
    let missing = typed(folder.path(), &["schema", "--check"]).await;
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.starts_with("contact-gateway: cannot use schema.graphql: "), "{missing:?}");
    fs::write(folder.path().join("old.graphql"), format!("{exported}\n")).expect("a file");
    let differs = typed(folder.path(), &["schema", "--check", "old.graphql"]).await;
    assert_eq!((differs.code, differs.stdout.as_str()), (Some(1), ""));
    assert!(differs.stderr.contains("contact-gateway schema > old.graphql"), "{differs:?}");
}

#[tokio::test]
async fn the_version_names_the_commit() {
    let folder = folder();
    let version = typed(folder.path(), &["--version"]).await;
    let expected = match option_env!("CONTACT_GATEWAY_COMMIT").filter(|commit| !commit.is_empty()) {
        Some(commit) => format!("contact-gateway {} ({commit})\n", env!("CARGO_PKG_VERSION")),
        None => format!("contact-gateway {}\n", env!("CARGO_PKG_VERSION")),
    };
    assert_eq!((version.code, version.stdout), (Some(0), expected));
}

#[tokio::test]
async fn a_token_is_printed_alone_and_works() {
    let folder = folder();
    let data_dir = folder.path().to_str().expect("text");
    let gateway = Development::start(folder.path(), None).await;
    let arguments =
        ["token", "--data-dir", data_dir, "--sub", "alice", "--scope", "contacts:read", "--ttl", "5m"];
    let printed = typed(folder.path(), &arguments).await;
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    let token = printed.stdout.strip_suffix('\n').expect("one line");
    assert!(!token.contains(char::is_whitespace) && token.split('.').count() == 3, "{token}");

    let client = gateway.client.clone().with_token(token.to_owned());
    let viewer = client.ask("{ viewer { subject scopes organization { number } } }", json!({})).await;
    let expected =
        json!({ "subject": "alice", "scopes": ["contacts:read"], "organization": { "number": "1" } });
    assert_eq!(viewer.expect("an answer")["viewer"], expected);

    let elsewhere = typed(folder.path(), &["token", "inspect", token]).await;
    assert_eq!(elsewhere.code, Some(1), "{elsewhere:?}");
    assert!(elsewhere.stderr.contains("no issuer is configured, so no token can be verified; set --config"));
}

#[tokio::test]
async fn tokens_of_development_are_explained_without_a_configuration() {
    let folder = folder();
    let data_dir = folder.path().join("contact-gateway-data");
    fs::create_dir(&data_dir).expect("a folder");
    let gateway = Development::start(&data_dir, None).await;
    let printed = typed(folder.path(), &["token", "--org", "org_1", "--org", "org_99"]).await;
    let inspected = typed(folder.path(), &["token", "inspect", printed.stdout.trim()]).await;
    assert_eq!((inspected.code, inspected.stderr.as_str()), (Some(0), ""), "{inspected:?}");
    assert!(
        inspected.stdout.contains("organizations\torg_1\nunknown\tno organization has the id org_99"),
        "{inspected:?}"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn serving_needs_a_configuration() {
    let folder = folder();
    let finished = typed(folder.path(), &["serve"]).await;
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(1), ""));
    for setting in ["database.url", "CONTACT_GATEWAY__DATABASE__URL", "auth"] {
        assert!(finished.stderr.contains(setting), "{setting}: {finished:?}");
    }
    let missing = typed(folder.path(), &["serve", "--config", "missing.toml"]).await;
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("missing.toml"), "{missing:?}");

    let file =
        configuration(folder.path(), "mysql://root:hunter2@127.0.0.1/contacts", "[log]\nlevle = \"info\"\n");
    let finished = typed(folder.path(), &["serve", "--config", &file]).await;
    assert_eq!(finished.code, Some(1));
    for setting in ["database.url", "log.levle"] {
        assert!(finished.stderr.contains(setting), "{setting}: {finished:?}");
    }
    for secret in ["hunter2", SECRET] {
        assert!(!finished.stderr.contains(secret), "{finished:?}");
    }
}

#[tokio::test]
async fn the_configuration_is_printed_without_secrets() {
    let folder = folder();
    let file = configuration(folder.path(), "postgres://me:hunter2@db.example.com/contacts", "");
    let mut command = command(folder.path(), ["serve", "--print-config", "--config", &file]);
    command.env("CONTACT_GATEWAY__LOG__LEVEL", "debug");
    let printed = run(command).await;
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    for shown in ["issuer = \"tests\"", "db.example.com", "level = \"debug\"", "body_limit = 1048576"] {
        assert!(printed.stdout.contains(shown), "{shown}: {printed:?}");
    }
    for secret in ["hunter2", SECRET] {
        assert!(!printed.stdout.contains(secret), "{printed:?}");
    }
}

/// How many migrations are applied and pending, by what a command printed.
fn migrations(printed: &Finished) -> (usize, usize) {
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let count = |state: &str| printed.stdout.lines().filter(|line| line.starts_with(state)).count();
    let (applied, pending) = (count("applied m"), count("pending m"));
    assert_eq!(applied + pending, printed.stdout.lines().count(), "{printed:?}");
    (applied, pending)
}

#[tokio::test]
async fn databases_are_migrated_up_and_down() {
    for database in empty_databases().await {
        let folder = folder();
        let file = configuration(folder.path(), &database.url(), "");
        let migrate = async |arguments: &[&str]| {
            let all: Vec<&str> = [&["migrate"], arguments, &["--config", &file]].concat();
            migrations(&typed(folder.path(), &all).await)
        };
        assert_eq!(migrate(&["status"]).await, (0, MIGRATIONS));
        assert_eq!(migrate(&["up"]).await, (MIGRATIONS, 0));
        assert_eq!(migrate(&["up"]).await, (MIGRATIONS, 0));
        assert_eq!(migrate(&["down"]).await, (MIGRATIONS - 1, 1));
        assert_eq!(migrate(&["down", "--steps", "2"]).await, (MIGRATIONS - 3, 3));
        assert_eq!(migrate(&["status"]).await, (MIGRATIONS - 3, 3));

        // A schema that is not the one of this version is not served.
        let served = typed(folder.path(), &["serve", "--config", &file]).await;
        assert_eq!(served.code, Some(1));
        assert!(
            served.stderr.contains("3 migrations are not applied; run `contact-gateway migrate up`"),
            "{served:?}"
        );
        assert_eq!(migrate(&["down", "--steps", "100"]).await, (0, MIGRATIONS));
        let served = typed(folder.path(), &["serve", "--config", &file]).await;
        assert_eq!(served.code, Some(1));
        assert!(served.stderr.contains("contact-gateway migrate up"), "{served:?}");
        assert_eq!(migrate(&["up"]).await, (MIGRATIONS, 0));
    }
}

#[tokio::test]
async fn databases_of_before_the_first_release_are_refused() {
    for database in empty_databases().await {
        let folder = folder();
        let url = database.url();
        let db = database.connect(1).await.expect("a connection");
        for sql in [
            "CREATE TABLE seaql_migrations (version varchar PRIMARY KEY, applied_at bigint NOT NULL)",
            "INSERT INTO seaql_migrations VALUES ('m20261121_000001_create_organization', 0)",
        ] {
            db.execute_unprepared(sql).await.expect(sql);
        }
        let file = configuration(folder.path(), &url, "");
        for arguments in [
            &["migrate", "status", "--config", &file][..],
            &["migrate", "up", "--config", &file],
            &["migrate", "down", "--config", &file],
            &["serve", "--config", &file],
            &["maintain", "--config", &file],
            &["dev", "--listen", "127.0.0.1:0", "--database", &url],
        ] {
            let refused = typed(folder.path(), arguments).await;
            assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
            let reason = "was made before the first release and cannot be taken over; read its data out";
            assert!(refused.stderr.contains(reason), "{arguments:?}: {refused:?}");
        }
        assert!(db.execute_unprepared("SELECT * FROM partner").await.is_err(), "a table was made");
    }
}

#[tokio::test]
async fn old_rows_are_deleted_and_counted() {
    for database in empty_databases().await {
        let folder = folder();
        let file = configuration(folder.path(), &database.url(), "[retention]\nchanges = \"1d\"");
        let maintain = async || typed(folder.path(), &["maintain", "--config", &file]).await;
        let early = maintain().await;
        assert_eq!(early.code, Some(1));
        assert!(early.stderr.contains("run `contact-gateway migrate up` first"), "{early:?}");
        migrations(&typed(folder.path(), &["migrate", "up", "--config", &file]).await);
        let db = database.connect(1).await.expect("a connection");
        let sqlite = database.url().starts_with("sqlite");
        let (time, hash) =
            if sqlite { ("'2020-01-01T00:00:00+00:00'", "x''") } else { ("'2020-01-01Z'", "''") };
        for sql in [
            format!("INSERT INTO organization (id, name, created_at, updated_at) VALUES (1, 'One', {time}, {time})"),
            "INSERT INTO change_counter (org_id, seq) VALUES (1, 2)".to_owned(),
            format!(
                "INSERT INTO change (org_id, seq, at, actor, entity_kind, entity_id, action, fields, request_id)
                VALUES (1, 1, {time}, 'a', 'k', 'i', 'created', '{{}}', 'r'), (1, 2, {time}, 'a', 'k', 'i', 'created', '{{}}', 'r')"
            ),
            format!("INSERT INTO idempotency_key VALUES (1, 'k', 'o', {hash}, '', {time})"),
        ] {
            db.execute_unprepared(&sql).await.expect(&sql);
        }
        for (changes, keys) in [(1, 1), (0, 0)] {
            let done = maintain().await;
            let expected = format!("deleted {changes} changes\ndeleted {keys} idempotency keys\n");
            assert_eq!((done.code, done.stdout.as_str()), (Some(0), expected.as_str()), "{done:?}");
        }
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_told() {
    let folder = folder();
    // No process listens on a port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let file = configuration(folder.path(), &format!("postgres://me:hunter2@127.0.0.1:{port}/contacts"), "");
    for arguments in [&["serve"][..], &["migrate", "status"]] {
        let finished = typed(folder.path(), &[arguments, &["--config", &file]].concat()).await;
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(1), ""));
        assert!(finished.stderr.contains("database.url"), "{finished:?}");
        assert!(!finished.stderr.contains("hunter2"), "{finished:?}");
    }
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = folder();
    let data_dir = folder.path().to_str().expect("text");
    let dev = typed(folder.path(), &["dev", "--listen", &address, "--data-dir", data_dir]).await;
    assert_eq!((dev.code, dev.stdout.as_str()), (Some(1), ""));
    assert!(dev.stderr.contains(&address) && dev.stderr.contains("choose a free address"), "{dev:?}");
    assert!(!folder.path().join("contact-gateway.db").exists(), "the data was touched");

    let file = configuration(folder.path(), &sqlite(folder.path()), "");
    migrations(&typed(folder.path(), &["migrate", "up", "--config", &file]).await);
    let mut command = command(folder.path(), ["serve", "--config", &file]);
    command.env("CONTACT_GATEWAY__HTTP__LISTEN", &address);
    let serve = run(command).await;
    assert_eq!((serve.code, serve.stdout.as_str()), (Some(1), ""));
    assert!(serve.stderr.contains(&address) && serve.stderr.contains("choose a free address"), "{serve:?}");
}

#[tokio::test]
async fn whoever_reaches_it_may_tell_it_to_stop() {
    let folder = folder();
    let file = configuration(folder.path(), &sqlite(folder.path()), "");
    migrations(&typed(folder.path(), &["migrate", "up", "--config", &file]).await);
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let mut command = command(folder.path(), ["serve", "--config", &file]);
    command.env("CONTACT_GATEWAY__HTTP__LISTEN", format!("127.0.0.1:{port}")).stderr(Stdio::null());
    let serve = Process::spawn(command);
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begin.elapsed() < Duration::from_secs(20), "it does not listen");
        sleep(Duration::from_millis(1)).await;
    }
    serve.ask_to_stop();
    assert_eq!(serve.ended().await, Some(0));
}

#[tokio::test]
async fn a_second_start_keeps_the_data() {
    let folder = folder();
    let first = Development::start(folder.path(), None).await;
    let create = "mutation { createPartner(input: { name: \"Globex\" }) { partner { id } } }";
    let created = first.client.ask(create, json!({})).await.expect("an answer");
    assert_eq!(first.stop().await, Some(0));
    let second = Development::start(folder.path(), None).await;
    let partners = second.client.ask("{ partners { nodes { id } } }", json!({})).await.expect("an answer");
    assert_eq!(partners["partners"]["nodes"], json!([created["createPartner"]["partner"]]));
}

#[tokio::test]
async fn a_file_is_imported_exported_and_the_database_copied() {
    let folder = folder();
    let file = configuration(folder.path(), &sqlite(folder.path()), "");
    let migrated = typed(folder.path(), &["migrate", "up", "--config", &file]).await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    fs::write(folder.path().join("people.csv"), "email,firstName\na@x.example,A\nb,B\n").expect("a file");
    let import = ["import", "account-contacts", "people.csv", "--config", &file];
    // An organization is created by the API; a new database has none.
    let finished = typed(folder.path(), &import).await;
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(2), ""), "{finished:?}");
    assert!(finished.stderr.contains("there is no organization 1"), "{finished:?}");

    let gateway = Development::start(folder.path(), None).await;
    drop(gateway);
    let data_dir = folder.path().to_str().expect("text");
    let import =
        ["import", "account-contacts", "people.csv", "--data-dir", data_dir, "--rejects", "rejects.csv"];
    let finished = typed(folder.path(), &import).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stdout, "1 created, 0 updated, 0 unchanged, 1 rejected\n");
    assert!(folder.path().join("rejects.csv").exists());
    let finished = typed(folder.path(), &["export", "account-contacts", "--data-dir", data_dir]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains(",a@x.example,A,"), "{finished:?}");

    let backup = ["backup", "copy.db", "--data-dir", data_dir];
    let finished = typed(folder.path(), &backup).await;
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), "copied to copy.db\n"), "{finished:?}");
    let copy = format!("sqlite://{}", folder.path().join("copy.db").display());
    let copy = sea_orm::Database::connect(copy).await.expect("a database");
    let query = "SELECT 1 FROM account_contact WHERE email = 'a@x.example'";
    let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, query);
    assert!(copy.query_one_raw(statement).await.expect("rows").is_some());
    let again = typed(folder.path(), &backup).await;
    assert_eq!(again.code, Some(1), "a copy was overwritten: {again:?}");

    let file = configuration(folder.path(), "postgres://ann:secret@db.example/contacts?sslmode=require", "");
    let finished = typed(folder.path(), &["backup", "copy.dump", "--config", &file]).await;
    let command = "pg_dump --format=custom --file='copy.dump' 'postgres://ann@db.example/contacts'\n";
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), command), "{finished:?}");
}
