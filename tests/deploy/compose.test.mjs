// The parts of compose.yaml as processes of this machine: migrate, two gateways, and nginx in front of them.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { Client } from "./support/client.mjs";
import { createDatabase } from "./support/database.mjs";
import { needs, PROGRAM, REPOSITORY } from "./support/environment.mjs";
import { eventually, freePorts, run, sleep, start } from "./support/process.mjs";
import { validator } from "./support/schema.mjs";

const VARIABLES = { POSTGRES_PASSWORD: randomBytes(12).toString("hex"), AUTH_SECRET: randomBytes(32).toString("hex") };
const NGINX_CONF = "deploy/nginx/nginx.conf";
const PROXY_CONF = "/etc/nginx/contact-gateway/proxy.conf";
/** Longer than fail_timeout in nginx.conf. */
const UNTIL_NGINX_RETRIES = 2500;

const COMPOSE = parse(readFileSync(path.join(REPOSITORY, "compose.yaml"), "utf8"), { merge: true });
const { services } = COMPOSE;

test("compose.yaml follows the Compose specification", needs("COMPOSE_SCHEMA"), () => {
  validator(JSON.parse(readFileSync(process.env.COMPOSE_SCHEMA, "utf8")))(COMPOSE, "compose.yaml");
});

test("each part starts after the parts that it needs", () => {
  const conditions = (name) => Object.entries(services[name].depends_on).map(([other, { condition }]) => [other, condition]);
  assert.deepEqual(conditions("migrate"), [["postgres", "service_healthy"]]);
  for (const name of ["gateway-1", "gateway-2"]) {
    assert.deepEqual(conditions(name), [["migrate", "service_completed_successfully"]]);
  }
  const gateways = [["gateway-1", "service_healthy"], ["gateway-2", "service_healthy"]];
  assert.deepEqual(conditions("nginx"), gateways);
});

test("the gateways trust the network of nginx", () => {
  const [{ subnet }] = COMPOSE.networks.default.ipam.config;
  const configuration = readFileSync(mounted(services["gateway-1"], "/etc/contact-gateway/gateway.toml"), "utf8");
  assert.ok(configuration.includes(`trusted_proxies = ["${subnet}"]`));
});

test("the parts as processes", needs("NGINX_PROGRAM", "POSTGRES_URL"), async (t) => {
  const stack = await startStack(t);
  const client = new Client(stack.url, stack.token);
  await client.createOrganization();

  await t.test("queries and mutations pass nginx", async () => {
    const id = await client.createContact("ada@example.com");
    const { accountContact } = await client.send("query ($id: ID!) { accountContact(id: $id) { email } }", { id });
    assert.equal(accountContact.email, "ada@example.com");
  });

  await t.test("the gateway rejects a body that is too large, not nginx", async () => {
    const body = JSON.stringify({ query: `{ viewer { subject } } # ${"x".repeat(1024 * 1024)}` });
    const response = await fetch(new URL("/graphql", stack.url), { method: "POST", headers: client.headers, body });
    assert.equal(response.status, 413);
    assert.ok(response.headers.has("x-request-id"));
  });

  await t.test("the gateways log the address of the client, not nginx's", async () => {
    const other = new Client(stack.url, stack.token, "127.0.0.9");
    await other.send("{ viewer { subject } }");
    const logs = () => Object.values(stack.gateways).map((gateway) => gateway.log()).join("");
    await eventually(() => logs().includes('"127.0.0.9"'), "the address is in the log");
  });

  await t.test("events pass nginx at once, as an event stream and over a WebSocket", async () => {
    const stream = await client.eventStream();
    const first = await client.createContact("grace@example.com");
    const { cursor, contactId } = await stream.next();
    assert.equal(contactId, first);
    stream.close();
    const socket = await client.webSocket(cursor);
    const second = await client.createContact("barbara@example.com");
    assert.equal((await socket.next()).contactId, second);
    socket.close();
  });

  await t.test("the gateways are replaced one by one without a failed request or a lost event", async () => {
    const stream = await client.eventStream();
    await client.createContact("joan@example.com");
    const subscriber = new Subscriber(client, (await stream.next()).cursor);
    stream.close();
    const load = startLoad(stack);
    for (const name of ["gateway-1", "gateway-2"]) {
      await sleep(1000);
      assert.equal(await stack.gateways[name].stop(), 0, stack.gateways[name].log());
      await sleep(1000);
      await stack.startGateway(name);
      await sleep(UNTIL_NGINX_RETRIES);
    }
    const { failures, created } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(created.length > 20, `${created.length} contacts were created`);
    await eventually(() => subscriber.received.length >= created.length, "all events");
    assert.deepEqual(subscriber.received.toSorted(), created.toSorted());
    assert.equal(subscriber.connections > 1, true, "the gateway closed the subscriber's connection");
    subscriber.stop();
  });
});

