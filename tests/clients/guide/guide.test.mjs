// Every code block of docs/front-ends.md runs as it is written there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { before, test } from "node:test";
import { buildSchema, isObjectType } from "graphql";
import { accountWithContacts, ENDPOINT, HEADERS, send } from "../support/gateway.mjs";
import { rename } from "../support/rename.mjs";
import { SCHEMA } from "../support/schema.mjs";
import { blocks } from "./blocks.mjs";

const FOLDER = import.meta.dirname;
const CLIENTS = path.join(FOLDER, "..");
const TARGET = path.join(CLIENTS, "../../target/clients");
const { GATEWAY_PYTHON_PACKAGES } = process.env;

/** The blocks that are programs. All others are parts of them, or are read by a generator when the guide is built. */
const PROGRAMS = [
  "viewer.js",
  "create.js",
  "pages.js",
  "update.js",
  "upload.js",
  "outbox.js",
  "live.js",
  "events.js",
  "schema-files.js",
  "tada-schema.js",
  "apollo.js",
  "urql.js",
  "ContactList.tsx",
  "graphql-request.js",
  "tada.ts",
  "contacts.py",
  "contacts.rs",
];
const PARTS = {
  "gateway.js": "viewer.js",
  "request.js": "viewer.js",
  "socket.js": "live.js",
  "relay.config.json": "ContactList.tsx",
  "environment.ts": "ContactList.tsx",
  "contacts.graphql": "contacts.rs",
};

let contact;

before(async () => {
  [contact] = (await accountWithContacts(5)).contactIds;
});

test("each block of the guide is run, or is a part of one that is", () => {
  assert.deepEqual([...blocks().keys()].sort(), [...PROGRAMS, ...Object.keys(PARTS)].sort());
  for (const program of Object.values(PARTS)) assert.ok(PROGRAMS.includes(program));
});

test("viewer.js signs in and sends a request", async () => {
  assert.match(await node("viewer.js"), /^developer \S/);
});

test("create.js returns the errors of the form's fields, and the code of a request that is rejected", async () => {
  const [fields, request] = (await node("create.js")).split("\n");
  assert.doesNotMatch(fields, /undefined/);
  assert.match(request, /^GRAPHQL_VALIDATION_FAILED .*shoeSize.* [0-9a-f-]{36}$/);
});

test("pages.js reads all account contacts in pages", async () => {
  const before = await totalCount("accountContacts");
  const sizes = (await node("pages.js")).split("\n").map((line) => Number(/^(\d+) contacts from \S/.exec(line)[1]));
  const total = sizes.reduce((sum, size) => sum + size);
  assert.ok(sizes.length > 1 && sizes.slice(0, -1).every((size) => size === 50));
  assert.ok(before <= total && total <= (await totalCount("accountContacts")));
});

test("update.js sends a patch, and again after a conflict", async () => {
  const [first, second, result] = (await node("update.js")).split("\n");
  assert.match(first, /^conflict: version \d+ is now \d+$/);
  assert.equal(result ?? second, "Lovelace null");
});

test("upload.js writes all rows but the invalid one, and may be repeated", async () => {
  for (const _ of [1, 2]) {
    const [failed, stored] = (await node("upload.js")).split("\n");
    assert.match(failed, /^line 551: firstName: \S/);
    assert.equal(stored, "599 rows are stored");
  }
});

test("outbox.js creates nothing twice if a response is lost", async () => {
  const [, name] = /^created (Outbox \S+)$/.exec(await node("outbox.js", "lossy.mjs"));
  const query = "query ($filter: AccountFilter) { accounts(filter: $filter) { totalCount } }";
  const { accounts } = await send(query, { filter: { name: { eq: name } } });
  assert.equal(accounts.totalCount, 1);
});

for (const program of ["live.js", "events.js"]) {
  test(`${program} receives an event`, async () => {
    assert.match(await whileChanging(node(program)), /^(\w+ )?(CREATED|UPDATED) \S/);
  });
}

test("apollo.js joins two pages in its cache, and receives an event", async () => {
  assert.match(await whileChanging(node("apollo.js")), /^4 contacts are in the cache\nchanged: \S/);
});

