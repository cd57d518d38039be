// Measures what an operator needs to choose a size: memory idle and per connection, and requests per core. Prints the table of
// docs/operations.md. Run it on a machine that does nothing else.
//
// Usage: node scripts/sizing.mjs [PROGRAM], by default target/release/contact-gateway. POSTGRES_URL is an administrator's URL of a
// PostgreSQL server on this machine, and POSTGRES_PROGRAMS the folder of psql. Run `npm --prefix tests/deploy ci` before.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { Client } from "../tests/deploy/support/client.mjs";
import { createDatabase } from "../tests/deploy/support/database.mjs";
import { REPOSITORY } from "../tests/deploy/support/environment.mjs";
import { freePorts, run, sleep, start } from "../tests/deploy/support/process.mjs";

const PROGRAM = path.resolve(process.argv[2] ?? path.join(REPOSITORY, "target/release/contact-gateway"));
const SUBJECTS = 8;
const CONTACTS = 1000;
const CONNECTIONS = 1000;
/** Connections that are opened at the same time. */
const BATCH = 100;
const WORKERS = 32;
const SECONDS = 10;
/** Clock ticks per second in /proc, on every Linux that Node runs on. */
const TICKS = 100;

const QUERIES = {
  "query: one contact by its id": [
    "query ($id: ID!) { accountContact(id: $id) { id displayName email contactType { name } } }",
    ({ ids }, number) => ({ id: ids[number % ids.length] }),
  ],
  "query: 25 contacts with their accounts": [
    "{ accountContacts(first: 25) { nodes { id displayName email accounts(first: 3) { nodes { name } } } pageInfo { hasNextPage endCursor } } }",
    () => undefined,
  ],
  "query: search, 10 results": [
    "query ($search: String!) { accountContacts(first: 10, filter: { search: $search }) { nodes { id displayName } } }",
    (_, number) => ({ search: `contact${number % CONTACTS}` }),
  ],
  "mutation: create a contact": [
    `mutation ($input: CreateAccountContactInput!) {
      createAccountContact(input: $input) { accountContact { id } userErrors { message } }
    }`,
    () => ({ input: { firstName: "Ada", email: `${randomBytes(8).toString("hex")}@example.com` } }),
  ],
};

const cleanups = [];
try {
  await measure();
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
}

