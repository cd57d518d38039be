// The playground in a real browser, before a running gateway in development mode:
//
//     npm test -- --url http://127.0.0.1:8080 [--screenshots FOLDER]
//
// GATEWAY_URL says the same as --url; CHROMIUM names another browser than /usr/bin/chromium. The operations are run
// by clicking, as a reader would, and write to the gateway's database.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import {
  assertAccessible,
  assertAccessibleEverywhere,
  assertFitsWidth,
  assertSucceeded,
  clipboard,
  close,
  complaints,
  editorText,
  forgiveRefusal,
  gateway,
  launch,
  NARROW,
  open,
  options,
  page,
  replaceText,
  requests,
  run,
  samples,
  selectTab,
  tabOf,
  tabs,
  WIDE,
  workers,
} from "./browser.mjs";
import { listen, subscriptionTests } from "./subscriptions.mjs";

const operationsFolder = new URL("../operations/", import.meta.url);

before(launch);
after(close);

test("the first operation is there and answers when it is run", async () => {
  await open();
  assert.equal(await page.title(), "contact-gateway");
  assert.match(await page.locator(".graphiql-query-editor .view-lines").innerText(), /query\s+Overview/);

  const { data } = await run();
  assert.ok(data.viewer.subject);
  assert.match(await page.locator(".result-window .view-lines").innerText(), /viewer/);
});

test("the page is small: it is drawn after less than 1.5 MB", async (t) => {
  const { bytes, milliseconds } = await page.evaluate(() => {
    const [navigation] = performance.getEntriesByType("navigation");
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    const sizes = [navigation, ...performance.getEntriesByType("resource")].map(({ transferSize }) => transferSize);
    return { bytes: sizes.reduce((sum, size) => sum + size), milliseconds: Math.round(paint.startTime) };
  });
  t.diagnostic(`first render after ${milliseconds} ms; ${Math.round(bytes / 1024)} KiB transferred until it could be used`);
  assert.ok(bytes > 500_000, "the sizes were not measured");
  assert.ok(bytes < 1_500_000, `${bytes} bytes`);
});

test("a note explains the page at the first visit, until it is dismissed", async () => {
  const note = page.getByRole("region", { name: "First steps" });
  assert.equal(await note.getByRole("listitem").count(), 3);
  await assertAccessibleEverywhere();
  await note.getByRole("button", { name: "Dismiss" }).click();
  await note.waitFor({ state: "detached" });
  await open();
  assert.equal(await note.count(), 0);
});

test("the cost of a response is shown, and is in the response only if its reader asks for it", async () => {
  const { extensions } = await run();
  assert.equal(extensions, undefined);
  await page.locator(".cost").filter({ hasText: /^Cost: [\d,]+ of 500,000 points/ }).waitFor();

  const headers = await editorText("request-headers.json");
  await replaceText("request-headers.json", JSON.stringify({ ...JSON.parse(headers), "X-GraphQL-Cost": "true" }));
  assert.equal((await run()).extensions.cost.limit, 500_000);
  await replaceText("request-headers.json", headers);
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
  const count = await tabs().count();
  await page.getByRole("button", { name: "Show Sample Operations" }).click();
  const listed = await samples().locator("code").allInnerTexts();
  assert.deepEqual([...listed].sort(), await operationNames());

  for (const name of listed) {
    await t.test(name, async () => {
      await samples().getByRole("button").filter({ has: page.getByText(name, { exact: true }) }).click();
      await tabOf(name).waitFor();
      await assertFilledIn();
      if (await isSubscription(name)) await listen();
      else assertSucceeded(await run());
      await page.locator(".graphiql-tab-active").getByRole("button", { name: "Close Tab" }).click();
    });
  }
  assert.equal(await tabs().count(), count);
});

