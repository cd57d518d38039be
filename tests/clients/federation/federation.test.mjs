// The gateway as a subgraph: what it tells of its schema composes with another subgraph's to a supergraph, and what a
// router plans over both is answered by the running gateway.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import { composeServices } from "@apollo/composition";
import { operationFromDocument, Supergraph } from "@apollo/federation-internals";
import { QueryPlanner } from "@apollo/query-planner";
import { parse } from "graphql";
import { accountWithContacts, send } from "../support/gateway.mjs";
import { SCHEMA } from "../support/schema.mjs";

let composed;

before(async () => {
  const { _service } = await send("{ _service { sdl } }");
  const notes = await readFile(new URL("notes.graphql", import.meta.url), "utf8");
  composed = composeServices([
    { name: "contacts", typeDefs: parse(_service.sdl) },
    { name: "notes", typeDefs: parse(notes) },
  ]);
});

test("the two subgraphs compose, without an error or a hint", () => {
  assert.deepEqual(composed.errors?.map(({ message }) => message) ?? [], []);
  assert.deepEqual(composed.hints.map(({ message }) => message), []);
});

test("the supergraph's clients see the schema that ours see, and the other's fields", () => {
  const fields = (schema, type) => [...schema.type(type).fields()].map(({ name }) => name);
  const schema = Supergraph.build(composed.supergraphSdl).apiSchema();
  assert.ok(fields(schema, "AccountContact").includes("notes"));
  for (const { kind, name, fields: own = [] } of parse(SCHEMA).definitions) {
    if (kind !== "ObjectTypeDefinition") continue;
    const missing = own.map((field) => field.name.value).filter((field) => !fields(schema, name.value).includes(field));
    assert.deepEqual(missing, [], name.value);
  }
  assert.ok(!fields(schema, "Query").includes("_entities"));
});

test("a query over both is planned as a question for entities, which the gateway answers", async () => {
  const { contactIds } = await accountWithContacts(3);
  const [fetched] = fetchesOf(plan("{ notes { text about { displayName email } } }"), "contacts");
  assert.match(fetched.operation, /_entities\(representations:\s*\$representations\)/);
  const representations = contactIds.map((id) => ({ __typename: "AccountContact", id }));
  const { _entities } = await send(fetched.operation, { representations });
  assert.deepEqual(_entities.map(({ displayName }) => displayName), ["Number 0000", "Number 0001", "Number 0002"]);
});

test("fields of the other subgraph are planned on our lists", () => {
  const planned = plan("{ partners(first: 2) { nodes { name notes { text } } } }");
  assert.match(fetchesOf(planned, "contacts")[0].operation, /partners\(first:\s*2\)/);
  assert.match(fetchesOf(planned, "notes")[0].operation, /on Partner/);
});

function plan(text) {
  const supergraph = Supergraph.build(composed.supergraphSdl);
  const operation = operationFromDocument(supergraph.apiSchema(), parse(text));
  return new QueryPlanner(supergraph).buildQueryPlan(operation);
}

/** The plan's questions for a subgraph, in their order. */
function fetchesOf(node, subgraph) {
  if (!node) return [];
  if (node.kind === "Fetch") return node.serviceName === subgraph ? [node] : [];
  return [node.node, ...(node.nodes ?? [])].flatMap((child) => fetchesOf(child, subgraph));
}