async function measure() {
  const [port] = await freePorts(1);
  const env = {
    ...process.env,
    CONTACT_GATEWAY__DATABASE__URL: createDatabase({ after: (cleanup) => cleanups.push(cleanup) }),
    CONTACT_GATEWAY__HTTP__LISTEN: `127.0.0.1:${port}`,
    CONTACT_GATEWAY__AUTH__ISSUER: "https://login.example.com/",
    CONTACT_GATEWAY__AUTH__AUDIENCE: "contact-gateway",
    CONTACT_GATEWAY__AUTH__ALGORITHM: "HS256",
    CONTACT_GATEWAY__AUTH__SECRET: randomBytes(32).toString("hex"),
    CONTACT_GATEWAY__LOG__LEVEL: "info,contact_gateway::access=off",
  };
  run(PROGRAM, ["migrate", "up"], { env });
  const gateway = await start(PROGRAM, ["serve"], { env, ready: /"listening"/ });
  cleanups.push(() => gateway.stop());
  const token = (subject) => run(PROGRAM, ["token", "--config", "/dev/null", "--sub", `subject-${subject}`], { env }).stdout.trim();
  const url = `http://127.0.0.1:${port}`;
  const clients = Array.from({ length: SUBJECTS }, (_, subject) => new Client(url, token(subject)));

  const rows = [["memory, idle after the start", mebibytes(memory(gateway))]];
  const data = await writeData(clients[0]);
  const postmaster = postgresProcess();
  for (const [name, [query, variables]] of Object.entries(QUERIES)) {
    await load(clients, query, variables, data, 1);
    const before = [cpuSeconds([gateway.pid]), cpuSeconds(family(postmaster))];
    const requests = await load(clients, query, variables, data, SECONDS);
    const own = cpuSeconds([gateway.pid]) - before[0];
    const database = cpuSeconds(family(postmaster)) - before[1];
    rows.push([name, `${Math.round(requests / own)} per second and core of the gateway, ${Math.round(requests / database)} of PostgreSQL`]);
  }
  for (const client of clients) client.agent.destroy();
  await sleep(2000);
  rows.push(["memory, after this load", mebibytes(memory(gateway))]);
  rows.push(["memory for each idle HTTP connection", await perConnection(gateway, () => openConnections(clients))]);
  rows.push(["memory for each subscription with its WebSocket", await perConnection(gateway, () => openSubscriptions(clients))]);
  console.log(["| measured | result |", "|---|---|", ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join("\n"));
}

/** An organization with contacts of accounts. */
async function writeData(client) {
  await client.createOrganization();
  const account = `mutation ($input: CreateAccountInput!) { createAccount(input: $input) { account { id } userErrors { message } } }`;
  const { createAccount } = await client.send(account, { input: { name: "Account" } });
  const upsert = `mutation ($input: UpsertAccountContactsInput!) {
    upsertAccountContacts(input: $input) { created results { accountContact { id } } userErrors { message } }
  }`;
  const accountIds = [createAccount.account.id];
  const contact = (_, number) => ({ firstName: `Contact${number}`, email: `${number}@example.com`, accountIds });
  const input = { rows: Array.from({ length: CONTACTS }, contact) };
  const { upsertAccountContacts } = await client.send(upsert, { input });
  assert.equal(upsertAccountContacts.created, CONTACTS);
  return { ids: upsertAccountContacts.results.map(({ accountContact }) => accountContact.id) };
}

/** Sends the query from all workers for some seconds, and returns the number of responses. */
async function load(clients, query, variables, data, seconds) {
  const end = Date.now() + seconds * 1000;
  let requests = 0;
  const work = async (_, worker) => {
    while (Date.now() < end) {
      const number = (requests += 1);
      await clients[worker % clients.length].send(query, variables(data, number));
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return requests;
}

/** The memory that each of the connections adds, which `open` opens and whose closing it returns. */
async function perConnection(gateway, open) {
  const before = memory(gateway);
  const close = await open();
  await sleep(2000);
  const each = (memory(gateway) - before) / CONNECTIONS;
  close();
  await sleep(3000);
  return `${Math.round(each / 1024)} KiB`;
}

async function openConnections(clients) {
  const agents = [];
  const connect = (_, place) => {
    const { url, headers } = clients[place % clients.length];
    const agent = new http.Agent({ keepAlive: true });
    agents.push(agent);
    return new Promise((resolve, reject) => {
      const options = { method: "POST", headers, agent };
      const request = http.request(new URL("/graphql", url), options, (response) => response.resume().on("end", resolve));
      request.on("error", reject);
      request.end(JSON.stringify({ query: "{ viewer { subject } }" }));
    });
  };
  for (let open = 0; open < CONNECTIONS; open += BATCH) await Promise.all(Array.from({ length: BATCH }, connect));
  return () => agents.forEach((agent) => agent.destroy());
}

async function openSubscriptions(clients) {
  const sockets = [];
  const connect = async (_, place) => sockets.push(await clients[place % clients.length].webSocket());
  for (let open = 0; open < CONNECTIONS; open += BATCH) await Promise.all(Array.from({ length: BATCH }, connect));
  return () => sockets.forEach((socket) => socket.close());
}

/** Resident memory in bytes. */
function memory({ pid }) {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(kibibytes) * 1024;
}

function mebibytes(bytes) {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

/** Processor time of these processes and of their children that have ended. */
function cpuSeconds(pids) {
  const ticks = pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
    return fields.slice(11, 15).reduce((sum, value) => sum + Number(value), 0);
  });
  return ticks.reduce((sum, value) => sum + value, 0) / TICKS;
}

/** A process and its children. */
function family(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  return [pid, ...children];
}

/** The PostgreSQL server that listens on the port of POSTGRES_URL, by the file that it keeps in its folder. */
function postgresProcess() {
  const port = new URL(process.env.POSTGRES_URL).port || "5432";
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const file = `/proc/${pid}/cwd/postmaster.pid`;
    try {
      const lines = readFileSync(file, "utf8").split("\n");
      if (lines[0] === pid && lines[3] === port) return Number(pid);
    } catch {
      // Another program, or another user's.
    }
  }
  throw new Error(`no PostgreSQL server of this machine listens on port ${port}`);
}
