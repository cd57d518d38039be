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

for (const { name, query, headers = HEADERS, status, code } of [
  { name: "document that cannot be read", query: "subscription {", status: 400, code: "GRAPHQL_PARSE_FAILED" },
  {
    name: "document that does not fit the schema",
    query: "subscription { contactChanged { shoeSize } }",
    status: 400,
    code: "GRAPHQL_VALIDATION_FAILED",
  },
  { name: "token that is none", query: CONTACT_CHANGED, headers: { authorization: "Bearer no" }, status: 401, code: "UNAUTHENTICATED" },
]) {
  test(`a ${name} is answered by ${status} and its error`, async () => {
    const events = connect(ENDPOINT, 0, headers).iterate({ query });
    const error = await events.next().catch((error) => error);
    assert.ok(error instanceof NetworkError, String(error));
    assert.equal(error.response?.status, status, error.message);
    const { errors } = await error.response.json();
    assert.equal(errors[0].extensions.code, code);
  });
}
