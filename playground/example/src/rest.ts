// The REST routes of a contact, with the same token as GraphQL.

import type { Contact } from "./kinds";

export interface RestResponse {
  path: string;
  status: number;
  etag: string | null;
  body: unknown;
}

/** Where REST has a contact. Each kind is of another family of routes, with formats of its own. */
export function restPath(contact: Contact, organizationId: string): string {
  switch (contact.__typename) {
    case "InternalContact":
      return `/v2/internal-contacts/${contact.id}`;
    case "AccountContact":
      return `/v1/accounts/contacts/${contact.id}`;
    case "OrganizationContact":
      // Here ids are numbers: oc_7 is 7, org_1 is 1.
      return `/api/v1/organisation/${organizationId.replace("org_", "")}/contact/${contact.id.replace("oc_", "")}`;
  }
}

/** Reads a contact. Its `ETag` is the version: a change with `If-Match` fails with 412 if there is a newer one. */
export async function readByRest(path: string, headers: Record<string, string>): Promise<RestResponse> {
  const response = await fetch(path, { headers });
  return { path, status: response.status, etag: response.headers.get("etag"), body: await response.json() };
}
