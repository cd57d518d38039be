// Introspection as tools read it: GraphQL Inspector finds no difference to schema.graphql, and graphql-markdown documents all types.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { diff } from "@graphql-inspector/core";
import { buildClientSchema, buildSchema, getIntrospectionQuery, printSchema } from "graphql";
import { loadSchemaJSON, renderSchema } from "graphql-markdown";
import { ENDPOINT, HEADERS, send } from "./support/gateway.mjs";
import { SCHEMA, schemaWithout } from "./support/schema.mjs";

let introspection;

before(async () => {
  const all = { specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true };
  introspection = await send(getIntrospectionQuery(all));
});

test("GraphQL Inspector finds no difference between introspection and schema.graphql", async () => {
  assert.deepEqual(await changes(SCHEMA), []);
});

test("GraphQL Inspector finds a field that the file lacks", async () => {
  const found = await changes(schemaWithout("displayName"));
  assert.ok(found.includes("Field 'displayName' was added to interface 'Contact'"), found.join("\n"));
});

test("graphql-markdown documents every type", async () => {
  const lines = [];
  renderSchema(await loadSchemaJSON(ENDPOINT, { headers: HEADERS }), { printer: (line) => lines.push(...line.split("\n")) });
  const documented = new Set(lines.flatMap((line) => /^###? (\w+)/.exec(line)?.[1] ?? []));
  const types = Object.keys(buildSchema(SCHEMA).getTypeMap()).filter((name) => !name.startsWith("__"));
  assert.deepEqual(types.filter((name) => !documented.has(name)), []);
});

/** The changes from this schema to the one that introspection describes. */
async function changes(text) {
  // Directives of introspection are in the types; printed, they are directives again.
  const introspected = buildSchema(printSchema(buildClientSchema(introspection)));
  return (await diff(buildSchema(text), introspected)).map(({ message }) => message);
}
