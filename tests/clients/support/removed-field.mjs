// What a client's compiler says once the schema has lost a field that its operations use.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { SCHEMA, schemaWithout } from "./schema.mjs";

const CLIENTS = path.resolve(import.meta.dirname, "..");

/** What is made from the sources, and would hide what compiling them makes of another schema. */
const MADE = new Set(["generated", "__generated__", "build", "target"]);

/**
 * Compiles a copy of the client's folder, in which only schema.graphql differs: it lacks the field of this name, or
 * nothing where there is none. Answers the exit code and all that was written.
 */
export function compileWithout(field, client, [program, ...args], env = {}) {
  const root = mkdtempSync(path.join(tmpdir(), "contact-gateway-clients-"));
  try {
    const clients = path.join(root, "tests/clients");
    mkdirSync(clients, { recursive: true });
    cpSync(path.join(CLIENTS, client), path.join(clients, client), {
      recursive: true,
      filter: (source) => !MADE.has(path.basename(source)),
    });
    symlinkSync(path.join(CLIENTS, "node_modules"), path.join(clients, "node_modules"));
    cpSync(path.join(CLIENTS, "package.json"), path.join(clients, "package.json"));
    writeFileSync(path.join(root, "schema.graphql"), field ? schemaWithout(field) : SCHEMA);
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      cwd: clients,
      encoding: "utf8",
      env: { ...process.env, ...env },
      timeout: 120_000,
    });
    if (error) throw error;
    return { status, output: stdout + stderr };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
