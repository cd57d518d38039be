//! The layers keep to their side: this reads the sources and fails where one names what it must not know.
//!
//! The table of `docs` is `LAYERS` here. Comments and literals are passed over; everything else counts, tests and macros
//! included.

mod source;

use std::{fs, path::Path};

use self::source::Source;

/// A folder of `src`, or a file beside them.
struct Layer {
    name: &'static str,
    /// The modules of the crate, besides itself, that it may name.
    knows: &'static [&'static str],
    /// What of other crates it must not name.
    never: &'static [&'static str],
}

const LAYERS: [Layer; 11] = [
    Layer {
        name: "cli",
        knows: &["app", "auth", "config", "entity", "error", "graphql", "http", "log", "service"],
        never: &[],
    },
    Layer {
        name: "app",
        knows: &["auth", "config", "error", "fair_share", "graphql", "http", "service"],
        never: &["async_graphql"],
    },
    // Its handlers are given the AppState that `app` builds; the routes of REST show rows, as GraphQL's types do.
    Layer {
        name: "http",
        knows: &["app", "auth", "entity", "error", "fair_share", "graphql", "log", "service"],
        never: &["sea_orm"],
    },
    Layer {
        name: "graphql",
        knows: &["auth", "entity", "error", "service"],
        never: &["axum", "sea_orm", "tower", "tower_http"],
    },
    Layer {
        name: "service",
        knows: &["auth", "entity", "error", "fair_share"],
        never: &["async_graphql", "axum"],
    },
    Layer { name: "entity", knows: &[], never: &["async_graphql", "axum"] },
    Layer { name: "auth", knows: &[], never: &["async_graphql", "axum", "sea_orm"] },
    Layer { name: "config", knows: &["auth"], never: &["async_graphql", "axum", "sea_orm"] },
    Layer { name: "error", knows: &[], never: &["async_graphql", "axum"] },
    Layer { name: "log", knows: &[], never: &["async_graphql", "axum", "sea_orm"] },
    Layer { name: "fair_share", knows: &["auth"], never: &["async_graphql", "axum", "sea_orm"] },
];

#[test]
fn each_layer_names_only_what_it_knows() {
    let mut breaches = Vec::new();
    for layer in &LAYERS {
        let sources = sources(&format!("src/{}", layer.name));
        assert!(!sources.is_empty(), "there is no layer {}", layer.name);
        for source in &sources {
            breaches.extend(source.crate_modules().filter_map(|(module, line)| {
                let known = module == layer.name || layer.knows.contains(&module);
                let is_layer = LAYERS.iter().any(|layer| layer.name == module);
                (is_layer && !known).then(|| source.complaint(line, module))
            }));
            for &name in layer.never {
                breaches.extend(source.find(&[name]).map(|line| source.complaint(line, name)));
            }
        }
    }
    assert_eq!(breaches, [""; 0]);
}

#[test]
fn every_module_is_a_layer() {
    let lib = Source::read(Path::new("src/lib.rs"));
    let modules: Vec<&str> = lib.words_after("mod").collect();
    let mut layers = LAYERS.map(|layer| layer.name);
    layers.sort_unstable();
    assert_eq!(modules, layers);
}

#[test]
fn tokens_are_signed_and_verified_in_one_place() {
    refuse_outside("src/auth", &[&["jsonwebtoken"]]);
}

#[test]
fn environment_variables_are_read_in_one_place() {
    let reading = ["var", "var_os", "vars", "vars_os"].map(|name| ["env", "::", name]);
    let reading: Vec<&[&str]> = reading.iter().map(<[&str; 3]>::as_slice).collect();
    // And clap's `#[arg(env)]`.
    let arguments: [&[&str]; 4] =
        [&["(", "env", ")"], &["(", "env", "="], &[",", "env", ")"], &[",", "env", "="]];
    refuse_outside("src/config", &[&reading[..], &arguments].concat());
}

#[test]
fn statements_begin_in_an_organization() {
    let unscoped: [&[&str]; 6] = [
        &["::", "find", "(", ")"],
        &["find_by_id", "("],
        &["find_related", "("],
        &["update_many", "("],
        &["delete_many", "("],
        &["delete_by_id", "("],
    ];
    refuse_outside("src/entity", &unscoped);
}

#[test]
fn requests_run_within_row_level_security() {
    let past_it: [&[&str]; 2] = [&[".", "bypass_rls", "(", ")"], &[".", "pool", "(", ")"]];
    let at_home = [
        "src/service/app_token.rs",
        "src/service/database.rs",
        "src/service/events.rs",
        "src/service/organization.rs",
        "src/service/start_check.rs",
        // Opens a connection of its own beside the pool.
        "src/service/sqlite_log.rs",
    ];
    let mut sources: Vec<Source> =
        ["src/http", "src/graphql", "src/service"].into_iter().flat_map(sources).collect();
    sources.retain(|source| !at_home.iter().any(|home| source.path.ends_with(home)));
    assert_eq!(found(&sources, &past_it), [""; 0]);
}

#[test]
fn times_and_ids_come_from_the_request() {
    let makers: [&[&str]; 4] = [&["Utc", "::", "now"], &["SystemTime"], &["now_v7"], &["new_v4"]];
    let sources: Vec<Source> = ["src/graphql", "src/service"].into_iter().flat_map(sources).collect();
    assert_eq!(found(&sources, &makers), [""; 0]);
}

#[test]
fn no_lint_is_allowed_away() {
    let attributes: [&[&str]; 2] = [&["#", "[", "allow"], &["#", "!", "[", "allow"]];
    let mut breaches = Vec::new();
    for folder in ["src", "migrations", "tests", "benches"] {
        breaches.extend(found(&sources(folder), &attributes));
    }
    assert_eq!(breaches, [""; 0]);
}

/// Fails where `src` has one of these sequences of words and signs outside the folder.
fn refuse_outside(folder: &str, sequences: &[&[&str]]) {
    let (inside, outside): (Vec<_>, Vec<_>) =
        sources("src").into_iter().partition(|source| source.path.starts_with(folder));
    assert!(!found(&inside, sequences).is_empty(), "nothing is found in {folder} either: {sequences:?}");
    assert_eq!(found(&outside, sequences), [""; 0]);
}

fn found(sources: &[Source], sequences: &[&[&str]]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        for sequence in sequences {
            let lines = source.find(sequence);
            breaches.extend(lines.map(|line| source.complaint(line, &sequence.concat())));
        }
    }
    breaches
}

/// The sources of a folder, or of the file of that name.
fn sources(place: &str) -> Vec<Source> {
    let file = Path::new(place).with_extension("rs");
    if file.is_file() {
        return vec![Source::read(&file)];
    }
    let mut sources = Vec::new();
    let mut folders = vec![Path::new(place).to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|_| panic!("no folder {}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(Source::read(&path));
            }
        }
    }
    sources
}
