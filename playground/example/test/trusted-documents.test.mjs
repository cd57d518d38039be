// The example front end before a gateway that answers the documents of its manifest and no others: it works as before,
// sends hashes and no texts, and anything else is refused. GATEWAY_PROGRAM names another gateway than
// target/debug/contact-gateway.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { build, preview } from "vite";
import { codeOfAnother, startEnforcing } from "../../../tests/clients/support/enforcing.mjs";

const root = new URL("..", import.meta.url).pathname;
const manifest = new URL("../src/generated/persisted-documents.json", import.meta.url).pathname;
const outDir = "dist/trusted";

let gateway;
let server;
let browser;
let page;
const sent = [];

before(async () => {
  gateway = await startEnforcing(manifest);
  process.env.VITE_TRUSTED_DOCUMENTS = "true";
  await build({ root, logLevel: "warn", build: { outDir } });
  const proxy = { "/graphql": new URL(gateway.endpoint).origin };
  server = await preview({ root, logLevel: "warn", build: { outDir }, preview: { host: "127.0.0.1", port: 0, proxy } });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--disable-gpu", "--no-sandbox", "--disable-background-networking"],
  });
  page = await browser.newPage();
  page.setDefaultTimeout(15_000);
  // A gateway in production hands out no tokens.
  const token = gateway.headers.authorization.replace("Bearer ", "");
  const session = { endpoint: "/graphql", token, organizationId: "org_1" };
  await page.route("**/playground/session", (route) => route.fulfill({ json: session }));
  page.on("request", (request) => {
    if (request.url().endsWith("/graphql")) sent.push(request.postDataJSON());
  });
});

after(async () => {
  await browser?.close();
  await server?.close();
  await gateway?.stop();
});

test("contacts are made, found and changed by hashes alone", async () => {
  await page.goto(server.resolvedUrls.local[0]);
  await page.getByText("0 contacts").waitFor();
  await page.getByRole("button", { name: "New contact" }).click();
  await page.getByLabel("First name").fill("Ada");
  await page.getByLabel("Email").fill("ada@example.com");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name: "Ada" }).waitFor();
  await page.getByRole("searchbox").fill("ada");
  await page.getByText("1 contact", { exact: true }).waitFor();
  await page.getByLabel("First name").fill("Grace");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Grace" }).waitFor();
  await page.getByText("version 2").waitFor();

  assert.ok(sent.length >= 5);
  for (const { query, extensions } of sent) {
    assert.equal(query, undefined);
    assert.match(extensions.persistedQuery.sha256Hash, /^[0-9a-f]{64}$/);
  }
});

test("any other operation is refused", async () => {
  assert.equal(await codeOfAnother(gateway), "DOCUMENT_NOT_TRUSTED");
});
