// Generated clients of the REST routes: types by openapi-typescript, and a Python package by openapi-python-client.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";

const FOLDER = import.meta.dirname;
const BUILD = path.join(FOLDER, "build");
const { GATEWAY_PYTHON_PACKAGES } = process.env;
const skip = GATEWAY_PYTHON_PACKAGES ? false : "GATEWAY_PYTHON_PACKAGES is not set";

/** The steps of both programs. */
const STEPS = [
  { status: 201, firstName: "Ada" },
  { repeated: true },
  { status: 200, lastName: "Lovelace" },
  { status: 412 },
  { status: 400, message: ["firstName: Must not be empty."] },
];

test("openapi-typescript's types fit a program that writes, retries and detects a conflict", () => {
  assert.deepEqual(stepsOf("node", ["contacts.js"], BUILD), STEPS);
});

test("openapi-python-client generates a package that does the same, without a warning", { skip }, () => {
  const environment = { PYTHONPATH: [GATEWAY_PYTHON_PACKAGES, BUILD].join(path.delimiter) };
  const output = path.join(BUILD, "contact_gateway_client");
  const options = ["--meta", "none", "--overwrite", "--fail-on-warning", "--config", "python.yaml", "--output-path", output];
  run("python3", ["-m", "openapi_python_client", "generate", "--path", "../../../openapi.json", ...options], FOLDER, environment);
  assert.deepEqual(stepsOf("python3", ["contacts.py"], FOLDER, environment), STEPS);
});

/** The JSON values that a program prints. */
function stepsOf(...program) {
  return run(...program).trim().split("\n").map((line) => JSON.parse(line));
}

function run(program, args, cwd, environment = {}) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8", env: { ...process.env, ...environment } });
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}
