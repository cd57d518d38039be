// GraphQL over HTTP: every audit of the specification's reference suite, before a running gateway in development mode.
//
//     GATEWAY_URL=http://127.0.0.1:8080 GATEWAY_TOKEN=… npm test
//
// None is waived: an audit that only advises has to pass as well.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAudits } from "graphql-http";

const { GATEWAY_URL, GATEWAY_TOKEN } = process.env;
assert.ok(GATEWAY_URL && GATEWAY_TOKEN, "GATEWAY_URL and GATEWAY_TOKEN say which gateway is audited");

/** The suite knows nothing of tokens. */
function fetchSignedIn(url, options = {}) {
  const headers = new Headers(options.headers);
  headers.set("authorization", `Bearer ${GATEWAY_TOKEN}`);
  return fetch(url, { ...options, headers });
}

const audits = serverAudits({ url: new URL("/graphql", GATEWAY_URL).href, fetchFn: fetchSignedIn });

test("the suite has its audits", () => assert.ok(audits.length >= 61, `${audits.length} audits`));

for (const { id, name, fn } of audits) {
  test(`${id} ${name}`, async () => {
    const result = await fn();
    assert.equal(result.status, "ok", result.reason);
  });
}
