// The running gateway that the clients are tried with, and rows in it.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

const { GATEWAY_URL, GATEWAY_TOKEN } = process.env;
assert.ok(GATEWAY_URL && GATEWAY_TOKEN, "GATEWAY_URL and GATEWAY_TOKEN say which gateway the clients talk to");

/** Where it answers. */
export const ENDPOINT = new URL("/graphql", GATEWAY_URL).href;

/** Who asks, and in which organization. */
export const HEADERS = { authorization: `Bearer ${GATEWAY_TOKEN}`, "x-org-id": "org_1" };

/** Sends an operation as any program would, and answers its data. */
export async function send(query, variables) {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: { ...HEADERS, "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined);
  return data;
}

/** Makes an account of its own with this many contacts; answers its id and theirs, in the order of creation. */
export async function accountWithContacts(count) {
  const run = randomUUID();
  const { createAccount } = await send(
    "mutation ($input: CreateAccountInput!) { createAccount(input: $input) { account { id } userErrors { message } } }",
    { input: { name: `Account ${run}` } },
  );
  assert.deepEqual(createAccount.userErrors, []);
  const accountId = createAccount.account.id;
  const rows = Array.from({ length: count }, (_, index) => ({
    email: `${index}@${run}.example`,
    firstName: `Number ${String(index).padStart(4, "0")}`,
    accountIds: [accountId],
  }));
  const { upsertAccountContacts: written } = await send(
    `mutation ($input: UpsertAccountContactsInput!) {
      upsertAccountContacts(input: $input) { created results { accountContact { id } } userErrors { message } }
    }`,
    { input: { rows } },
  );
  assert.deepEqual(written.userErrors, []);
  assert.equal(written.created, count);
  return { accountId, contactIds: written.results.map(({ accountContact }) => accountContact.id) };
}
