// Apollo Client before a real gateway: its cache joins pages, knows the interface's types, and takes updates by id.

import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";
import { createClient as createSocket } from "graphql-ws";
import { filter, firstValueFrom, map, share } from "rxjs";
import WebSocket from "ws";
import { accountWithContacts, ENDPOINT, HEADERS } from "../support/gateway.mjs";
import { compileWithout } from "../support/removed-field.mjs";
import { rename, ringUntil } from "../support/rename.mjs";
import { createClient, withSubscriptions } from "./build/src/client.js";
import { ContactCard, ContactChanged, ContactList, RenameContact } from "./build/src/operations.js";

const CONTACTS = 250;
const PAGE = 40;

let account;
let client;

before(async () => {
  account = await accountWithContacts(CONTACTS);
});

beforeEach(() => {
  client = createClient(ENDPOINT, HEADERS);
});

test("250 contacts load in pages without a gap or a repeat", async () => {
  const variables = { accountId: account.accountId, first: PAGE };
  const list = client.watchQuery({ query: ContactList, variables, fetchPolicy: "cache-first" });
  const subscription = list.subscribe(() => {});
  let { contacts: page } = (await client.query({ query: ContactList, variables })).data;
  let pages = 1;
  while (page.pageInfo.hasNextPage && pages <= CONTACTS / PAGE) {
    ({ contacts: page } = (await list.fetchMore({ variables: { after: page.pageInfo.endCursor } })).data);
    pages += 1;
  }
  subscription.unsubscribe();

  assert.equal(pages, Math.ceil(CONTACTS / PAGE));
  const { contacts } = client.readQuery({ query: ContactList, variables });
  assert.equal(contacts.totalCount, CONTACTS);
  assert.equal(contacts.pageInfo.hasNextPage, false);
  assert.deepEqual(contacts.edges.map(({ node }) => node.id), account.contactIds);
});

test("a fragment on the interface matches in the cache, and an update arrives there by its id", async () => {
  const id = account.contactIds[7];
  await client.query({ query: ContactList, variables: { accountId: account.accountId, first: 10 } });
  const cached = () => client.readFragment({ id: `AccountContact:${id}`, fragment: ContactCard });
  assert.equal(cached().displayName, "Number 0007");

  const input = { id, firstName: "Ada", expectedVersion: cached().version };
  const { data } = await client.mutate({ mutation: RenameContact, variables: { input } });
  assert.deepEqual(data.updateAccountContact.userErrors, []);
  assert.equal(cached().displayName, "Ada");
  assert.equal(cached().version, 2);
});

test("an optimistic answer shows at once, and is taken back on a conflict", async () => {
  const id = account.contactIds[8];
  await client.query({ query: ContactList, variables: { accountId: account.accountId, first: 10 } });
  const cached = () => client.readFragment({ id: `AccountContact:${id}`, fragment: ContactCard }, true);
  const before = cached();

  const renamed = client.mutate({
    mutation: RenameContact,
    variables: { input: { id, firstName: "Grace", expectedVersion: before.version + 1 } },
    optimisticResponse: {
      updateAccountContact: {
        __typename: "UpdateAccountContactPayload",
        accountContact: { ...before, displayName: "Grace", version: before.version + 1 },
        userErrors: [],
      },
    },
  });
  assert.equal(cached().displayName, "Grace");
  const { data } = await renamed;
  assert.deepEqual(data.updateAccountContact.userErrors.map(({ code }) => code), ["CONFLICT"]);
  assert.deepEqual(cached(), before);
});

test("an event of a subscription arrives in the cache by the contact's id", async (t) => {
  const socket = createSocket({
    url: ENDPOINT.replace("http", "ws"),
    webSocketImpl: WebSocket,
    connectionParams: HEADERS,
    retryAttempts: 0,
  });
  t.after(() => socket.dispose());
  client.setLink(withSubscriptions(client.link, socket));
  const [id, bell] = account.contactIds.slice(9);
  await client.query({ query: ContactList, variables: { accountId: account.accountId, first: 10 } });
  const cached = () => client.readFragment({ id: `AccountContact:${id}`, fragment: ContactCard });
  assert.equal(cached().displayName, "Number 0009");

  const changes = client.subscribe({ query: ContactChanged, variables: { ids: [id, bell] } });
  const events = changes.pipe(map(({ data }) => data.contactChanged.contactId), share());
  const open = events.subscribe();
  t.after(() => open.unsubscribe());
  await ringUntil(firstValueFrom(events), bell);
  const received = firstValueFrom(events.pipe(filter((contactId) => contactId === id)));
  await rename(id, "Barbara");
  await received;
  assert.equal(cached().displayName, "Barbara");
  assert.equal(cached().version, 2);
});

test("an operation with a removed field does not compile", () => {
  const { status, output } = compileWithout("displayName", "apollo", [
    "npx",
    "graphql-codegen",
    "--config",
    "apollo/codegen.ts",
  ]);
  assert.notEqual(status, 0);
  assert.match(output, /Cannot query field "displayName" on type "Contact"/);
});
