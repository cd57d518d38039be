//! The processor time of the database and of this process, as Linux accounts for it: other than the time that passes, it
//! does not depend on what else the machine does.

use std::{collections::HashMap, fs, path::Path, time::Duration};

use contact_gateway::service::Database;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::World;

/// What sqlx calls the threads of SQLite, as far as Linux keeps names.
const SQLITE: &str = "sqlx-sqlite-wor";

/// Reads processor times.
pub(crate) struct Processor {
    db: Database,
}

/// The nanoseconds of each thread and session so far, and whether it is the database's.
pub(crate) type Times = HashMap<String, (u64, bool)>;

impl Processor {
    pub(crate) fn of(world: &World) -> Self {
        Self { db: world.db.clone() }
    }

    pub(crate) async fn read(&self) -> Times {
        let mut times = Times::new();
        for task in fs::read_dir("/proc/self/task").expect("the threads").flatten() {
            // A thread may have ended meanwhile.
            let Ok(name) = fs::read_to_string(task.path().join("comm")) else { continue };
            let Some(time) = nanoseconds(&task.path()) else { continue };
            times.insert(task.path().display().to_string(), (time, name.trim() == SQLITE));
        }
        if self.db.is_sqlite() {
            return times;
        }
        let sessions = "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database()";
        let statement = Statement::from_string(DbBackend::Postgres, sessions);
        for row in self.db.pool().query_all_raw(statement).await.expect("the sessions") {
            let session = format!("/proc/{}", row.try_get_by_index::<String>(0).expect("a number"));
            let time = nanoseconds(Path::new(&session)).expect("PostgreSQL on this machine");
            times.insert(session, (time, true));
        }
        times
    }

    /// What the database and what the gateway computed since then.
    pub(crate) async fn since(&self, before: &Times) -> [Duration; 2] {
        let now = self.read().await;
        let sum = |of_database: bool| {
            let some = now.iter().filter(|(_, (_, is_database))| *is_database == of_database);
            let spent = some.map(|(who, (time, _))| time - before.get(who).map_or(0, |(time, _)| *time));
            Duration::from_nanos(spent.sum())
        };
        [sum(true), sum(false)]
    }
}

/// How long a thread or a process was on a processor.
fn nanoseconds(folder: &Path) -> Option<u64> {
    fs::read_to_string(folder.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
}
