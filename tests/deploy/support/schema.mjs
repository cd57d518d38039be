// Validation against JSON schemas.

import assert from "node:assert/strict";
import { Ajv } from "ajv";
import Ajv2019 from "ajv/dist/2019.js";
import Ajv2020 from "ajv/dist/2020.js";

const OPTIONS = { strict: false, validateFormats: false, allErrors: true };

/** A function that asserts that a value is valid by `schema`, which may refer to the schemas of `others`. */
export function validator(schema, others = []) {
  const ajv = new (dialect(schema))(OPTIONS);
  for (const other of others) ajv.addSchema(other);
  const validate = ajv.compile(schema);
  return (value, name) => assert.ok(validate(value), `${name}: ${ajv.errorsText(validate.errors, { separator: "\n" })}`);
}

function dialect({ $schema = "" }) {
  if ($schema.includes("2020-12")) return Ajv2020.default;
  if ($schema.includes("2019-09")) return Ajv2019.default;
  return Ajv;
}
