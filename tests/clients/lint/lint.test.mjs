// The schema before a linter: every finding is either none or one that is explained here.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ESLint } from "eslint";
import { buildSchema, isScalarType, isSpecifiedScalarType, parseValue, valueFromAST } from "graphql";
import { SCHEMA } from "../support/schema.mjs";

/** What the rules find and we keep. A finding that goes away has to go from here too. */
const KEPT = [
  // A change is a line of the record, addressed by its place in it (`seq`); nothing refetches a single one.
  "type ChangeEdge { @graphql-eslint/relay-edge-types: Edge type's field `node` must implement `Node` interface.",
  // A country is a constant of ISO 3166, the same in every organization, and its id is the standard's own.
  "type CountryEdge { @graphql-eslint/relay-edge-types: Edge type's field `node` must implement `Node` interface.",
  // It is called so by the system that contact types come from.
  'type ContactType implements Node { @graphql-eslint/naming-convention: Type "ContactType" should not have "Type" suffix',
  // These three are the specification's own, and their arguments have no descriptions there.
  'directive @include(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT @graphql-eslint/require-description: Description is required for input value "if" in directive "include"',
  'directive @skip(if: Boolean!) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT @graphql-eslint/require-description: Description is required for input value "if" in directive "skip"',
  'directive @specifiedBy(url: String!) on SCALAR @graphql-eslint/require-description: Description is required for input value "url" in directive "specifiedBy"',
];

test("schema.graphql keeps the recommended rules", async () => {
  assert.deepEqual(await findings(SCHEMA), [...KEPT].sort());
});

test("the linter is awake: a bad type is found", async () => {
  const bad = "type Query { get_thing: ThingConnection }\ntype ThingConnection { edges: [Int] }\n";
  const found = (await findings(bad)).join("\n");
  for (const rule of ["naming-convention", "relay-connection-types", "require-description"]) {
    assert.match(found, new RegExp(`@graphql-eslint/${rule}:`));
  }
});

test("every mutation has an example of its input, and every scalar one of its values", () => {
  const schema = buildSchema(SCHEMA);
  for (const { name, args } of Object.values(schema.getMutationType().getFields())) {
    const [{ description, type }] = args;
    const [, example] = /, for example `({.*})`\.$/.exec(description) ?? assert.fail(`${name}: ${description}`);
    assert.notEqual(valueFromAST(parseValue(example), type), undefined, `${name}: ${example}`);
  }
  for (const type of Object.values(schema.getTypeMap()).filter((type) => isScalarType(type) && !isSpecifiedScalarType(type))) {
    assert.match(type.description, /(for example|:) `.+`/s, type.name);
  }
});

/** What the linter finds, each with the line that it is about. */
async function findings(schema) {
  const eslint = new ESLint({
    cwd: import.meta.dirname,
    overrideConfigFile: "eslint.config.mjs",
    overrideConfig: { languageOptions: { parserOptions: { graphQLConfig: { schema } } } },
  });
  const [{ messages }] = await eslint.lintText(schema, { filePath: "schema.graphql" });
  const lines = schema.split("\n");
  return messages.map(({ ruleId, message, line }) => `${lines[line - 1].trim()} ${ruleId}: ${message}`).sort();
}
