//! Imports by the command, which are killed.

use std::{fs, path::Path, time::Duration};

use contact_gateway::files::Format;
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    import::exported,
    process::{Process, command, run},
    support::{HOME, OTHER, World, on_both},
};

on_both!(a_killed_import_is_resumed);

/// How many rows are imported, every hundredth of which is refused.
const ROWS: usize = 8_000;

fn rows() -> String {
    let row = |number: usize| match number % 100 {
        0 => format!("r{number},nobody,P{number}\n"),
        _ => format!("r{number},p{number}@x.example,P{number}\n"),
    };
    let rows: String = (0..ROWS).map(row).collect();
    format!("remoteId,email,firstName\n{rows}")
}

/// How many rows are done, as the file beside the input says.
fn done(folder: &Path) -> u64 {
    let state = fs::read(folder.join("people.csv.import-state")).unwrap_or_default();
    let state: Value = serde_json::from_slice(&state).unwrap_or_default();
    state["rows"].as_u64().unwrap_or_default()
}

/// What the command does in an organization; the last line of its output.
async fn import(folder: &Path, organization: i64, arguments: &[&str]) -> String {
    let organization = organization.to_string();
    let all = [&ARGUMENTS[..], &["--org", &organization], arguments].concat();
    let finished = run(command(folder, all)).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    finished.stdout
}

const ARGUMENTS: [&str; 7] =
    ["import", "account-contacts", "people.csv", "--config", "gateway.toml", "--rejects", "rejects.csv"];

async fn a_killed_import_is_resumed(world: World) {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let database = world.config.database_url().expect("a database").expose().to_owned();
    let configuration = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"{database}\"\n[auth]\nissuer = \"tests\"\n\
         audience = \"gateway\"\nalgorithm = \"HS256\"\nsecret = \"a secret of the tests that nobody may see\"\n"
    );
    fs::write(folder.join("gateway.toml"), configuration).expect("a file");
    fs::write(folder.join("people.csv"), rows()).expect("a file");
    let process = Process::spawn(command(folder, ARGUMENTS));
    while done(folder) < 2_000 {
        sleep(Duration::from_millis(2)).await;
    }
    process.kill();
    assert!(world.count("account_contact").await < ROWS * 99 / 100, "the import was not interrupted");

    import(folder, HOME, &["--resume"]).await;
    assert!(!folder.join("people.csv.import-state").exists());
    let rejects = fs::read_to_string(folder.join("rejects.csv")).expect("a file");
    let (created, rejected) = (ROWS * 99 / 100, ROWS / 100);
    let uninterrupted = import(folder, OTHER, &[]).await;
    assert_eq!(uninterrupted, format!("{created} created, 0 updated, 0 unchanged, {rejected} rejected\n"));
    assert_eq!(rejects, fs::read_to_string(folder.join("rejects.csv")).expect("a file"));
    let kind = contact_gateway::transfer::Kind::AccountContacts;
    let (resumed, whole) = (
        exported(&world, HOME, kind, Format::JsonLines).await,
        exported(&world, OTHER, kind, Format::JsonLines).await,
    );
    assert_eq!(without_ids(&resumed), without_ids(&whole));
    let again = world.nothing_written(import(folder, HOME, &[])).await;
    assert_eq!(again, format!("0 created, 0 updated, {created} unchanged, {rejected} rejected\n"));
}

/// The lines of an export without our own ids, in one order.
fn without_ids(jsonl: &str) -> Vec<String> {
    let line = |line: &str| {
        let mut object: Value = serde_json::from_str(line).expect("JSON");
        object.as_object_mut().expect("an object").remove("id");
        object.to_string()
    };
    let mut lines: Vec<String> = jsonl.lines().map(line).collect();
    lines.sort_unstable();
    lines
}
