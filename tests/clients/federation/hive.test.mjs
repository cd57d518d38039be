// Hive Gateway as the router of a supergraph: the gateway, and a second subgraph that knows contacts by their ids alone.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { composeServices } from "@apollo/composition";
import { createGatewayRuntime } from "@graphql-hive/gateway-runtime";
import { parse } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";
import { accountWithContacts, ENDPOINT, HEADERS, send } from "../support/gateway.mjs";
import { ringUntil } from "../support/rename.mjs";

let contactIds;
let notes;
let router;

before(async () => {
  ({ contactIds } = await accountWithContacts(3));
  const sdl = await readFile(new URL("notes.graphql", import.meta.url), "utf8");
  notes = createServer(notesSubgraph(sdl)).listen(0, "127.0.0.1");
  await new Promise((resolve) => notes.once("listening", resolve));
  const { _service } = await send("{ _service { sdl } }");
  const { supergraphSdl, errors } = composeServices([
    { name: "contacts", url: ENDPOINT, typeDefs: parse(_service.sdl) },
    { name: "notes", url: `http://127.0.0.1:${notes.address().port}/graphql`, typeDefs: parse(sdl) },
  ]);
  assert.equal(errors, undefined);
  router = createGatewayRuntime({
    supergraph: supergraphSdl,
    logging: "warn",
    propagateHeaders: { fromClientToSubgraphs: ({ request }) => fromHeaders((name) => request.headers.get(name)) },
    transportEntries: {
      contacts: { options: { subscriptions: { kind: "ws", options: { connectionParams: fromHeaders((name) => `{context.headers.${name}}`) } } } },
    },
  });
});

after(async () => {
  await router?.[Symbol.asyncDispose]();
  notes?.close();
});

test("a query over both subgraphs is answered, with entities of either", async () => {
  const { data, errors } = await ask("{ notes { text about { displayName notes { text } } } }");
  assert.equal(errors, undefined);
  const expected = contactIds.map((id, index) => {
    return { text: `On ${id}`, about: { displayName: `Number 000${index}`, notes: [{ text: `On ${id}` }] } };
  });
  assert.deepEqual(data.notes, expected);
});

test("fields of the other subgraph are answered on a list", async () => {
  const { data, errors } = await ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on AccountContact { notes { text } } } }", {
    ids: contactIds,
  });
  assert.equal(errors, undefined);
  assert.deepEqual(data.nodes, contactIds.map((id) => ({ id, notes: [{ text: `On ${id}` }] })));
});

test("a mutation reaches the gateway, and user errors reach the client", async () => {
  const text = `mutation ($input: UpdateAccountContactInput!) {
    updateAccountContact(input: $input) { accountContact { lastName } userErrors { code field } }
  }`;
  const [id] = contactIds;
  const { data } = await ask(text, { input: { id, lastName: "Hopper" } });
  assert.deepEqual(data.updateAccountContact, { accountContact: { lastName: "Hopper" }, userErrors: [] });
  const { data: rejected } = await ask(text, { input: { id, firstName: "" } });
  assert.deepEqual(rejected.updateAccountContact.userErrors, [{ code: "REQUIRED", field: ["firstName"] }]);
});

test("the code of an error reaches the client", async () => {
  const { errors } = await ask("{ viewer { subject } }", {}, { authorization: "Bearer wrong" });
  assert.equal(errors[0].extensions.code, "UNAUTHENTICATED");
});

test("an event reaches the client of the router", async () => {
  const response = await fetchFromRouter("subscription ($ids: [ID!]) { contactChanged(ids: $ids) { contactId contact { displayName } } }", {
    variables: { ids: [contactIds[1]] },
    accept: "text/event-stream",
  });
  assert.equal((await ringUntil(nextEvent(response), contactIds[1])).data.contactChanged.contactId, contactIds[1]);
});

function fromHeaders(value) {
  return Object.fromEntries(Object.keys(HEADERS).map((name) => [name, value(name)]));
}

async function ask(query, variables, headers) {
  const response = await fetchFromRouter(query, { variables, headers, accept: "application/json" });
  return response.json();
}

function fetchFromRouter(query, { variables, accept, headers }) {
  return router.fetch("http://router.example/graphql", {
    method: "POST",
    headers: { ...HEADERS, ...headers, accept, "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
}

/** The first event of a response. */
async function nextEvent(response) {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    const event = /^event: next\ndata: (.*)$/m.exec(text);
    if (event) return JSON.parse(event[1]);
  }
  throw new Error(`no event: ${text}`);
}

/** A note on each contact. */
function notesSubgraph(sdl) {
  const note = (id) => ({ id, text: `On ${id}`, about: { id } });
  const resolvers = {
    Query: {
      notes: () => contactIds.map(note),
      _entities: (_, { representations }) => representations,
    },
    _Entity: { __resolveType: ({ __typename }) => __typename },
    AccountContact: { notes: ({ id }) => [note(id)] },
  };
  const typeDefs = `${sdl.replace(/^extend schema.*$/m, "")}
    directive @key(fields: String!) on OBJECT
    scalar _Any
    union _Entity = Note | AccountContact | Partner
    extend type Query { _entities(representations: [_Any!]!): [_Entity]! }`;
  return createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false });
}
