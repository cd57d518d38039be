// Writes the code blocks of docs/front-ends.md to build/src, and builds them as their readers do: the generators of Relay and
// gql.tada, the TypeScript compiler, then Babel for Relay. The results are in build/out, the Rust program in build/rust.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { replaceGraphqlTags } from "../relay/babel.mjs";
import { SCHEMA } from "../support/schema.mjs";
import { blocks } from "./blocks.mjs";

const BUILD = path.join(import.meta.dirname, "build");
const SOURCES = path.join(BUILD, "src");
const CRATE = path.join(BUILD, "rust");
const RUST = new Set(["contacts.rs", "contacts.graphql"]);

rmSync(BUILD, { recursive: true, force: true });
for (const folder of [path.join(SOURCES, "__generated__"), path.join(CRATE, "src")]) mkdirSync(folder, { recursive: true });
for (const [name, code] of blocks()) {
  const file = RUST.has(name) ? path.join(CRATE, "src", name.replace("contacts.rs", "main.rs")) : path.join(SOURCES, name);
  writeFileSync(file, code);
}
for (const folder of [SOURCES, CRATE]) writeFileSync(path.join(folder, "schema.graphql"), SCHEMA);
writeCrate();

run("node", "schema-files.js");
run("npx", "relay-compiler");
run("node", "tada-schema.js");
run("npx", "tsc", "-p", "../..");
await replaceGraphqlTags(path.join(BUILD, "out"));

/** A crate with the dependencies of the Rust client. */
function writeCrate() {
  const client = path.join(import.meta.dirname, "../rust");
  cpSync(path.join(client, "Cargo.lock"), path.join(CRATE, "Cargo.lock"));
  const manifest = readFileSync(path.join(client, "Cargo.toml"), "utf8");
  writeFileSync(path.join(CRATE, "Cargo.toml"), `${manifest}\n[[bin]]\nname = "contact-gateway-guide"\npath = "src/main.rs"\n`);
}

function run(program, ...args) {
  const { status } = spawnSync(program, args, { cwd: SOURCES, stdio: "inherit" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed`);
}
