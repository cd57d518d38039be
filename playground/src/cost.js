// The cost of operations: a header asks for it, and the response has it in its extensions.

const HEADER = "x-graphql-cost";

/** Whether the reader asks for the cost, so that it belongs to the response. */
function isAskedFor(headers) {
  return Object.keys(headers).some((name) => name.toLowerCase() === HEADER);
}

/** The headers that ask for the cost. */
export function withCost(headers) {
  return isAskedFor(headers) ? headers : { ...headers, [HEADER]: "true" };
}

/** The response as the reader asked for it, and its cost. */
export function splitCost(response, headers) {
  const { cost, ...others } = response.extensions ?? {};
  if (!cost || isAskedFor(headers)) return { answered: response, cost };
  const { extensions: _, ...answered } = response;
  return { answered: Object.keys(others).length > 0 ? { ...answered, extensions: others } : answered, cost };
}
