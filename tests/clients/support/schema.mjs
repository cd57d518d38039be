// The schema that all clients generate from, and what becomes of it when a field is removed.

import { readFileSync } from "node:fs";
import { Kind, parse, print, visit } from "graphql";

/** The text of schema.graphql. */
export const SCHEMA = readFileSync(new URL("../../../schema.graphql", import.meta.url), "utf8");

/** The schema without the field of this name, whichever types have it. */
export function schemaWithout(field) {
  let removed = 0;
  const remove = (node) => {
    if (node.name.value !== field) return undefined;
    removed += 1;
    return null;
  };
  const document = visit(parse(SCHEMA), { [Kind.FIELD_DEFINITION]: remove });
  if (removed === 0) throw new Error(`no type has the field ${field}`);
  return print(document);
}
