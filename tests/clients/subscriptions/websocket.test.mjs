// Subscriptions, and all else, over a WebSocket by graphql-ws, the reference client of graphql-transport-ws.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { ENDPOINT, HEADERS } from "../support/gateway.mjs";
import { CONTACT_CHANGED, subscriptionTests } from "./common.mjs";

function connect(endpoint, retryAttempts, more = {}) {
  return createClient({
    url: endpoint.replace("http", "ws"),
    webSocketImpl: WebSocket,
    connectionParams: HEADERS,
    retryAttempts,
    retryWait: () => setTimeout(50),
    // Between two operations the socket stays.
    lazyCloseTimeout: 1_000,
    ...more,
  });
}

subscriptionTests(connect);

test("queries and mutations are answered on the same socket", async (t) => {
  let sockets = 0;
  const client = connect(ENDPOINT, 0, { on: { connected: () => (sockets += 1) } });
  t.after(() => client.dispose());
  const input = { email: `${crypto.randomUUID()}@example.com`, firstName: "Grace" };
  const query = `mutation ($input: CreateAccountContactInput!) {
    createAccountContact(input: $input) { accountContact { id } userErrors { message } }
  }`;
  const created = await answer(client, { query, variables: { input } });
  assert.deepEqual(created.createAccountContact.userErrors, []);
  const { id } = created.createAccountContact.accountContact;
  const read = await answer(client, {
    query: "query ($id: ID!) { accountContact(id: $id) { email } }",
    variables: { id },
  });
  assert.equal(read.accountContact.email, input.email);
  assert.equal(sockets, 1);
});

test("a document that is refused is an error of its own, and the socket goes on", async (t) => {
  let sockets = 0;
  const client = connect(ENDPOINT, 0, { on: { connected: () => (sockets += 1) } });
  t.after(() => client.dispose());
  const refused = client.iterate({ query: "subscription { contactChanged { shoeSize } }" });
  await assert.rejects(refused.next(), ([error]) => {
    assert.equal(error.extensions.code, "GRAPHQL_VALIDATION_FAILED");
    return true;
  });
  assert.ok((await answer(client, { query: "{ viewer { subject } }" })).viewer.subject);
  assert.equal(sockets, 1);
});

for (const [name, connectionParams] of [
  ["that is none", { ...HEADERS, authorization: "Bearer nonsense" }],
  ["that is missing", {}],
]) {
  test(`a token ${name} closes the socket with 4403`, async () => {
    const client = connect(ENDPOINT, 0, { connectionParams });
    const events = client.iterate({ query: CONTACT_CHANGED });
    await assert.rejects(events.next(), ({ code }) => {
      assert.equal(code, 4403);
      return true;
    });
  });
}

/** The data of an operation that has one answer. */
async function answer(client, operation) {
  const answers = client.iterate(operation);
  const { value } = await answers.next();
  assert.equal(value.errors, undefined);
  assert.equal((await answers.next()).done, true);
  return value.data;
}
