// Each client's manifest, as its build writes it, enforced by a gateway: the client works, sending ids and no texts, and
// any other document is refused.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readFile } from "node:fs/promises";
import { ApolloLink, HttpLink } from "@apollo/client";
import { createClient as createSocket } from "graphql-ws";
import WebSocket from "ws";
import { createClient } from "./apollo/build/src/client.js";
import { ContactList } from "./apollo/build/src/operations.js";
import * as documents from "./relay/build/contacts.js";
import { createEnvironment } from "./relay/build/environment.js";
import { Pages } from "./relay/build/pages.js";
import { codeOfAnother, startEnforcing } from "./support/enforcing.mjs";
import { executePersisted } from "./typescript/build/src/client.js";
import { ContactChanged, ContactsPage, RenameContact } from "./typescript/build/src/operations.js";

/** Of the right form, and of no account. */
const NO_ACCOUNT = "acc_00000000000000000000000000";

enforced("GraphQL Code Generator", "typescript/generated/persisted-documents.json", async (gateway) => {
  const { contacts } = await executePersisted(gateway, ContactsPage, { accountId: NO_ACCOUNT, first: 2 });
  assert.equal(contacts.totalCount, 0);
  const input = { id: "ac_00000000000000000000000000", firstName: "Ada" };
  const { updateAccountContact } = await executePersisted(gateway, RenameContact, { input });
  assert.deepEqual(updateAccountContact.userErrors.map(({ code }) => code), ["NOT_FOUND"]);
  await assertTrustedSocket(gateway, ContactChanged.__meta__.hash);
});

enforced("Relay", "relay/src/__generated__/persisted-queries.json", async ({ endpoint, headers }) => {
  const environment = createEnvironment(endpoint, headers, ({ id }, variables) => ({ doc_id: id, variables }));
  const variables = { accountId: NO_ACCOUNT, first: 2 };
  const list = { query: documents.rootQuery, fragment: documents.rootFragment, variables };
  const pages = await Pages.open(environment, list, (data) => data);
  assert.equal(pages.connection().totalCount, 0);
});

enforced("Apollo", "apollo/generated/persisted-query-manifest.json", async ({ endpoint, headers }, manifest) => {
  const ids = new Map(manifest.operations.map(({ id, name }) => [name, id]));
  const idInsteadOfText = new ApolloLink((operation, forward) => {
    operation.extensions = { persistedQuery: { version: 1, sha256Hash: ids.get(operation.operationName) } };
    operation.setContext({ http: { includeQuery: false, includeExtensions: true } });
    return forward(operation);
  });
  const client = createClient(endpoint, headers);
  client.setLink(ApolloLink.from([idInsteadOfText, new HttpLink({ uri: endpoint, headers })]));
  const { data } = await client.query({ query: ContactList, variables: { accountId: NO_ACCOUNT, first: 2 } });
  assert.equal(data.contacts.totalCount, 0);
});

/** A subscription is begun by its id, and not by another text, on a socket too. */
async function assertTrustedSocket({ endpoint, headers: connectionParams }, documentId) {
  const url = endpoint.replace("http", "ws");
  const socket = createSocket({ url, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
  // It is begun when its arguments are found to be wrong.
  const { value } = await socket.iterate({ query: "", documentId, variables: { ids: ["nobody"] } }).next();
  assert.deepEqual(value.errors.map(({ extensions }) => extensions.code), ["BAD_REQUEST"]);
  await assert.rejects(socket.iterate({ query: "subscription { contactChanged { cursor } }" }).next(), ([error]) => {
    assert.equal(error.extensions.code, "DOCUMENT_NOT_TRUSTED");
    return true;
  });
  await socket.dispose();
}

/** Tries a client before a gateway that enforces its manifest. */
function enforced(name, file, works) {
  describe(name, () => {
    const manifest = new URL(file, import.meta.url);
    let gateway;
    before(async () => {
      gateway = await startEnforcing(manifest.pathname);
    });
    after(() => gateway?.stop());

    test("its operations are answered by their ids", async () => {
      await works(gateway, JSON.parse(await readFile(manifest, "utf8")));
    });

    test("any other is refused", async () => {
      assert.equal(await codeOfAnother(gateway), "DOCUMENT_NOT_TRUSTED");
    });
  });
}
