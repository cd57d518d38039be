// GraphQL Code Generator's client preset: the generated types compile, and the client works before a real gateway.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import { accountWithContacts, ENDPOINT, HEADERS, send } from "../support/gateway.mjs";
import { compileWithout } from "../support/removed-field.mjs";
import { rename, ringUntil } from "../support/rename.mjs";
import { execute, RequestError, subscribe } from "./build/src/client.js";
import { ContactChanged, ContactsPage, RenameContact } from "./build/src/operations.js";

const gateway = { endpoint: ENDPOINT, headers: HEADERS };
const CODEGEN = ["npx", "graphql-codegen", "--config", "typescript/codegen.ts"];

let account;

before(async () => {
  account = await accountWithContacts(3);
});

test("a typed query answers", async () => {
  const { contacts } = await execute(gateway, ContactsPage, { accountId: account.accountId, first: 2 });
  assert.equal(contacts.totalCount, 3);
  assert.deepEqual(contacts.nodes.map(({ id }) => id), account.contactIds.slice(0, 2));
  assert.equal(contacts.nodes[0].__typename, "AccountContact");
  assert.equal(contacts.pageInfo.hasNextPage, true);
});

test("a typed mutation answers, and tells of a version that is not the last any more", async () => {
  const rename = (firstName, expectedVersion) => {
    return execute(gateway, RenameContact, { input: { id: account.contactIds[2], firstName, expectedVersion } });
  };
  const renamed = await rename("Ada", 1);
  assert.deepEqual(renamed.updateAccountContact.userErrors, []);
  assert.equal(renamed.updateAccountContact.accountContact.version, 2);
  const late = await rename("Grace", 1);
  assert.equal(late.updateAccountContact.accountContact, null);
  assert.deepEqual(late.updateAccountContact.userErrors.map(({ code }) => code), ["CONFLICT"]);
});

test("a typed subscription tells of changes, and goes on behind a cursor", async () => {
  const [bell, id] = account.contactIds;
  const before = subscribe(gateway, ContactChanged, { ids: [bell] });
  const { value } = await ringUntil(before.next(), bell);
  await before.return();
  await rename(id, "Grace");
  for await (const { contactChanged } of subscribe(gateway, ContactChanged, {
    ids: [id],
    after: value.contactChanged.cursor,
  })) {
    assert.equal(contactChanged.contact.__typename, "AccountContact");
    assert.equal(contactChanged.contact.displayName, "Grace");
    break;
  }
});

test("a refused request is an error with its code and its id", async () => {
  const stranger = { endpoint: ENDPOINT, headers: {} };
  const variables = { accountId: account.accountId, first: 2 };
  await assert.rejects(execute(stranger, ContactsPage, variables), (error) => {
    assert.ok(error instanceof RequestError);
    assert.equal(error.code, "UNAUTHENTICATED");
    assert.match(error.requestId, /^[0-9a-f-]{36}$/);
    return true;
  });
});

test("the manifest of persisted documents holds each operation, as it can be executed", async () => {
  const manifest = JSON.parse(await readFile(new URL("generated/persisted-documents.json", import.meta.url), "utf8"));
  const hashes = [ContactChanged, ContactsPage, RenameContact].map(({ __meta__ }) => __meta__.hash);
  assert.deepEqual(Object.keys(manifest).sort(), hashes.sort());
  const page = await send(manifest[ContactsPage.__meta__.hash], { accountId: account.accountId, first: 1 });
  assert.equal(page.contacts.nodes[0].id, account.contactIds[0]);
});

test("an operation with a removed field does not compile", () => {
  const { status, output } = compileWithout("displayName", "typescript", CODEGEN);
  assert.notEqual(status, 0);
  assert.match(output, /Cannot query field "displayName" on type "Contact"/);
});

test("and without a removed field it does, in the same place", () => {
  const { status, output } = compileWithout(undefined, "typescript", CODEGEN);
  assert.equal(status, 0, output);
});
