// The playground in a real browser, before a running gateway in development mode:
//
//     npm test -- --url http://127.0.0.1:8080 [--screenshot FILE]
//
// GATEWAY_URL says the same as --url; CHROMIUM names another browser than /usr/bin/chromium. The operations are run
// by clicking, as a reader would, and write to the gateway's database.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: options } = parseArgs({
  options: {
    url: { type: "string", default: process.env.GATEWAY_URL ?? "http://127.0.0.1:8080" },
    screenshot: { type: "string" },
  },
});
const gateway = new URL(options.url);
const operationsFolder = new URL("../operations/", import.meta.url);

/** Everything that must not happen, as it is seen in any of the tests. */
const complaints = [];
const requests = [];
const workers = [];

let browser;
let page;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      `--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE ${gateway.hostname}`,
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-gpu",
      "--no-first-run",
      "--no-sandbox",
    ],
  });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light" });
  context.on("request", (request) => requests.push(request.url()));
  context.on("requestfailed", (request) => {
    const { errorText } = request.failure();
    // Leaving the page cuts short what it was still loading.
    if (errorText !== "net::ERR_ABORTED") complaints.push(`${errorText}: ${request.url()}`);
  });
  context.on("weberror", (error) => complaints.push(`uncaught: ${error.error()}`));
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  await context.exposeFunction("reportViolation", (violation) => complaints.push(`policy: ${violation}`));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      globalThis.reportViolation(`${event.violatedDirective} refused ${event.blockedURI}`);
    });
  });
  page = await context.newPage();
  page.on("worker", (worker) => workers.push(worker));
});

after(() => browser?.close());

test("the first operation is there and answers when it is run", async () => {
  await open();
  assert.equal(await page.title(), "contact-gateway");
  assert.match(await page.locator(".graphiql-query-editor .view-lines").innerText(), /query\s+Overview/);

  const { data } = await run();
  assert.ok(data.viewer.subject);
  assert.match(await page.locator(".result-window .view-lines").innerText(), /viewer/);
});

test("every tab holds an operation that can be run again and again", async (t) => {
  const titles = await page.locator(".graphiql-tab-button").allInnerTexts();
  assert.equal(titles[0], "Overview");
  for (const title of titles) {
    await t.test(title, async () => {
      await selectTab(title);
      await assertFilledIn();
      assertSucceeded(await run());
      assertSucceeded(await run());
    });
  }
});

test("the list has every sample, and opens each in a tab where it can be run", async (t) => {
  const tabs = await page.getByRole("tab").count();
  await page.getByRole("button", { name: "Show Sample Operations" }).click();
  const listed = await samples().locator("code").allInnerTexts();
  assert.deepEqual([...listed].sort(), await operationNames());

  for (const name of listed) {
    await t.test(name, async () => {
      await samples().getByRole("button").filter({ has: page.getByText(name, { exact: true }) }).click();
      await tabOf(name).waitFor();
      await assertFilledIn();
      assertSucceeded(await run());
      await page.locator(".graphiql-tab-active").getByRole("button", { name: "Close Tab" }).click();
    });
  }
  assert.equal(await page.getByRole("tab").count(), tabs);
});

test("a sample is found and opened by keyboard", async () => {
  const tabs = await page.getByRole("tab").count();
  await page.getByRole("searchbox", { name: "Find a sample operation" }).focus();
  await page.keyboard.type("roles wait");
  assert.deepEqual(await samples().locator("code").allInnerTexts(), ["floatingAssignments"]);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await tabOf("floatingAssignments").waitFor();
  await samples().getByRole("status").filter({ hasText: "floatingAssignments" }).waitFor();
  assert.equal(await page.getByRole("tab").count(), tabs + 1);
  assertSucceeded(await run());

  await page.getByRole("searchbox").fill("no such thing");
  await samples().getByRole("status").filter({ hasText: "There is no such sample." }).waitFor();
  await page.getByRole("button", { name: "Hide Sample Operations" }).click();
});

test("Monaco's workers run, and the schema is at hand", async () => {
  // It is ended and started again whenever the schema is read, so one that has run will do.
  const isGraphQLWorker = (worker) => worker.url().includes("/graphql.worker-");
  if (!workers.some(isGraphQLWorker)) await page.waitForEvent("worker", isGraphQLWorker);

  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await page.getByRole("link", { name: "Mutation", exact: true }).waitFor();
  await page.getByRole("button", { name: "Hide Documentation Explorer" }).click();
});

