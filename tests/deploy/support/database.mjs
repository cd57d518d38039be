// Databases on the test server of PostgreSQL.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { run } from "./process.mjs";

/** Creates a role, and a database that it owns. Other names and passwords replace these ones. */
const STATEMENTS = `CREATE ROLE contact_gateway LOGIN PASSWORD 'choose-a-password';
CREATE DATABASE contact_gateway OWNER contact_gateway;`;

/** Creates a database and its role by these statements; both are dropped after the test. Returns the URL. */
export function createDatabase(t, { password = randomBytes(12).toString("hex"), statements = STATEMENTS } = {}) {
  const name = `deploy_${randomBytes(6).toString("hex")}`;
  assert.ok(statements.includes("contact_gateway") && statements.includes("choose-a-password"));
  psql(statements.replaceAll("contact_gateway", name).replaceAll("choose-a-password", password));
  t.after(() => psql(`DROP DATABASE ${name} WITH (FORCE); DROP ROLE ${name};`));
  const url = new URL(process.env.POSTGRES_URL);
  url.username = name;
  url.password = password;
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs statements as the administrator, each in its own transaction. */
function psql(statements) {
  const program = path.join(process.env.POSTGRES_PROGRAMS, "psql");
  run(program, ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", process.env.POSTGRES_URL], { input: statements });
}
