// What the gateway tells the page about its reader: where GraphQL is, and, in development, a token to use it.

const SESSION_URL = "/playground/session";

/** The session of a gateway that gives none (production): the reader brings a token. */
const SIGNED_OUT = { endpoint: "/graphql", token: null, organizationId: null, restDocs: true };

/** Asks for the session. A page without one still works, signed out. */
export async function fetchSession() {
  try {
    const response = await fetch(SESSION_URL, { cache: "no-store", credentials: "omit" });
    return response.ok ? { ...SIGNED_OUT, ...(await response.json()) } : SIGNED_OUT;
  } catch {
    return SIGNED_OUT;
  }
}

/** The request headers that sign the session in. */
export function sessionHeaders({ token, organizationId }) {
  const headers = { Authorization: `Bearer ${token ?? "<token>"}` };
  return organizationId ? { ...headers, "x-org-id": organizationId } : headers;
}
