// Requests to the gateway. Whatever it answers is shown as it is; an answer that is no JSON becomes an error.

/** Sends one operation and reads the answer. */
export async function send(endpoint, operation, headers) {
  const accept = "application/graphql-response+json, application/json;q=0.9";
  return answer(await post(endpoint, operation, { accept, ...headers }));
}

/** Sends one operation, and leaves the reading to the caller. */
export function post(endpoint, operation, headers, signal) {
  return fetch(endpoint, {
    method: "POST",
    credentials: "omit",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(operation),
    signal,
  });
}

/** Reads an answer that comes as a whole. */
export async function answer(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [{ message: text || `The gateway responded with status ${response.status} and an empty body.` }] };
  }
}