/** Starts the parts in the order of compose.yaml, on free ports. */
async function startStack(t) {
  const folder = mkdtempSync(path.join(tmpdir(), "contact-gateway-deploy-"));
  const database = new URL(createDatabase(t, { password: VARIABLES.POSTGRES_PASSWORD }));
  const ports = await freePorts(5);
  const addresses = { "gateway-1": `127.0.0.1:${ports[0]}`, "gateway-2": `127.0.0.1:${ports[1]}` };
  const url = `http://127.0.0.1:${ports[2]}`;
  const gateways = {};

  const environment = (name) => {
    const settings = Object.entries(services[name].environment).map(([key, value]) => [key, interpolate(value)]);
    const values = { ...process.env, ...Object.fromEntries(settings) };
    const configured = new URL(values.CONTACT_GATEWAY__DATABASE__URL);
    assert.deepEqual([configured.hostname, configured.password], ["postgres", database.password]);
    values.CONTACT_GATEWAY__DATABASE__URL = database.href;
    return values;
  };
  const command = (name) => services[name].command.map((word) => mounted(services[name], word));
  const startGateway = async (name) => {
    const env = environment(name);
    const [, metricsPort] = env.CONTACT_GATEWAY__METRICS__LISTEN.split(":");
    assert.equal(metricsPort, "9090");
    env.CONTACT_GATEWAY__HTTP__LISTEN = addresses[name];
    env.CONTACT_GATEWAY__HTTP__TRUSTED_PROXIES = "127.0.0.1";
    env.CONTACT_GATEWAY__METRICS__LISTEN = `127.0.0.1:${name === "gateway-1" ? ports[3] : ports[4]}`;
    gateways[name] = await start(PROGRAM, command(name), { env, ready: /"listening"/ });
  };
  t.after(() => Promise.all(Object.values(gateways).map((gateway) => gateway.stop("SIGKILL"))));

  assert.match(run(PROGRAM, command("migrate"), { env: environment("migrate") }).stdout, /^applied /);
  await startGateway("gateway-1");
  await startGateway("gateway-2");
  const nginx = await startNginx(folder, ports[2], addresses);
  t.after(async () => {
    await nginx.stop("SIGTERM");
    rmSync(folder, { recursive: true });
  });
  await eventually(async () => (await fetch(`${url}/readyz`).catch(() => ({ ok: false }))).ok, "nginx responds");

  const scopes = ["contacts:read", "contacts:write", "gateway:admin"].flatMap((scope) => ["--scope", scope]);
  const config = mounted(services["gateway-1"], "/etc/contact-gateway/gateway.toml");
  const args = ["token", "--config", config, "--org", "1", ...scopes];
  const token = run(PROGRAM, args, { env: environment("gateway-1") }).stdout.trim();
  return { url, token, gateways, startGateway };
}

/** nginx with the configuration of the repository, which must not need more than another address and another folder. */
function startNginx(folder, port, addresses) {
  let text = readFileSync(path.join(REPOSITORY, NGINX_CONF), "utf8");
  const replacements = [["listen 8080;", `listen 127.0.0.1:${port};`], ["/tmp/", `${folder}/`]];
  replacements.push([PROXY_CONF, mounted(services.nginx, PROXY_CONF)]);
  for (const [name, address] of Object.entries(addresses)) replacements.push([`server ${name}:8080`, `server ${address}`]);
  for (const [from, to] of replacements) {
    assert.ok(text.includes(from), `${NGINX_CONF} has ${from}`);
    text = text.replaceAll(from, to);
  }
  const file = path.join(folder, "nginx.conf");
  writeFileSync(file, text);
  const { text: report } = run(process.env.NGINX_PROGRAM, ["-t", "-c", file]);
  assert.doesNotMatch(report, /\[(warn|error|emerg)\](?!.*exceed open file resource limit)/);
  return start(process.env.NGINX_PROGRAM, ["-c", file, "-g", "daemon off;"]);
}

/** The value of a variable as Compose replaces it. */
function interpolate(value) {
  return value.replaceAll(/\$\{(\w+)(?::?[-?][^}]*)?\}/g, (_, name) => VARIABLES[name] ?? "");
}

/** The file of the repository that is mounted at this path. */
function mounted(service, word) {
  for (const volume of service.volumes ?? []) {
    const [source, target] = volume.split(":");
    if (word === target) return path.join(REPOSITORY, source);
  }
  return word;
}

/** Clients that read and write all the time; a failure is a response other than 200, an error, or a lost connection. */
function startLoad({ url, token }) {
  const failures = [];
  const created = [];
  let running = true;
  const loop = async (worker) => {
    const client = new Client(url, token);
    for (let number = 0; running; number += 1) {
      try {
        created.push(await client.createContact(`${worker}.${number}@load.example`));
        await client.send("{ accountContacts(first: 5) { nodes { email } } }");
      } catch (error) {
        failures.push(error.message);
      }
    }
  };
  const workers = Array.from({ length: 6 }, (_, worker) => loop(worker));
  const stop = async () => {
    running = false;
    await Promise.all(workers);
    return { failures, created };
  };
  return { stop };
}

/** A client that reconnects after its last cursor, as docs/subscriptions.md describes. */
class Subscriber {
  received = [];
  connections = 0;
  #stopped = false;

  constructor(client, cursor) {
    this.finished = this.#follow(client, cursor);
  }

  stop() {
    this.#stopped = true;
    this.socket.close();
  }

  async #follow(client, cursor) {
    while (!this.#stopped) {
      this.socket = await client.webSocket(cursor);
      this.connections += 1;
      const closed = this.socket.closed.then(() => undefined);
      for (;;) {
        const event = await Promise.race([this.socket.next(), closed]);
        if (!event) break;
        this.received.push(event.contactId);
        cursor = event.cursor;
      }
    }
  }
}