test("a sample is found and opened by keyboard", async () => {
  const count = await tabs().count();
  await page.getByRole("searchbox", { name: "Find a sample operation" }).focus();
  await page.keyboard.type("floating have no");
  assert.deepEqual(await samples().locator("code").allInnerTexts(), ["floatingAssignments"]);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await tabOf("floatingAssignments").waitFor();
  await samples().getByRole("status").filter({ hasText: "floatingAssignments" }).waitFor();
  assert.equal(await tabs().count(), count + 1);
  assertSucceeded(await run());

  await page.getByRole("searchbox").fill("no such thing");
  await samples().getByRole("status").filter({ hasText: "No sample matches." }).waitFor();
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

test("prettifying works", async () => {
  await page.getByRole("button", { name: "New tab" }).click();
  await replaceText("operation.graphql", "query Messy{viewer{subject}}");
  await page.getByRole("button", { name: /^Prettify query/ }).click();
  await page.waitForFunction(() => {
    const models = globalThis.__MONACO.editor.getModels();
    const text = models.find((model) => model.uri.path.endsWith("operation.graphql")).getValue();
    return text.trim() === "query Messy {\n  viewer {\n    subject\n  }\n}";
  });
  await page.locator(".graphiql-tab-active").getByRole("button", { name: "Close Tab" }).click();
});

test("an operation that is broken tells what is wrong, and the id of its request", async () => {
  await selectTab("Overview");
  const query = await editorText("operation.graphql");
  await replaceText("operation.graphql", "query Overview { viewer { shoeSize } }");
  const { errors } = await run();
  assert.equal(errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
  const shown = page.getByRole("region", { name: "Errors of the last response" });
  const code = shown.getByRole("link", { name: "GRAPHQL_VALIDATION_FAILED" });
  const link = new URL(await code.getAttribute("href"), gateway);
  const explanation = await (await page.request.get(link.href)).text();
  assert.ok(explanation.includes(`id="${link.hash.slice(1)}"`), `${link} is no part of the guide`);
  await shown.getByText(errors[0].message).waitFor();
  await shown.getByRole("button", { name: "Copy the id" }).click();
  await shown.getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(await clipboard(), errors[0].extensions.requestId);
  await assertAccessibleEverywhere();
  if (options.screenshots) await page.screenshot({ path: `${options.screenshots}/graphiql-error.png` });
  forgiveRefusal(400);

  await replaceText("operation.graphql", query);
  assertSucceeded(await run());
  await shown.getByText("GRAPHQL_VALIDATION_FAILED").waitFor({ state: "detached" });
});

test("what a mutation finds wrong with its input is told too", async () => {
  await selectTab("CreateInternalContact");
  const variables = await editorText("variables.json");
  await replaceText("variables.json", JSON.stringify({ input: { email: "nobody", internalRole: "CSM" } }));
  await run();
  const shown = page.getByRole("region", { name: "Errors of the last response" });
  await shown.getByText("createInternalContact.input.email").waitFor();
  assert.equal(await shown.getByRole("link").first().getAttribute("href"), "/guide/errors.html#invalid");
  await replaceText("variables.json", variables);
});

subscriptionTests();

test("the explorer opens at its top, and leaves the focus out of the arguments", async () => {
  await selectTab("Overview");
  await page.getByRole("button", { name: "Show GraphiQL Explorer" }).click();
  await page.locator(".graphiql-explorer-root").getByText("viewer", { exact: true }).first().waitFor();
  // The arguments come a moment later.
  await page.locator(".graphiql-explorer-root input[aria-label=first]").first().waitFor();
  await page.waitForTimeout(300);
  assert.equal(await page.locator(".graphiql-plugin").evaluate(({ scrollTop }) => scrollTop), 0);
  assert.equal(await page.evaluate(() => document.activeElement.matches(".explorer input")), false);
  await page.getByRole("button", { name: "Hide GraphiQL Explorer" }).click();
});

test("fields are found and picked in the explorer", async () => {
  await page.getByRole("button", { name: "New tab" }).click();
  await page.getByRole("button", { name: "Show GraphiQL Explorer" }).click();
  await page.locator(".graphiql-explorer-root").getByText("viewer", { exact: true }).first().click();
  await page.locator(".graphiql-explorer-root").getByText("subject", { exact: true }).first().click();
  await page.waitForFunction(() => {
    const models = globalThis.__MONACO.editor.getModels();
    const text = models.find((model) => model.uri.path.endsWith("operation.graphql")).getValue();
    return /viewer\s*\{\s*subject/.test(text);
  });
  const { data } = await run();
  assert.deepEqual(Object.keys(data.viewer), ["subject"]);
  await page.getByRole("button", { name: "Hide GraphiQL Explorer" }).click();
  await page.locator(".graphiql-tab-active").getByRole("button", { name: "Close Tab" }).click();
});

test("the panel tells what the token says, and switches the organization of every tab", async () => {
  await page.getByRole("button", { name: "Show Token and Organization" }).click();
  const panel = page.getByRole("region", { name: "Token and organization" });
  await panel.getByText("developer", { exact: true }).waitFor();
  await panel.getByText(/, in \d+ hours/).waitFor();
  await assertAccessible(".identity");
  if (options.screenshots) await page.screenshot({ path: `${options.screenshots}/graphiql-token.png` });

  const organization = panel.getByRole("combobox", { name: "Organization" });
  const [first, second] = await organization.getByRole("option").evaluateAll((list) => list.map(({ value }) => value));
  await switchTo(second);
  await selectTab("UpdateInternalContact");
  const inSecond = await editorText("variables.json");
  assert.equal(JSON.parse(await editorText("request-headers.json"))["x-org-id"], second);
  assertSucceeded(await run());
  // A new tab too.
  await page.getByRole("button", { name: "New tab" }).click();
  await replaceText("operation.graphql", "{ viewer { organization { id } } }");
  assert.equal((await run()).data.viewer.organization.id, second);
  await page.locator(".graphiql-tab-active").getByRole("button", { name: "Close Tab" }).click();

  await selectTab("UpdateInternalContact");
  await switchTo(first);
  assert.notEqual(await editorText("variables.json"), inSecond);
  assertSucceeded(await run());

  async function switchTo(id) {
    await organization.selectOption(id);
    await page.waitForFunction((text) => {
      const models = globalThis.__MONACO.editor.getModels();
      return models.find((model) => model.uri.path.endsWith("request-headers.json")).getValue().includes(text);
    }, `"${id}"`);
  }
});

test("another token is taken when it is one", async () => {
  const panel = page.getByRole("region", { name: "Token and organization" });
  await panel.getByLabel("Another token").fill("hello");
  await panel.getByRole("button", { name: "Use this token" }).click();
  await panel.getByRole("alert").filter({ hasText: "not a JSON Web Token" }).waitFor();
  const { token } = await (await fetch(new URL("/playground/session", gateway))).json();
  await panel.getByLabel("Another token").fill(`Bearer ${token}`);
  await panel.getByRole("button", { name: "Use this token" }).click();
  await page.waitForFunction((text) => {
    const models = globalThis.__MONACO.editor.getModels();
    return models.find((model) => model.uri.path.endsWith("request-headers.json")).getValue().includes(text);
  }, token);
  assertSucceeded(await run());
  await page.getByRole("button", { name: "Hide Token and Organization" }).click();
});

test("a link carries an operation, without headers, and runs nothing by itself", async () => {
  await selectTab("CreateInternalContact");
  const [query, variables] = [await editorText("operation.graphql"), await editorText("variables.json")];
  await page.getByRole("button", { name: "Copy link to this operation" }).click();
  await page.getByRole("status").filter({ hasText: "copied to the clipboard" }).waitFor();
  const link = await clipboard();
  const { hash } = new URL(link);
  assert.doesNotMatch(Buffer.from(hash.split("=")[1], "base64url").toString(), /Bearer|eyJ/);

  const sent = [];
  const record = (request) => sent.push(request.postData() ?? "");
  page.on("request", record);
  const count = await tabs().count();
  await page.goto("about:blank");
  await open(link);
  page.off("request", record);
  assert.equal(await page.evaluate(() => location.hash), "");
  assert.equal(await editorText("operation.graphql"), query);
  assert.equal(await editorText("variables.json"), variables);
  assert.ok(!sent.some((body) => body.includes("createInternalContact")), "the link was run");
  assertSucceeded(await run());
  if ((await tabs().count()) > count) {
    await page.locator(".graphiql-tab-active").getByRole("button", { name: "Close Tab" }).click();
  }
});

test("a link that carries nonsense opens the page as it is", async () => {
  await page.goto("about:blank");
  await open(new URL("/#operation=bm9uc2Vuc2U", gateway).href);
  assertSucceeded(await run());
});

test("guide, REST reference and schema are one click away", async () => {
  const links = page.getByRole("navigation", { name: "References" }).getByRole("link");
  const addresses = await links.evaluateAll((list) => list.map((link) => link.getAttribute("href")));
  assert.deepEqual(addresses, ["/guide/", "/docs", "/schema.graphql"]);
  const read = async (address) => (await page.request.get(new URL(address, gateway).href)).text();
  assert.match(await read("/guide/"), /<title>Guide/);
  assert.match(await read("/docs"), /<h1>contact-gateway/);
  assert.match(await read("/schema.graphql"), /^type Query/m);
});

for (const panel of [
  "Documentation Explorer",
  "Sample Operations",
  "GraphiQL Explorer",
  "Token and Organization",
  "History",
]) {
  test(`the whole page is accessible with the panel ${panel}, in light, dark and narrow`, async () => {
    await page.getByRole("button", { name: `Show ${panel}` }).click();
    await assertAccessibleEverywhere();
    await page.getByRole("button", { name: `Hide ${panel}` }).click();
  });
}

test("on a narrow screen the response is below the editors, and everything can be reached", async () => {
  await page.setViewportSize(NARROW);
  assertSucceeded(await run());
  const [editors, response] = await Promise.all(
    [".graphiql-editors", ".graphiql-response"].map((part) => page.locator(part).boundingBox()),
  );
  assert.ok(response.y >= editors.y + editors.height, "side by side");
  assert.ok(editors.width > 350 && response.width > 350, `${editors.width} and ${response.width} px`);
  await page.locator(".cost").scrollIntoViewIfNeeded();
  await assertFitsWidth();
  if (options.screenshots) await page.screenshot({ path: `${options.screenshots}/graphiql-narrow.png` });
  await page.setViewportSize(WIDE);
});

test("light and dark follow the reader's system", async () => {
  await selectTab("Overview");
  assertSucceeded(await run());
  if (options.screenshots) await page.screenshot({ path: `${options.screenshots}/graphiql.png` });

  const light = await backgroundColor();
  await page.emulateMedia({ colorScheme: "dark" });
  assert.notEqual(await backgroundColor(), light);
  await page.locator(".graphiql-query-editor .monaco-editor.vs-dark").waitFor();
  await page.emulateMedia({ colorScheme: "light" });
});

test("the reader comes back to the same tabs, signed in anew, and no token was stored", async () => {
  const count = await tabs().count();
  await open();
  assert.equal(await tabs().count(), count);
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

  const count = await tabs().count();
  await open();
  assert.equal(await tabs().count(), count);
  assert.doesNotMatch(await editorText("request-headers.json"), /\{\{/);
  assertSucceeded(await run());
});

test("nothing left the gateway's origin, and the browser had nothing to complain about", () => {
  const elsewhere = requests.filter((url) => !url.startsWith("data:") && new URL(url).origin !== gateway.origin);
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(complaints, []);
});

async function assertFilledIn() {
  assert.doesNotMatch(await editorText("variables.json"), /\{\{(?!unique)/, "a placeholder was not filled in");
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

async function isSubscription(name) {
  return /^subscription /m.test(await readFile(new URL(`${name}.graphql`, operationsFolder), "utf8"));
}
