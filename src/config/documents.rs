//! `[documents]`: which documents are known by an id, and the file of those that are trusted.
//!
//! Reads the manifest in the forms in which client tools write it; whether its documents fit the schema is checked where
//! the schema is known. Imports the other files of `config` only.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::value::{named, parsed, text};
use super::{Manifest, TrustedDocumentsMode};

/// What an Apollo manifest calls its form, and the version of it that is known.
const APOLLO: (&str, u64) = ("apollo-persisted-query-manifest", 1);
const FORMS: &str =
    "generate it with GraphQL Code Generator, Relay's compiler or Apollo's generate-persisted-query-manifest";

pub(super) fn mode<'de, D: Deserializer<'de>>(from: D) -> Result<TrustedDocumentsMode, D::Error> {
    parsed(from, "use off, log or enforce", named)
}

impl<'de> Deserialize<'de> for Manifest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let file = PathBuf::from(text::<D, String>(from)?);
        let documents = documents(&file)
            .map_err(|message| D::Error::custom(format_args!("{}: {message}", file.display())))?;
        Ok(Self { file, documents })
    }
}

impl Serialize for Manifest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.file.serialize(to)
    }
}

/// The documents of a manifest, or what is wrong with it.
fn documents(file: &Path) -> Result<Vec<(String, String)>, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot be read ({error}); set it to a readable file"))?;
    let documents = match serde_json::from_str(&text) {
        Ok(Value::Object(object)) if object.contains_key("format") => operations(object)?,
        Ok(Value::Object(_)) => texts(&text)?,
        Ok(_) => return Err(format!("not a manifest; {FORMS}")),
        Err(error) => return Err(format!("line {} is not valid JSON; {FORMS}", error.line())),
    };
    if documents.is_empty() {
        return Err(format!("contains no documents; {FORMS}"));
    }
    Ok(documents)
}

/// The form of GraphQL Code Generator and Relay: texts by their ids.
fn texts(json: &str) -> Result<Vec<(String, String)>, String> {
    let Entries(entries) = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let documents = entries.into_iter().map(|(id, text)| match text {
        Value::String(text) => Ok((id, text)),
        _ => Err(format!("{id} is not a GraphQL document; {FORMS}")),
    });
    documents.collect()
}

/// An object with each of its keys as often as it is written: a map would keep one of them.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

#[derive(serde::Deserialize)]
struct Operation {
    id: String,
    body: String,
}