test("urql.js joins two pages in its cache, creates and receives an event, without a warning of graphcache", async () => {
  assert.match(await whileChanging(node("urql.js")), /^4 contacts are in the cache\ncreated Grace\nchanged: \S/);
});

test("urql.js names all types without an id", () => {
  const types = Object.values(buildSchema(SCHEMA).getTypeMap()).filter((type) => isObjectType(type) && !type.name.startsWith("__"));
  const known = /^(Query|Mutation|Subscription|PageInfo)$|(Connection|Edge|Payload)$/;
  const expected = types.filter((type) => !type.getFields().id && !known.test(type.name)).map(({ name }) => name);
  const [, names] = /WITHOUT_ID = (\[[^]*?),\n\]/.exec(blocks().get("urql.js"));
  assert.deepEqual(JSON.parse(`${names}]`), expected.sort());
});

test("ContactList.tsx renders a page, and a second one after a click; environment.ts receives an event", async () => {
  const app = run(process.execPath, ["--import", "./browser.mjs", "relay-app.mjs"], FOLDER);
  const { first, both, event } = JSON.parse(await whileChanging(app));
  assert.ok(event.contactId);
  assert.equal(first.length, 2);
  assert.equal(both.length, 4);
  assert.deepEqual(both.slice(0, 2), first);
});

test("graphql-request.js reads a list, and the argument of an error", async () => {
  const [list, error] = (await node("graphql-request.js")).split("\n");
  assert.match(list, /^\d+ \S/);
  assert.match(error, /^BAD_REQUEST first /);
});

test("tada.ts compiles and reads contacts with their types", async () => {
  assert.match(await node("tada.ts"), /^.+, \w+; .+, \w+; .+, \w+$/);
});

const withoutPython = GATEWAY_PYTHON_PACKAGES ? false : "GATEWAY_PYTHON_PACKAGES is not set";
test("contacts.py reads pages, gets errors, and receives an event", { skip: withoutPython }, async () => {
  const output = await whileChanging(run("python3", ["contacts.py"], path.join(FOLDER, "build/src")));
  const [count, rejected, code, event] = output.split("\n");
  assert.match(count, /^\d+ contacts$/);
  assert.match(rejected, /^email INVALID \S/);
  assert.equal(code, "BAD_REQUEST");
  assert.match(event, /^(CREATED|UPDATED) \S/);
});

test("contacts.rs compiles and reads all contacts", async () => {
  const before = await totalCount("contacts");
  const lines = (await run(path.join(TARGET, "debug/contact-gateway-guide"), [], CLIENTS)).split("\n");
  assert.ok(lines.length >= before);
  assert.match(lines[0], /^[a-z]+_\S+ \S/);
});

/** How many rows a list has. Other tests create contacts at the same time. */
async function totalCount(list) {
  return (await send(`{ ${list} { totalCount } }`))[list].totalCount;
}

/** Runs a JavaScript or compiled TypeScript block. */
function node(block, network) {
  const preloaded = ["./browser.mjs", network && `./${network}`].filter(Boolean);
  const program = `build/out/${block.replace(/\.ts$/, ".js")}`;
  return run(process.execPath, ["--no-warnings", ...preloaded.flatMap((module) => ["--import", module]), program], FOLDER);
}

/** What the program prints. Fails if it reports anything or does not succeed. */
function run(program, args, cwd) {
  const token = HEADERS.authorization.replace("Bearer ", "");
  const env = {
    ...process.env,
    GATEWAY_URL: new URL("/", ENDPOINT).href,
    GATEWAY_TOKEN: token,
    PYTHONPATH: GATEWAY_PYTHON_PACKAGES,
  };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], signal: AbortSignal.timeout(60_000) });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (errors += chunk));
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0 && errors === "") resolve(output.trim());
      else reject(new Error(`${args.at(-1) ?? program}: status ${status}\n${errors}${output}`));
    });
  });
}

/** Changes a contact until the program has ended, because it does not report when it listens. */
async function whileChanging(ended) {
  let changes = 0;
  const changing = setInterval(() => rename(contact, `Change ${++changes}`), 200);
  return ended.finally(() => clearInterval(changing));
}
