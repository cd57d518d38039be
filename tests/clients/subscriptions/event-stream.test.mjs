// Subscriptions by server-sent events, by graphql-sse in the mode of distinct connections.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { createClient, NetworkError } from "graphql-sse";
import { ENDPOINT, HEADERS } from "../support/gateway.mjs";
import { CONTACT_CHANGED, subscriptionTests } from "./common.mjs";

function connect(endpoint, retryAttempts, headers = HEADERS) {
  return createClient({ url: endpoint, headers, retryAttempts, retry: () => setTimeout(50) });
}

subscriptionTests(connect);

test("queries are answered by one event", async () => {
  const answers = connect(ENDPOINT, 0).iterate({ query: "{ viewer { subject } }" });
  const { value } = await answers.next();
  assert.ok(value.data.viewer.subject);
  assert.equal((await answers.next()).done, true);
});

test("a document that does not fit the schema is answered by one event, its errors", async () => {
  const answers = connect(ENDPOINT, 0).iterate({ query: "subscription { contactChanged { shoeSize } }" });
  const { value } = await answers.next();
  assert.deepEqual(value.errors.map(({ extensions }) => extensions.code), ["GRAPHQL_VALIDATION_FAILED"]);
  assert.equal((await answers.next()).done, true);
});

for (const { name, query, headers, status, code } of [
  { name: "document", query: "subscription {", headers: HEADERS, status: 400, code: "GRAPHQL_PARSE_FAILED" },
  { name: "token", query: CONTACT_CHANGED, headers: { authorization: "Bearer no" }, status: 401, code: "UNAUTHENTICATED" },
]) {
  test(`a ${name} that cannot be read is answered by ${status} and its error`, async () => {
    const events = connect(ENDPOINT, 0, headers).iterate({ query });
    const error = await events.next().catch((error) => error);
    assert.ok(error instanceof NetworkError, String(error));
    assert.equal(error.response?.status, status, error.message);
    const { errors } = await error.response.json();
    assert.equal(errors[0].extensions.code, code);
  });
}
