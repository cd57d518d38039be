//! Invalid manifests: `serve` does not start, and names the file, the document and the reason.

use std::{fs, path::Path};

use serde_json::json;

use super::{SUBJECT, sha256};
use crate::process::{command, run};

pub(super) const SECRET: &str = "a secret of the tests that nobody may see";

/// A configuration with the manifest `documents.json`, in a folder; gives its file.
pub(super) fn configuration(folder: &Path, more: &str) -> String {
    let (database, file) = (folder.join("gateway.db"), folder.join("gateway.toml"));
    let text = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"sqlite://{}?mode=rwc\"\n\
         [auth]\nissuer = \"tests\"\naudience = \"gateway\"\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n\
         [documents]\nmanifest = \"documents.json\"\n{more}\n",
        database.display()
    );
    fs::write(&file, text).expect("a file");
    file.to_str().expect("a text").to_owned()
}

#[tokio::test]
async fn what_cannot_be_trusted_ends_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = folder.path().join("documents.json");
    let file = configuration(folder.path(), "mode = \"enforce\"");
    fs::write(&manifest, json!({ "m": SUBJECT }).to_string()).expect("a file");
    assert_eq!(run(command(folder.path(), ["migrate", "up", "--config", &file])).await.code, Some(0));
    let other = sha256("{ viewer { scopes } }");
    let entries: Vec<_> = (0..25).map(|number| (format!("d{number:02}"), json!("{"))).collect();
    let many = json!(serde_json::Map::from_iter(entries));
    for (content, reasons) in [
        ("{".to_owned(), vec!["documents.json: line 1 is not valid JSON"]),
        ("{}".to_owned(), vec!["documents.json: contains no documents"]),
        (
            json!({ "format": "nobody's" }).to_string(),
            vec!["documents.json: only version 1 of the format apollo-"],
        ),
        (
            json!({ (other.as_str()): SUBJECT }).to_string(),
            vec!["documents.json has invalid documents", &other, "the id is not the SHA-256 of the document"],
        ),
        (
            json!({ "a": SUBJECT, "b": "{ viewer { nobody } }", "c": "{ viewer" }).to_string(),
            vec![
                "\n  b: Type `Viewer` does not have a field `nobody`. (line 1, column 12)\n  c: The document",
            ],
        ),
        (json!({ "a": "{ __schema { types { name } } }" }).to_string(), vec!["a: Introspection is off here"]),
        (many.to_string(), vec!["d00: ", "d19: ", "and 5 more"]),
    ] {
        fs::write(&manifest, &content).expect("a file");
        let finished = run(command(folder.path(), ["serve", "--config", &file])).await;
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(1), ""), "{content}");
        assert!(finished.stderr.contains("documents.manifest: documents.json"), "{finished:?}");
        for reason in reasons {
            assert!(finished.stderr.contains(reason), "{reason}: {finished:?}");
        }
    }
    fs::remove_file(&manifest).expect("no file");
    let finished = run(command(folder.path(), ["serve", "--config", &file])).await;
    assert!(finished.stderr.contains("documents.manifest: documents.json: cannot be read"), "{finished:?}");
    assert_eq!(finished.code, Some(1));
}
