// A gateway in production's mode that answers the documents of one manifest and no others, with an organization in it.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const PROGRAM = process.env.GATEWAY_PROGRAM ?? path.resolve(import.meta.dirname, "../../../target/debug/contact-gateway");

/** Starts one; answers its `endpoint`, the `headers` of a caller, and `stop`, which has to be called in the end. */
export async function startEnforcing(manifest) {
  const folder = mkdtempSync(path.join(tmpdir(), "contact-gateway-enforcing-"));
  const settings = {
    DATABASE__URL: `sqlite://${path.join(folder, "contacts.db")}?mode=rwc`,
    AUTH__ISSUER: "https://login.example/",
    AUTH__AUDIENCE: "contact-gateway",
    AUTH__ALGORITHM: "HS256",
    AUTH__SECRET: randomBytes(32).toString("hex"),
    HTTP__LISTEN: "127.0.0.1:0",
    LOG__FORMAT: "text",
  };
  try {
    run(["migrate", "up"], settings);
    const headers = { authorization: `Bearer ${run(["token"], settings).trim()}`, "content-type": "application/json" };
    const open = await serve(settings);
    await createOrganization(open.endpoint, headers);
    await open.stop();
    const closed = await serve({ ...settings, DOCUMENTS__MANIFEST: manifest, DOCUMENTS__STAGE: "enforce" });
    const stop = async () => {
      await closed.stop();
      rmSync(folder, { recursive: true, force: true });
    };
    return { endpoint: closed.endpoint, headers, stop };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The code with which this gateway answers a document that is not in the manifest. */
export async function codeOfAnother({ endpoint, headers }) {
  const body = JSON.stringify({ query: "{ viewer { subject } }" });
  const { errors } = await (await fetch(endpoint, { method: "POST", headers, body })).json();
  return errors?.[0].extensions.code;
}

function environment(settings) {
  const named = Object.entries(settings).map(([name, value]) => [`CONTACT_GATEWAY__${name}`, value]);
  return { ...process.env, ...Object.fromEntries(named) };
}

function run(args, settings) {
  const { status, stdout, stderr } = spawnSync(PROGRAM, configured(args), {
    encoding: "utf8",
    env: environment(settings),
    timeout: 30_000,
  });
  assert.equal(status, 0, `${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Tokens are signed with development's key unless a configuration is named; an empty file will do. */
function configured(args) {
  return args[0] === "token" ? [...args, "--config", "/dev/null"] : args;
}

async function serve(settings) {
  const gateway = spawn(PROGRAM, ["serve"], { env: environment(settings), stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => gateway.once("exit", resolve));
  const address = await new Promise((resolve, reject) => {
    let log = "";
    const read = (chunk) => {
      log += chunk;
      const found = /listening.*address="?([\d.]+:\d+)/.exec(log.replaceAll(/\x1b\[\d*m/g, ""));
      if (found) resolve(found[1]);
    };
    gateway.stdout.on("data", read);
    gateway.stderr.on("data", read);
    gateway.once("exit", () => reject(new Error(`the gateway has ended: ${log}`)));
    setTimeout(() => reject(new Error(`the gateway does not listen: ${log}`)), 20_000).unref();
  });
  const stop = () => {
    gateway.kill("SIGINT");
    return ended;
  };
  return { endpoint: `http://${address}/graphql`, stop };
}

async function createOrganization(endpoint, headers) {
  const query = `mutation { createOrganization(input: { name: "Example" }) { organization { id } userErrors { message } } }`;
  const response = await fetch(endpoint, { method: "POST", headers, body: JSON.stringify({ query }) });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined);
  assert.equal(data.createOrganization.organization.id, "org_1");
}
