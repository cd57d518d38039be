//! The file of an SQLite database: accessible by its owner only, and every acknowledged write is in it.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use contact_gateway::config::DatabaseUrl;
use reqwest::Method;
use serde_json::json;

use crate::{
    process::Development,
    support::{Reply, World},
};

async fn create(world: &World, name: &str) -> Reply {
    world.writer().mutate("createPartner", json!({ "name": name }), "partner { id }").await
}

async fn readiness(world: &World) -> (u16, u16) {
    let status = async |path| {
        let answer = world.anonymous().request(Method::GET, path).send().await.expect("an answer");
        answer.status().as_u16()
    };
    (status("/readyz").await, status("/readyz?write").await)
}

/// The refusal of a write.
async fn refused(world: &World) -> String {
    let refused = create(world, "Initech").await;
    assert_eq!(refused.errors(), ["UNAVAILABLE createPartner"]);
    refused.body["errors"][0]["message"].as_str().expect("a message").to_owned()
}

#[tokio::test]
async fn a_file_that_is_gone_or_another_one_takes_no_writes() {
    let world = World::on_sqlite().await;
    assert_eq!(create(&world, "Globex").await.user_errors("createPartner"), [""; 0]);
    assert_eq!(readiness(&world).await, (200, 200));
    let before = world.contents().await;
    let file = world.file().expect("a file");
    let aside = file.with_extension("aside");

    fs::rename(&file, &aside).expect("a file");
    assert_eq!(readiness(&world).await, (503, 503));
    let gone = "The database file is missing. Nothing is written until it is restored.";
    assert_eq!(refused(&world).await, gone);
    assert!(!file.exists(), "a new file was made");

    fs::copy(&aside, &file).expect("a copy");
    assert_eq!(readiness(&world).await, (503, 503));
    assert_eq!(refused(&world).await, gone);

    fs::rename(&aside, &file).expect("a file");
    assert_eq!(readiness(&world).await, (200, 200));
    assert_eq!(world.contents().await, before);
    assert_eq!(create(&world, "Initech").await.user_errors("createPartner"), [""; 0]);
}

/// A small file system in memory. Only root may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(folder).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then(|| Self(folder.to_owned()))
    }

    /// Takes all that is left.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut filler = File::create(&path).expect("a file");
        for size in [64 * 1024, 4096, 1] {
            while filler.write_all(&vec![1; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the database may be open yet.
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

#[tokio::test]
async fn a_disk_that_is_full_takes_no_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = SmallDisk::mount(folder.path()) else {
        eprintln!(
            "not tested on a real disk: this user may not mount one; database_trouble does it with a limit of SQLite's"
        );
        return;
    };
    let world = World::on_sqlite().await;
    let path = folder.path().join("test.db");
    fs::copy(world.file().expect("a file"), &path).expect("a copy");
    let world = world
        .restarted(|config| config.database.url = DatabaseUrl::parse(&format!("sqlite://{}", path.display())))
        .await;
    assert_eq!(create(&world, "Globex").await.user_errors("createPartner"), [""; 0]);
    assert_eq!(readiness(&world).await, (200, 200));

    let filler = disk.fill();
    // What the log beside the database has room for may still be written.
    let mut number = 0;
    while create(&world, &format!("Partner {number}")).await.body.get("errors").is_none() {
        number += 1;
    }
    let before = world.contents().await;
    assert_eq!(refused(&world).await, "The database has no disk space left. Nothing was written.");
    assert_eq!(world.contents().await, before);
    assert_eq!(readiness(&world).await, (200, 503));
    let read = world.reader().query("{ partners(first: 1) { nodes { name } } }").await;
    assert_eq!(*read.data("/partners/nodes/0/name"), "Globex");

    fs::remove_file(filler).expect("a file");
    assert_eq!(readiness(&world).await, (200, 200));
    assert_eq!(create(&world, "After all").await.user_errors("createPartner"), [""; 0]);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o777
}

#[tokio::test]
async fn only_its_owner_may_read_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let database = folder.path().join("elsewhere").join("gateway.db");
    let url = format!("sqlite://{}?mode=rwc", database.display());
    fs::create_dir(&data).expect("a folder");
    fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).expect("a folder");
    let gateway = Development::start(&data, Some(&url)).await;
    let create = "mutation { createPartner(input: { name: \"Globex\" }) { partner { id } } }";
    gateway.client.ask(create, json!({})).await.expect("an answer");
    assert_eq!(mode(database.parent().expect("a folder")), 0o700);
    for extension in ["db", "db-wal", "db-shm"] {
        assert_eq!(mode(&database.with_extension(extension)), 0o600, "{extension}");
    }
    assert_eq!(mode(&data.join("signing.key")), 0o600);
    assert_eq!(mode(&data), 0o755, "the rights of a folder that was there");
}
