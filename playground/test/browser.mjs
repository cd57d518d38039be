// The browser that the tests look at the playground with, and what they do in it as a reader would.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

/** What the tests were started with. */
export const { values: options } = parseArgs({
  options: {
    url: { type: "string", default: process.env.GATEWAY_URL ?? "http://127.0.0.1:8080" },
    screenshots: { type: "string" },
  },
});

/** The gateway before which they run. */
export const gateway = new URL(options.url);

/** Everything that must not happen, as it is seen in any of the tests. */
export const complaints = [];

/** The addresses that were asked for. */
export const requests = [];

/** The workers that were started. */
export const workers = [];

/** The page, once the browser is there. */
export let page;

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let browser;

/** Starts the browser with an empty page. */
export async function launch() {
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
  const context = await browser.newContext({ viewport: WIDE, colorScheme: "light" });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
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
}

/** Ends it. */
export function close() {
  return browser?.close();
}

/** Opens the page and waits until it can be used: editors filled, schema read. */
export async function open(address = gateway.href) {
  const introspected = page.waitForResponse((response) => {
    return (response.request().postData() ?? "").includes("IntrospectionQuery");
  });
  await page.goto(address);
  await introspected;
  await page.locator(".graphiql-query-editor .view-line").first().waitFor();
  await page.locator(".result-window .monaco-editor").waitFor();
}

/** Goes to the tab of this title. */
export function selectTab(title) {
  return page.locator(".graphiql-tab-button").getByText(title, { exact: true }).click();
}

/** Clicks the run button and reads the answer. */
export async function run() {
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
export function editorText(file) {
  return page.evaluate((name) => {
    const models = globalThis.__MONACO.editor.getModels();
    return models.find((model) => model.uri.path.endsWith(name)).getValue();
  }, file);
}

/** Replaces the whole text of an editor. */
export function replaceText(file, text) {
  return page.evaluate(
    ([name, value]) => {
      const models = globalThis.__MONACO.editor.getModels();
      models.find((model) => model.uri.path.endsWith(name)).setValue(value);
    },
    [file, text],
  );
}

/** The text in the clipboard. */
export function clipboard() {
  return page.evaluate(() => navigator.clipboard.readText());
}

/** The widths of a wide and a narrow screen. */
export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 400, height: 800 };

/** What axe finds in the whole page, or in a part of it. */
export async function assertAccessible(selector) {
  // As a tool of the tester and not of the page, it is not bound by the page's policy.
  await page.evaluate(axe);
  const { violations } = await page.evaluate((part) => globalThis.axe.run(part ?? document), selector);
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`), []);
}

/** The same for the whole page in light, dark and narrow. */
export async function assertAccessibleEverywhere() {
  await assertAccessible();
  await setColorScheme("dark", "vs-dark");
  await assertAccessible();
  await setColorScheme("light", "vs");
  await page.setViewportSize(NARROW);
  await assertAccessible();
  await page.setViewportSize(WIDE);
}

/** Changes the colors, and waits until editors have those of the theme. */
async function setColorScheme(colorScheme, theme) {
  await page.emulateMedia({ colorScheme });
  await page.waitForFunction(
    (name) => [...document.querySelectorAll(".monaco-editor[data-uri]")].every(({ classList }) => classList.contains(name)),
    theme,
  );
  // The other colors change gradually.
  await page.waitForTimeout(300);
}

/** Fails if the page is wider than the screen. */
export async function assertFitsWidth() {
  const [clientWidth, scrollWidth] = await page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    return [clientWidth, scrollWidth];
  });
  assert.ok(scrollWidth <= clientWidth, `${scrollWidth} px on ${clientWidth} px`);
}

/** The tabs. */
export function tabs() {
  return page.getByRole("list", { name: "Select active operation" }).getByRole("listitem");
}

/** The list of samples. */
export function samples() {
  return page.getByRole("region", { name: "Sample operations", exact: true });
}

/** The active tab, as soon as it is that of a sample. */
export function tabOf(name) {
  return page.locator(".graphiql-tab-active").getByText(name[0].toUpperCase() + name.slice(1), { exact: true });
}

/** No errors, neither of the request nor of the input. */
export function assertSucceeded({ data, errors }) {
  assert.equal(errors, undefined);
  for (const [field, payload] of Object.entries(data)) {
    assert.notEqual(payload, null, field);
    if ("userErrors" in payload) assert.deepEqual(payload.userErrors, [], field);
  }
}

/** A browser complains of each request that is refused. */
export function forgiveRefusal(status) {
  const index = complaints.findIndex((text) => text.includes(`status of ${status}`));
  assert.notEqual(index, -1, complaints.join());
  complaints.splice(index, 1);
}
