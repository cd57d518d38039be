// The image: the same steps in an empty folder, run by an unprivileged user with a read-only root file system.

import assert from "node:assert/strict";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { Client } from "./support/client.mjs";
import { createDatabase } from "./support/database.mjs";
import { isInContext, only, readStages } from "./support/dockerfile.mjs";
import { needs, PROGRAM, REPOSITORY } from "./support/environment.mjs";
import { freePorts, run, start } from "./support/process.mjs";

const STAGE = readStages().at(-1);
const SECRET = "a secret of the tests, 32 bytes or more";

test("hadolint finds nothing in the Dockerfile", needs("HADOLINT"), () => {
  run(process.env.HADOLINT, [path.join(REPOSITORY, "Dockerfile")]);
});

test("the builder gets every file of the binary, and cargo accepts the manifests", (t) => {
  const made = readFileSync(`${PROGRAM}.d`, "utf8").slice(`${PROGRAM}: `.length).trim().split(/(?<!\\) /);
  const sources = made.map((file) => path.relative(REPOSITORY, file)).filter((file) => !/^(\.\.|target)\//.test(file));
  assert.ok(sources.length > 200, `${sources.length} sources`);
  assert.deepEqual(sources.filter((file) => !isInContext(file)), []);

  const folder = temporaryFolder(t);
  const files = run("git", ["ls-files"], { cwd: REPOSITORY }).stdout.trim().split("\n").filter(isInContext);
  for (const file of files) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    copyFileSync(path.join(REPOSITORY, file), path.join(folder, file));
  }
  run("cargo", ["metadata", "--format-version=1", "--locked", "--offline", "--no-deps"], { cwd: folder });
});

test("the image answers with a read-only root, as an unprivileged user", needs("BWRAP", "POSTGRES_URL"), async (t) => {
  const root = buildRoot(t);
  const [port] = await freePorts(1);
  const settings = {
    ...imageEnvironment(),
    CONTACT_GATEWAY__HTTP__LISTEN: `127.0.0.1:${port}`,
    CONTACT_GATEWAY__DATABASE__URL: createDatabase(t),
    CONTACT_GATEWAY__AUTH__ISSUER: "https://login.example.com/",
    CONTACT_GATEWAY__AUTH__AUDIENCE: "contact-gateway",
    CONTACT_GATEWAY__AUTH__ALGORITHM: "HS256",
    CONTACT_GATEWAY__AUTH__SECRET: SECRET,
  };
  const entry = JSON.parse(only(STAGE, "ENTRYPOINT"));
  const contained = (args) => container(root, settings, [...entry, ...args]);

  const { stdout } = run(...contained(["migrate", "up"]));
  assert.match(stdout, /^applied /);
  const gateway = await start(...contained(JSON.parse(only(STAGE, "CMD"))), { ready: /"listening"/ });
  t.after(() => gateway.stop("SIGKILL"));
  assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200);
  const scopes = ["contacts:read", "contacts:write", "gateway:admin"].flatMap((scope) => ["--scope", scope]);
  // A file without settings: the environment has all of them.
  const token = run(...contained(["token", "--config", "/dev/null", ...scopes])).stdout.trim();
  await new Client(`http://127.0.0.1:${port}`, token).createOrganization();
  const openapi = await (await fetch(`http://127.0.0.1:${port}/openapi.json`)).json();
  assert.equal(openapi.info.license.identifier, "MIT OR Apache-2.0");

  const status = readFileSync(`/proc/${gateway.pid}/status`, "utf8");
  assert.match(status, /^CapEff:\t0+$/m, "no capabilities");
  if (process.getuid() === 0) assert.match(status, /^Uid:\t65532\t65532\t65532\t65532$/m);
  assert.match(run(...contained(["dev", "--data-dir", "/data"]), { status: 1 }).text, /Read-only file system/);

  const probe = container(root, settings, healthCommand());
  run(...probe);
  assert.equal(await gateway.stop(), 0, gateway.log());
  run(...probe, { status: 1 });
});

function temporaryFolder(t) {
  const folder = mkdtempSync(path.join(tmpdir(), "contact-gateway-deploy-"));
  t.after(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  return folder;
}

/** The root file system: what distroless/cc has of what a program uses, and what the Dockerfile's last stage copies. */
function buildRoot(t) {
  const root = temporaryFolder(t);
  const base = [...run("ldd", [PROGRAM]).stdout.matchAll(/(\/\S+) \(0x/g)].map(([, file]) => file);
  const authorities = "/etc/ssl/certs/ca-certificates.crt";
  if (existsSync(authorities)) base.push(authorities);
  for (const folder of ["proc", "dev"]) mkdirSync(path.join(root, folder));
  for (const file of base) copyInto(root, file, file);

  assert.equal(only(STAGE, "FROM"), "gcr.io/distroless/cc-debian12:nonroot");
  for (const [, rest] of STAGE.filter(([name]) => name === "COPY")) {
    const [option, ...words] = rest.startsWith("--from=build ") ? rest.split(" ") : [undefined, ...rest.split(" ")];
    const destination = words.pop();
    for (const source of words) {
      const file = option ? PROGRAM : path.join(REPOSITORY, source);
      assert.ok(option || isInContext(source), `${source} is sent to the builder`);
      copyInto(root, file, destination.endsWith("/") ? destination + path.basename(source) : destination);
    }
  }
  return root;
}

function copyInto(root, file, destination) {
  const copy = path.join(root, destination);
  mkdirSync(path.dirname(copy), { recursive: true });
  cpSync(file, copy, { dereference: true });
}

/** The image's variables. A gateway that listens on another port than EXPOSE names, or on loopback, cannot be reached. */
function imageEnvironment() {
  const variables = Object.fromEntries(STAGE.filter(([name]) => name === "ENV").map(([, rest]) => rest.split("=")));
  assert.equal(variables.CONTACT_GATEWAY__HTTP__LISTEN, `0.0.0.0:${only(STAGE, "EXPOSE")}`);
  return variables;
}

function healthCommand() {
  const [, command] = /CMD (\[.*\])$/.exec(only(STAGE, "HEALTHCHECK"));
  return JSON.parse(command);
}

/** The command that runs another one as a container engine would: its own processes, no capabilities, a read-only root. */
function container(root, environment, command) {
  const [user, group] = only(STAGE, "USER").split(":");
  const variables = Object.entries(environment).flatMap(([name, value]) => ["--setenv", name, value]);
  const isolation = ["--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--unshare-all", "--share-net", "--as-pid-1"];
  const identity = ["--uid", user, "--gid", group, "--die-with-parent", "--clearenv"];
  const args = [process.env.BWRAP, ...isolation, ...identity, ...variables, "--", ...command];
  if (process.getuid() !== 0) return [args[0], args.slice(1)];
  return ["setpriv", [`--reuid=${user}`, `--regid=${group}`, "--clear-groups", "--", ...args]];
}
