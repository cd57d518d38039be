// A Rust program whose types graphql_client makes from schema.graphql when it is compiled, before a real gateway.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { accountWithContacts, ENDPOINT, HEADERS } from "../support/gateway.mjs";
import { compileWithout } from "../support/removed-field.mjs";

const CONTACTS = 250;
const TARGET = path.resolve(import.meta.dirname, "../../../target/clients");
const BUILD = ["cargo", "build", "--locked", "--quiet", "--manifest-path", "rust/Cargo.toml", "--target-dir", TARGET];

test("250 contacts load in pages without a gap or a repeat; an update tells of a conflict", async () => {
  const { accountId, contactIds } = await accountWithContacts(CONTACTS);
  const token = HEADERS.authorization.replace("Bearer ", "");
  const program = path.join(TARGET, "debug/contact-gateway-rust-client");
  const lines = run([program, ENDPOINT, token, HEADERS["x-org-id"], accountId]).trim().split("\n");
  assert.deepEqual(lines.slice(0, CONTACTS), contactIds);
  assert.deepEqual(lines.slice(CONTACTS), ["renamed to Ada", "refused: it has changed"]);
});

test("an operation with a removed field does not compile", () => {
  const { status, output } = compileWithout("displayName", "rust", BUILD);
  assert.notEqual(status, 0);
  assert.match(output, /No field named displayName on Contact/);
});

function run([program, ...args]) {
  const cwd = path.resolve(import.meta.dirname, "..");
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: "utf8", timeout: 60_000 });
  if (error) throw error;
  assert.equal(status, 0, stderr);
  return stdout;
}
