// What subscriptions keep over either transport, tried with its reference client: both have the function `iterate`.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { pipeline } from "node:stream";
import { before, test } from "node:test";
import { accountWithContacts, ENDPOINT } from "../support/gateway.mjs";
import { rename, ringUntil } from "../support/rename.mjs";

/** The subscription of the tests. */
export const CONTACT_CHANGED = `subscription ContactChanged($ids: [ID!], $after: String) {
  contactChanged(ids: $ids, after: $after) {
    cursor
    contactId
    contact { displayName }
    change { kind action fields }
  }
}`;

/** Registers the tests. `connect` makes a client of an endpoint, which reconnects as often as it is configured to. */
export function subscriptionTests(connect) {
  let contact;
  let bell;
  before(async () => {
    [contact, bell] = (await accountWithContacts(2)).contactIds;
  });

  test("each change is delivered once, with the contact as changed", async (t) => {
    const client = connect(ENDPOINT, 0);
    t.after(() => client.dispose());
    const events = await listen(client, contact, bell);
    for (const name of ["Ada", "Grace", "Barbara"]) {
      await rename(contact, name);
      const event = await events.next();
      assert.deepEqual([event.newName, event.displayName], [name, name]);
    }
  });

  test("after a cut the last cursor goes on with what was changed meanwhile, in its order", async (t) => {
    const way = await wayToGateway();
    const client = connect(way.endpoint, 0);
    t.after(() => Promise.all([client.dispose(), way.close()]));
    const events = await listen(client, contact, bell);
    await rename(contact, "Before");
    const { cursor } = await events.next();
    const next = events.next();
    way.cut();
    await assert.rejects(next);
    await rename(contact, "Meanwhile");
    await rename(contact, "Shortly after");

    const again = client.iterate({ query: CONTACT_CHANGED, variables: { ids: [contact], after: cursor } });
    assert.equal(received(await again.next()).newName, "Meanwhile");
    assert.equal(received(await again.next()).newName, "Shortly after");
    await rename(contact, "Now");
    assert.equal(received(await again.next()).newName, "Now");
  });

  test("a client that comes again by itself goes on where its variables say by then", async (t) => {
    const way = await wayToGateway();
    const client = connect(way.endpoint, 5);
    t.after(() => Promise.all([client.dispose(), way.close()]));
    const events = await listen(client, contact, bell);
    await rename(contact, "Before");
    await events.next();
    way.cut();
    for (const name of ["Meanwhile", "Shortly after"]) await rename(contact, name);
    for (const name of ["Meanwhile", "Shortly after"]) assert.equal((await events.next()).newName, name);
  });
}

/** A subscription that the gateway is known to listen for, to what becomes of a contact. */
async function listen(client, contact, bell) {
  const variables = { ids: [contact, bell] };
  const events = client.iterate({ query: CONTACT_CHANGED, variables });
  const next = async () => {
    const event = received(await events.next());
    // The clients write their request anew whenever they connect.
    variables.after = event.cursor;
    return event;
  };
  assert.equal((await ringUntil(next(), bell)).contactId, bell);
  return { next: () => nextOf(next, contact) };
}

/** The next event that tells of this contact. */
async function nextOf(next, contact) {
  for (;;) {
    const event = await next();
    if (event.contactId === contact) return event;
  }
}

/** What an event tells of an account contact that was renamed. */
function received({ value, done }) {
  assert.ok(!done, "the subscription has ended");
  assert.equal(value.errors, undefined);
  const { cursor, contactId, contact, change } = value.data.contactChanged;
  assert.deepEqual([change.kind, change.action], ["ACCOUNT_CONTACT", "UPDATED"]);
  return { cursor, contactId, displayName: contact.displayName, newName: change.fields.firstName.new };
}

/** A way to the gateway that can be cut: every connection on it ends without a word. */
async function wayToGateway() {
  const { hostname, port } = new URL(ENDPOINT);
  const connections = new Set();
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), hostname);
    connections.add(near);
    pipeline(near, far, near, () => connections.delete(near));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    endpoint: `http://127.0.0.1:${server.address().port}/graphql`,
    cut: () => connections.forEach((connection) => connection.resetAndDestroy()),
    close: () => {
      server.close();
      connections.forEach((connection) => connection.destroy());
    },
  };
}
