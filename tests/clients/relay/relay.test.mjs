// Relay before a real gateway: its compiler takes the schema, and its store joins the pages of a connection.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, beforeEach, test } from "node:test";
import { commitMutation, getRequest, getSingularSelector } from "relay-runtime";
import { accountWithContacts, ENDPOINT, HEADERS } from "../support/gateway.mjs";
import { compileWithout } from "../support/removed-field.mjs";
import * as documents from "./build/contacts.js";
import { createEnvironment } from "./build/environment.js";
import { Pages } from "./build/pages.js";

const CONTACTS = 250;
const PAGE = 40;

const manifest = JSON.parse(await readFile(new URL("src/__generated__/persisted-queries.json", import.meta.url), "utf8"));

let account;
let environment;

before(async () => {
  account = await accountWithContacts(CONTACTS);
});

beforeEach(() => {
  const body = ({ id }, variables) => ({ query: manifest[id], variables });
  environment = createEnvironment(ENDPOINT, HEADERS, body);
});

test("250 contacts of the root's list load in pages without a gap or a repeat", async () => {
  const pages = await openRoot();
  await assertLoadsAll(pages);
});

test("250 contacts of an account, which is refetched by its id, do so too", async () => {
  const pages = await Pages.open(
    environment,
    {
      query: documents.accountQuery,
      fragment: documents.accountFragment,
      variables: { accountId: account.accountId, first: PAGE },
    },
    (data) => data.account,
  );
  await assertLoadsAll(pages);
});

test("an update arrives in the store by the contact's id", async () => {
  const pages = await openRoot();
  const { node } = pages.connection().edges[3];
  const displayName = () => environment.lookup(getSingularSelector(documents.card, node)).data.displayName;
  assert.equal(displayName(), "Number 0003");
  const { updateAccountContact } = await rename(node.id, "Ada");
  assert.deepEqual(updateAccountContact.userErrors, []);
  assert.equal(displayName(), "Ada");
});

test("every operation that the compiler makes is in its manifest", () => {
  const operations = [documents.rootQuery, documents.accountQuery, documents.renameMutation];
  for (const operation of operations) assert.ok(manifest[getRequest(operation).params.id], operation.params.name);
  const texts = Object.values(manifest).join("\n");
  for (const name of ["contactsRootNextPageQuery", "contactsAccountNextPageQuery"]) assert.ok(texts.includes(name));
});

test("an operation with a removed field does not compile", () => {
  const { status, output } = compileWithout("displayName", "relay", ["npm", "run", "codegen:relay"]);
  assert.notEqual(status, 0);
  assert.match(output, /The type `Contact` has no field `displayName`/);
});

test("and without a removed field it does, in the same place", () => {
  const { status, output } = compileWithout(undefined, "relay", ["npm", "run", "codegen:relay"]);
  assert.equal(status, 0, output);
});

function openRoot() {
  const variables = { accountId: account.accountId, first: PAGE };
  return Pages.open(
    environment,
    { query: documents.rootQuery, fragment: documents.rootFragment, variables },
    (data) => data,
  );
}

async function assertLoadsAll(pages) {
  let loads = 1;
  while (pages.connection().pageInfo.hasNextPage && loads <= CONTACTS / PAGE) {
    await pages.loadNext(PAGE);
    loads += 1;
  }
  assert.equal(loads, Math.ceil(CONTACTS / PAGE));
  assert.equal(pages.connection().totalCount, CONTACTS);
  assert.deepEqual(pages.connection().edges.map(({ node }) => node.id), account.contactIds);
}

function rename(id, firstName) {
  return new Promise((resolve, reject) => {
    const variables = { input: { id, firstName } };
    commitMutation(environment, {
      mutation: documents.renameMutation,
      variables,
      onCompleted: (data, errors) => (errors?.length ? reject(new Error(errors[0].message)) : resolve(data)),
      onError: reject,
    });
  });
}
