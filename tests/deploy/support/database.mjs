// Databases on the test server of PostgreSQL.

import { randomBytes } from "node:crypto";
import path from "node:path";
import { run } from "./process.mjs";

/** Creates a database and a role that owns it; both are dropped after the test. Returns the URL. */
export function createDatabase(t, password = randomBytes(12).toString("hex")) {
  const name = `deploy_${randomBytes(6).toString("hex")}`;
  psql(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
  psql(`CREATE DATABASE ${name} OWNER ${name}`);
  t.after(() => {
    psql(`DROP DATABASE ${name} WITH (FORCE)`);
    psql(`DROP ROLE ${name}`);
  });
  const url = new URL(process.env.POSTGRES_URL);
  url.username = name;
  url.password = password;
  url.pathname = `/${name}`;
  return url.href;
}

function psql(statement) {
  const program = path.join(process.env.POSTGRES_PROGRAMS, "psql");
  run(program, ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--command", statement, process.env.POSTGRES_URL]);
}
