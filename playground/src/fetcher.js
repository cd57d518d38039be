// What GraphiQL sends its operations with.

import { getOperationAST, parse } from "graphql";
import { report } from "./answers.jsx";
import { splitCost, withCost } from "./cost.js";
import { beginEvents } from "./events.jsx";
import { makeUnique } from "./placeholders.js";
import { send } from "./request.js";
import { subscription } from "./subscription.js";

/** The name of the operation by which GraphiQL reads the schema. */
const INTROSPECTION = "IntrospectionQuery";

/**
 * The fetcher for GraphiQL. It reads the schema before its headers editor exists, so that the first time it needs
 * `openingHeaders`; every other operation is sent with what the editor says, and with nothing when that is empty.
 */
export function createFetcher(endpoint, openingHeaders) {
  return async ({ query, operationName, variables }, { headers } = {}) => {
    const fallback = operationName === INTROSPECTION ? openingHeaders : {};
    const operation = { query, operationName: nameWithin(query, operationName), variables: makeUnique(variables) };
    const given = headers ?? fallback;
    if (operationName === INTROSPECTION) return send(endpoint, operation, given);
    if (isSubscription(operation)) return subscription(endpoint, operation, given);
    beginEvents();
    const { answered, cost } = splitCost(await send(endpoint, operation, withCost(given)), given);
    report(answered, { cost });
    return answered;
  };
}

/** The name, if the document has it: right after a change of tabs GraphiQL still gives that of the tab before. */
function nameWithin(query, operationName) {
  const named = new RegExp(`\\b(query|mutation|subscription)\\s+${operationName}\\b`);
  return operationName && named.test(query) ? operationName : undefined;
}

/** Not when the document cannot be read: the gateway tells what is wrong with it. */
function isSubscription({ query, operationName }) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === "subscription";
  } catch {
    return false;
  }
}