test("prettifying works, and finds the sample as it should be", async () => {
  await selectTab("Overview");
  const query = await editorText("operation.graphql");
  const chunk = page.waitForResponse((response) => response.url().includes("/assets/graphql-"));
  await page.getByRole("button", { name: /^Prettify query/ }).click();
  await (await chunk).finished();
  assert.equal(await editorText("operation.graphql"), query);
});

test("light and dark follow the reader's system", async () => {
  await selectTab("Overview");
  assertSucceeded(await run());
  if (options.screenshot) await page.screenshot({ path: options.screenshot });

  const light = await backgroundColor();
  await page.emulateMedia({ colorScheme: "dark" });
  assert.notEqual(await backgroundColor(), light);
  await page.emulateMedia({ colorScheme: "light" });
});

test("the reader comes back to the same tabs, signed in anew, and no token was stored", async () => {
  const tabs = await page.getByRole("tab").count();
  await open();
  assert.equal(await page.getByRole("tab").count(), tabs);
  assertSucceeded(await run());

  const token = JSON.parse(await editorText("request-headers.json")).Authorization.replace("Bearer ", "");
  assert.ok(!(await stored()).includes(token), "a token is in the browser's storage");
});

test("headers that the reader chose to keep come back with a fresh token", async () => {
  await page.getByRole("button", { name: "Open settings dialog" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "On", exact: true }).click();
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => JSON.stringify(localStorage).includes("Bearer {{developmentToken}}"));

  const tabs = await page.getByRole("tab").count();
  await open();
  assert.equal(await page.getByRole("tab").count(), tabs);
  assert.doesNotMatch(await editorText("request-headers.json"), /\{\{/);
  assertSucceeded(await run());
});

test("nothing left the gateway's origin, and the browser had nothing to complain about", () => {
  const elsewhere = requests.filter((url) => !url.startsWith("data:") && new URL(url).origin !== gateway.origin);
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(complaints, []);
});

/** Opens the page and waits until it can be used: editors filled, schema read. */
async function open() {
  const introspected = page.waitForResponse((response) => {
    return (response.request().postData() ?? "").includes("IntrospectionQuery");
  });
  await page.goto(gateway.href);
  await introspected;
  await page.locator(".graphiql-query-editor .view-line").first().waitFor();
  await page.locator(".result-window .monaco-editor").waitFor();
}

function selectTab(title) {
  return page.locator(".graphiql-tab-button").getByText(title, { exact: true }).click();
}

/** Clicks the run button and reads the answer. */
async function run() {
  const answered = page.waitForResponse((response) => response.request().method() === "POST");
  await page.locator(".graphiql-execute-button").click();
  await answered;
  await page.locator(".graphiql-response .graphiql-spinner").waitFor({ state: "detached" });
  await page.waitForFunction(() => {
    const models = globalThis.__MONACO.editor.getModels();
    return models.find((model) => model.uri.path.endsWith("response.json")).getValue() !== "";
  });
  return JSON.parse(await editorText("response.json"));
}

/** The whole text of an editor; on the screen it shows only the lines in view. */
function editorText(file) {
  return page.evaluate((name) => {
    const models = globalThis.__MONACO.editor.getModels();
    return models.find((model) => model.uri.path.endsWith(name)).getValue();
  }, file);
}

/** The list of samples. */
function samples() {
  return page.getByRole("region", { name: "Sample operations", exact: true });
}

/** The active tab, as soon as it is that of a sample. */
function tabOf(name) {
  return page.locator(".graphiql-tab-active").getByText(name[0].toUpperCase() + name.slice(1), { exact: true });
}

async function assertFilledIn() {
  assert.doesNotMatch(await editorText("variables.json"), /\{\{(?!unique)/, "a placeholder was not filled in");
}

function assertSucceeded({ data, errors }) {
  assert.equal(errors, undefined);
  for (const [field, payload] of Object.entries(data)) {
    assert.notEqual(payload, null, field);
    if ("userErrors" in payload) assert.deepEqual(payload.userErrors, [], field);
  }
}

function backgroundColor() {
  return page.locator(".graphiql-container").evaluate((element) => getComputedStyle(element).backgroundColor);
}

function stored() {
  return page.evaluate(() => JSON.stringify(localStorage) + JSON.stringify(sessionStorage));
}

async function operationNames() {
  const files = await readdir(operationsFolder);
  return files.filter((file) => file.endsWith(".graphql")).map((file) => file.replace(".graphql", "")).sort();
}
