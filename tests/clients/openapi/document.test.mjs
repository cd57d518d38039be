// The published OpenAPI document before a validator: the specification's schema for 3.1, and every reference resolved.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";

const { GATEWAY_URL } = process.env;
assert.ok(GATEWAY_URL, "GATEWAY_URL says which gateway's document is validated");

async function document() {
  const response = await fetch(new URL("/openapi.json", GATEWAY_URL));
  assert.equal(response.status, 200);
  return response.json();
}

test("the document is OpenAPI 3.1", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(await document());
  assert.ok(valid, JSON.stringify(errors, null, 2));
  assert.equal(validator.version, "3.1");
});

test("openapi.json, from which the guide is made, is this document", async () => {
  const committed = await readFile(new URL("../../../openapi.json", import.meta.url), "utf8");
  assert.deepEqual(JSON.parse(committed), await document());
});

test("the validator is awake: a document that is damaged is refused", async () => {
  const damaged = await document();
  damaged.paths["/v2/internal-contacts"].post.responses = [];
  assert.equal((await new Validator().validate(damaged)).valid, false);
});
