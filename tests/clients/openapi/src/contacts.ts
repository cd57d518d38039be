// A program with the types of the REST routes, by openapi-typescript and openapi-fetch. Prints one JSON value per step.

import createClient from "openapi-fetch";
import type { components, paths } from "./generated/api.js";

const { GATEWAY_URL, GATEWAY_TOKEN } = process.env;
const client = createClient<paths>({
  baseUrl: GATEWAY_URL ?? "",
  headers: { authorization: `Bearer ${GATEWAY_TOKEN}`, "x-org-id": "org_1" },
});

function show(value: unknown): void {
  console.log(JSON.stringify(value));
}

const contact: components["schemas"]["NewCustomerContact"] = { firstName: "Ada", email: `${crypto.randomUUID()}@openapi.example` };
const key = crypto.randomUUID();
const created = await client.POST("/v1/accounts/contacts", { params: { header: { "Idempotency-Key": key } }, body: contact });
if (!created.data) throw new Error(String(created.error.message));
const { id, firstName } = created.data;
show({ status: created.response.status, firstName });

const repeated = await client.POST("/v1/accounts/contacts", { params: { header: { "Idempotency-Key": key } }, body: contact });
show({ repeated: repeated.data?.id === id });

const read = await client.GET("/v1/accounts/contacts/{id}", { params: { path: { id } } });
const tag = read.response.headers.get("etag") ?? "";
for (const lastName of ["Lovelace", "King"]) {
  const updated = await client.PUT("/v1/accounts/contacts/{id}", {
    params: { path: { id }, header: { "If-Match": tag } },
    body: { lastName },
  });
  show({ status: updated.response.status, lastName: updated.data?.lastName });
}

const rejected = await client.POST("/v1/accounts/contacts", { body: { firstName: "", email: "no address" } });
show({ status: rejected.response.status, message: rejected.error?.message });
