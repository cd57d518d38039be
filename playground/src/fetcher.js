// Sends operations to the gateway. Whatever it answers is shown as it is; an answer that is no JSON becomes an error.

import { report } from "./answers.jsx";
import { makeUnique } from "./placeholders.js";

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
    const answered = await send(endpoint, operation, headers ?? fallback);
    if (operationName !== INTROSPECTION) report(answered);
    return answered;
  };
}

/** The name, if the document has it: right after a change of tabs GraphiQL still gives that of the tab before. */
function nameWithin(query, operationName) {
  const named = new RegExp(`\\b(query|mutation|subscription)\\s+${operationName}\\b`);
  return operationName && named.test(query) ? operationName : undefined;
}

/** Sends one operation and reads the answer. */
export async function send(endpoint, operation, headers) {
  const response = await fetch(endpoint, {
    method: "POST",
    credentials: "omit",
    headers: {
      accept: "application/graphql-response+json, application/json;q=0.9",
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify(operation),
  });
  return answer(response);
}

async function answer(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [{ message: text || `The gateway answered ${response.status} and no text.` }] };
  }
}
