// What stands behind the placeholders: rows of the signed-in organization, as sample-rows.graphql names them, and the
// organization and token themselves.

import { send } from "./request.js";
import SAMPLE_ROWS from "./sample-rows.graphql?raw";
import { sessionHeaders } from "./session.js";

/** The value of each placeholder, as far as the organization has a row for it. */
export async function fetchValues(session) {
  if (!session.token) return {};
  const { token, organizationId } = session;
  const organization = organizationId ? { organizationId } : {};
  return { ...(await fetchRows(session)), ...organization, developmentToken: token };
}

async function fetchRows(session) {
  try {
    const ask = (operationName) =>
      send(session.endpoint, { query: SAMPLE_ROWS, operationName }, sessionHeaders(session));
    const answers = await Promise.all(["InternalRows", "AccountRows"].map(ask));
    return answers.reduce((found, { data }) => namedTexts(data, found), {});
  } catch {
    return {};
  }
}

/** Every text of an answer by its name; of a name that comes twice, the first. */
function namedTexts(value, found = {}) {
  for (const [name, child] of Object.entries(value ?? {})) {
    if (typeof child === "string") found[name] ??= child;
    else namedTexts(child, found);
  }
  return found;
}
