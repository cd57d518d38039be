// A typed client in one function.

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

async function send<Data>({ endpoint, headers }: Gateway, request: object): Promise<Data> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", accept: "application/graphql-response+json" },
    body: JSON.stringify(request),
  });
  const { data, errors } = await response.json();
  if (errors) throw new RequestError(errors[0].message, errors[0].extensions.code, errors[0].extensions.requestId);
  return data;
}
