// The units for systemd: no unknown directive, and hardened.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { needs, PROGRAM, REPOSITORY } from "./support/environment.mjs";
import { run } from "./support/process.mjs";

const FOLDER = path.join(REPOSITORY, "deploy/systemd");
const NAMES = ["contact-gateway.service", "contact-gateway-migrate.service"];
/** systemd's measure of exposure, from 0 to 100; a service without any hardening has 96. */
const MAXIMUM_EXPOSURE = 15;

test("systemd accepts the units", needs("SYSTEMD_ANALYZE"), (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "contact-gateway-deploy-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const files = NAMES.map((name) => {
    const file = path.join(folder, name);
    // It checks that the program exists.
    writeFileSync(file, readFileSync(path.join(FOLDER, name), "utf8").replaceAll("/usr/local/bin/contact-gateway", PROGRAM));
    chmodSync(file, 0o644);
    return file;
  });
  assert.equal(run(process.env.SYSTEMD_ANALYZE, ["verify", "--man=no", ...files]).text, "");
});

for (const name of NAMES) {
  test(`${name} is hardened`, needs("SYSTEMD_ANALYZE"), () => {
    const file = path.join(FOLDER, name);
    run(process.env.SYSTEMD_ANALYZE, ["security", "--offline=yes", "--no-pager", `--threshold=${MAXIMUM_EXPOSURE}`, file]);
  });
}
