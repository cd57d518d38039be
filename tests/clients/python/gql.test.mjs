// Subscriptions over WebSocket by Python's gql, with both of its transports and every choice of subprotocols.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { accountWithContacts, ENDPOINT, HEADERS } from "../support/gateway.mjs";
import { rename, ringUntil } from "../support/rename.mjs";

// scripts/test sets it to the folder where the packages of requirements.txt are installed.
const { GATEWAY_PYTHON_PACKAGES } = process.env;
const skip = GATEWAY_PYTHON_PACKAGES ? false : "GATEWAY_PYTHON_PACKAGES is not set";

/** Subprotocols that the client offers, and the one that is selected. */
const CHOICES = [
  ["default", "graphql-ws"],
  ["graphql-ws", "graphql-ws"],
  ["graphql-transport-ws", "graphql-transport-ws"],
  // gql reads the selected one from a header that it finds only in the case in which it sent the name.
  ["graphql-transport-ws,graphql-ws", "graphql-transport-ws"],
];

for (const transport of ["websockets", "aiohttp"]) {
  test(`gql over ${transport} queries and subscribes with every choice of subprotocols`, { skip }, async (t) => {
    const [contact, bell] = (await accountWithContacts(2)).contactIds;
    const lines = subscriber(t, [transport, contact, bell, ...CHOICES.map(([subprotocols]) => subprotocols)]);
    for (const [subprotocols, selected] of CHOICES) {
      assert.deepEqual(await lines.next(), { subprotocol: selected }, subprotocols);
      assert.ok((await lines.next()).viewer.subject);
      assert.deepEqual(await lines.next(), { code: "GRAPHQL_VALIDATION_FAILED" });
      assert.equal((await ringUntil(lines.next(), bell)).event.contactId, bell);
      for (const name of ["Ada", "Grace", "Barbara"]) {
        await rename(contact, name);
        const { change } = await eventOf(lines, contact);
        assert.deepEqual([change.kind, change.action, change.fields.firstName.new], ["ACCOUNT_CONTACT", "UPDATED", name]);
      }
      assert.ok((await lines.next()).viewer.subject);
    }
    assert.equal(await lines.exited, 0);
  });
}

/** The program, and what it prints. */
function subscriber(t, args) {
  const url = ENDPOINT.replace("http", "ws");
  const program = path.resolve(import.meta.dirname, "subscribe.py");
  const child = spawn("python3", [program, url, JSON.stringify(HEADERS), ...args], {
    env: { ...process.env, PYTHONPATH: GATEWAY_PYTHON_PACKAGES },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    exited: new Promise((resolve) => child.on("exit", resolve)),
    next: async () => {
      const { value, done } = await lines.next();
      assert.ok(!done, "the program has ended");
      return JSON.parse(value);
    },
  };
}

/** The next event of a contact. */
async function eventOf(lines, contact) {
  for (;;) {
    const { event } = await lines.next();
    if (event.contactId === contact) return event;
  }
}
