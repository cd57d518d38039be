// The files of a release: the same content gives the same files, the checksums match, and the bill of materials is complete.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { before, test } from "node:test";
import { needs, REPOSITORY } from "./support/environment.mjs";
import { run } from "./support/process.mjs";
import { validator } from "./support/schema.mjs";

/** Stands for the binary, whose build and packing take long. */
const BINARY = path.join(REPOSITORY, "LICENSE-MIT");
const SCRIPT = path.join(REPOSITORY, "scripts/release");
const SCHEMAS = path.join(path.dirname(createRequire(import.meta.url).resolve("@cyclonedx/cyclonedx-library/package.json")), "res/schema");

let folder;
let archive;
let materials;

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), "contact-gateway-deploy-"));
  run(SCRIPT, ["--binary", BINARY, "--output", folder]);
  [archive, materials] = [".tar.gz", ".cdx.json"].map((end) => readdirSync(folder).find((name) => name.endsWith(end)));
  process.once("exit", () => rmSync(folder, { recursive: true }));
});

test("the checksums match", () => {
  const lines = readFileSync(path.join(folder, "SHA256SUMS"), "utf8").trim().split("\n");
  assert.deepEqual(lines.map((line) => line.split("  ")[1]), [archive, materials]);
  run("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: folder });
});

test("the archive has the binary, its licences and the files to deploy it, and belongs to no user", () => {
  const list = run("tar", ["--list", "--verbose", "--numeric-owner", "--gzip", "--file", path.join(folder, archive)]).stdout;
  const name = archive.replace(".tar.gz", "");
  for (const file of ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "docs/operations.md", "deploy/nginx/nginx.conf"]) {
    assert.match(list, new RegExp(`^-rw-r--r-- 0/0 .* ${name}/${file}$`, "m"));
  }
  assert.match(list, new RegExp(`^-rwxr-xr-x 0/0 .* ${name}/contact-gateway$`, "m"));
});

test("packing again gives the same files", (t) => {
  const again = mkdtempSync(path.join(tmpdir(), "contact-gateway-deploy-"));
  t.after(() => rmSync(again, { recursive: true }));
  run(SCRIPT, ["--binary", BINARY, "--output", again]);
  assert.equal(digest(path.join(again, "SHA256SUMS")), digest(path.join(folder, "SHA256SUMS")));
});

test("the bill of materials follows CycloneDX and names every crate and every package of the playground", () => {
  const document = json(path.join(folder, materials));
  const schema = (name) => {
    const file = `${name}.SNAPSHOT.schema.json`;
    return { ...json(path.join(SCHEMAS, file)), $id: `http://cyclonedx.org/schema/${file}` };
  };
  const others = ["spdx", "jsf-0.82", "cryptography-defs"].map(schema);
  validator(schema("bom-1.6"), others)(document, materials);

  const references = document.components.map((component) => component["bom-ref"]);
  assert.equal(new Set(references).size, references.length);
  const inBinary = document.components.filter(({ scope }) => scope === "required").map(({ name }) => name);
  for (const name of ["axum", "async-graphql", "sea-orm", "migrations", "libsqlite3-sys", "graphiql", "monaco-editor"]) {
    assert.ok(inBinary.includes(name), name);
  }
  for (const name of ["criterion", "serde_derive", "vite"]) assert.ok(!inBinary.includes(name), name);
  for (const { name, purl, hashes, licenses } of document.components) {
    // Cargo.lock has no mdBook, of which the guide has files.
    if (purl?.startsWith("pkg:cargo/") && name !== "mdbook") assert.match(hashes[0].content, /^[0-9a-f]{64}$/);
    for (const { expression } of licenses ?? []) assert.doesNotMatch(expression, /\//);
  }
  for (const { ref, dependsOn } of document.dependencies) {
    for (const other of dependsOn) assert.ok(references.includes(other), `${other} of ${ref}`);
  }
});

test("ShellCheck finds nothing in the scripts", needs("SHELLCHECK"), () => {
  run(process.env.SHELLCHECK, ["scripts/release", "scripts/test", ".ci/run"], { cwd: REPOSITORY });
});

test("--help prints how to use it, and an unknown option fails", () => {
  assert.match(run(SCRIPT, ["--help"]).stdout, /^Usage: scripts\/release /);
  run(SCRIPT, ["--unknown"], { status: 1 });
});

function digest(file) {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

function json(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}