/// Apollo's form: a list of operations.
fn operations(mut object: Map<String, Value>) -> Result<Vec<(String, String)>, String> {
    let version = object.get("version").and_then(Value::as_u64);
    if object.get("format").and_then(Value::as_str).zip(version) != Some(APOLLO) {
        let (format, version) = APOLLO;
        return Err(format!("only version {version} of the format {format} is supported; {FORMS}"));
    }
    let Some(Value::Array(operations)) = object.remove("operations") else {
        return Err(format!("operations is not an array; {FORMS}"));
    };
    let operations = operations.into_iter().enumerate().map(|(index, operation)| {
        let Operation { id, body } = serde_json::from_value(operation)
            .map_err(|_| format!("operations[{index}] has no id or body; {FORMS}"))?;
        Ok((id, body))
    });
    operations.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::super::Documents;
    use super::super::tests::{load_text, problem};
    use super::*;

    const GOOD: &str = "[database]\nurl = \"sqlite:x\"\n[auth]\nissuer = \"i\"\naudience = \"a\"\nalgorithm = \
        \"HS256\"\nsecret = \"0123456789abcdef0123456789abcdef\"\n";

    /// The settings with a manifest of this content.
    fn settings(folder: &TempDir, content: &str, more: &str) -> String {
        let file = folder.path().join("documents.json");
        fs::write(&file, content).expect("a file");
        format!("[documents]\nmanifest = \"{}\"\n{more}", file.display())
    }

    fn read(content: &str, more: &str) -> Documents {
        let folder = TempDir::new().expect("a folder");
        let text = format!("{GOOD}{}", settings(&folder, content, more));
        load_text(&text, &[]).expect("a good configuration").documents
    }

    #[test]
    fn each_form_of_a_manifest_is_read() {
        let apollo = r#"{ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [
            { "id": "a", "name": "A", "type": "query", "body": "query A { b }" },
            { "id": "b", "name": "B", "type": "query", "body": "query B { b }", "clientName": "web" }] }"#;
        let map = r#"{ "a": "query A { b }", "b": "query B { b }" }"#;
        let expected = [("a", "query A { b }"), ("b", "query B { b }")];
        for content in [apollo, map] {
            let documents = read(content, "mode = \"enforce\"");
            let manifest = documents.manifest.expect("a manifest");
            assert_eq!(manifest.documents, expected.map(|(id, text)| (id.to_owned(), text.to_owned())));
            assert_eq!((documents.automatic, documents.mode), (true, TrustedDocumentsMode::Enforce));
        }
        assert_eq!(read(map, "automatic = false").mode, TrustedDocumentsMode::Off);
        assert!(!read(map, "automatic = false").automatic);
    }

    #[test]
    fn an_id_that_stands_twice_is_read_twice() {
        let manifest =
            read(r#"{ "a": "query A { b }", "a": "query B { b }" }"#, "").manifest.expect("a manifest");
        let expected = ["query A { b }", "query B { b }"].map(|text| ("a".to_owned(), text.to_owned()));
        assert_eq!(manifest.documents, expected);
    }

    #[test]
    fn invalid_manifests_are_reported() {
        let folder = TempDir::new().expect("a folder");
        for (content, expected) in [
            ("", "line 1 is not valid JSON; "),
            ("{\n\"a\": x}", "line 2 is not valid JSON; "),
            ("[]", "not a manifest; "),
            ("{}", "contains no documents; "),
            (r#"{ "a": "query A { b }", "b": 7 }"#, "b is not a GraphQL document; "),
            (r#"{ "a": { "text": "query A { b }" } }"#, "a is not a GraphQL document; "),
            (
                r#"{ "format": "other", "version": 1, "operations": [] }"#,
                "only version 1 of the format apollo-",
            ),
            (
                r#"{ "format": "apollo-persisted-query-manifest", "version": 2, "operations": [] }"#,
                "only version 1 of the format apollo-",
            ),
            (
                r#"{ "format": "apollo-persisted-query-manifest", "version": 1 }"#,
                "operations is not an array; ",
            ),
            (
                r#"{ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [] }"#,
                "contains no documents; ",
            ),
            (
                r#"{ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [{ "id": "a" }] }"#,
                "operations[0] has no id or body; ",
            ),
        ] {
            let problem = problem(&settings(&folder, content, ""));
            let file = folder.path().join("documents.json");
            let start = format!("documents.manifest: {}: {expected}", file.display());
            assert!(problem.starts_with(&start), "{content}: {problem}");
        }
        let missing = problem("[documents]\nmanifest = \"/no/such.json\"");
        assert!(missing.starts_with("documents.manifest: /no/such.json: cannot be read ("), "{missing}");
    }

    #[test]
    fn modes_are_checked() {
        for mode in ["log", "enforce"] {
            let problem = problem(&format!("[documents]\nmode = \"{mode}\""));
            assert!(problem.starts_with("documents.manifest: not set; set it to the file"), "{problem}");
        }
        assert!(problem("[documents]\nmode = \"on\"").contains("use off, log or enforce"));
        assert!(problem("[documents]\nautomatic = 1").contains("use true or false"));
    }

    #[test]
    fn the_old_name_of_the_mode_is_read_with_a_warning() {
        let folder = TempDir::new().expect("a folder");
        let of = |setting: &str| {
            let text = settings(&folder, r#"{ "a": "query A { b }" }"#, setting);
            load_text(&format!("{GOOD}{text}"), &[]).expect("a good configuration")
        };
        let (old, new) = (of("stage = \"log\""), of("mode = \"log\""));
        assert_eq!((&old.documents, new.deprecated), (&new.documents, Vec::new()));
        assert_eq!(old.deprecated, ["documents.stage is now documents.mode; rename the setting."]);
        assert!(old.print().contains("mode = \"log\""));
        assert!(problem("[documents]\nstage = \"on\"").starts_with("documents.stage: \"on\" is not valid"));
        assert!(problem("[documents]\nstage = \"off\"\nmode = \"off\"").contains("documents.stage: "));
    }

    #[test]
    fn the_manifest_is_printed_by_its_name() {
        let folder = TempDir::new().expect("a folder");
        let text = settings(&folder, r#"{ "a": "query A { b }" }"#, "mode = \"log\"\nautomatic = false");
        let config = load_text(&format!("{GOOD}{text}"), &[]).expect("a good configuration");
        let printed = config.print().replace("hidden", "0123456789abcdef0123456789abcdef");
        let again = load_text(&printed, &[]).expect("TOML");
        assert_eq!(again.documents, config.documents);
        assert!(!printed.contains("query A"), "{printed}");
    }
}
