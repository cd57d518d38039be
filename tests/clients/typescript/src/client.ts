// A typed client: a function for operations with one answer, and one for those with many.

import { createClient } from "graphql-sse";
import type { TypedDocumentString } from "../generated/graphql.js";

/** Where the gateway answers, and the headers that say who asks. */
export interface Gateway {
  endpoint: string;
  headers: Record<string, string>;
}

/** An operation was refused as a whole; `code` and `requestId` are those of the first error. */
export class RequestError extends Error {
  constructor(
    message: string,
    readonly code: string,
    readonly requestId: string,
  ) {
    super(message);
  }
}

/** Sends the document's text. */
export function execute<Data, Variables>(
  gateway: Gateway,
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  return send<Data>(gateway, { query: document.toString(), variables });
}

/** Sends only the document's hash, for a gateway that knows the manifest: `sha256:` and 64 digits. */
export function executePersisted<Data, Variables>(
  gateway: Gateway,
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  return send<Data>(gateway, { documentId: document.__meta__?.["hash"], variables });
}

/**
 * Yields each event as it comes; leaving the loop closes the connection. When that is lost it throws, and tries nothing by
 * itself: only the caller knows the cursor of the last event, behind which to go on.
 */
export async function* subscribe<Data, Variables extends Record<string, unknown>>(
  { endpoint, headers }: Gateway,
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): AsyncGenerator<Data> {
  const client = createClient({ url: endpoint, headers, retryAttempts: 0 });
  try {
    for await (const { data, errors } of client.iterate<Data>({ query: document.toString(), variables })) {
      if (errors) throw refusal(errors);
      yield data as Data;
    }
  } finally {
    client.dispose();
  }
}

async function send<Data>({ endpoint, headers }: Gateway, request: object): Promise<Data> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", accept: "application/graphql-response+json" },
    body: JSON.stringify(request),
  });
  const { data, errors } = await response.json();
  if (errors) throw refusal(errors);
  return data;
}

/** Of the errors as the gateway writes them. */
function refusal([error]: any): RequestError {
  return new RequestError(error.message, error.extensions.code, error.extensions.requestId);
}
