// The example front end in a real browser, before a running gateway in development mode:
//
//     GATEWAY_URL=http://127.0.0.1:8080 npm test
//
// CHROMIUM names another browser than /usr/bin/chromium, SCREENSHOTS a folder for pictures. The contacts that the tests
// change are their own.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cp, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { preview } from "vite";

const root = new URL("..", import.meta.url).pathname;
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const { SCREENSHOTS } = process.env;

let browser;
let server;
let page;
let send;
const complaints = [];

before(async () => {
  server = await preview({ root, logLevel: "warn", preview: { host: "127.0.0.1", port: 0 } });
  const origin = server.resolvedUrls.local[0];
  send = await signIn(origin);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--disable-gpu", "--no-sandbox", "--disable-background-networking"],
  });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

beforeEach(async () => {
  await page?.context().close();
  page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: "light" });
  page.setDefaultTimeout(15_000);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(server.resolvedUrls.local[0]);
  await rows().first().waitFor();
});

test("the list scrolls to its end, page by page, without a gap or a repeat", async () => {
  const total = await totalCount();
  assert.ok(total > 60, `${total} contacts are too few to scroll through`);
  for (let scrolls = 0; scrolls < 200 && (await rows().count()) < total; scrolls += 1) {
    const before = await rows().count();
    await rows().last().scrollIntoViewIfNeeded();
    await page.waitForFunction((count) => document.querySelectorAll(".rows li").length > count, before);
  }
  assert.equal(await rows().count(), total);
  assert.equal(await page.getByRole("button", { name: "Load more" }).count(), 0);
  const expected = await allContacts();
  assert.equal(expected.length, total);
  assert.deepEqual(await shownNames(), expected.map(({ displayName }) => displayName));
});

test("a search and a kind narrow the list", async () => {
  const { lastName, contact } = await createContact();
  await page.getByRole("searchbox").fill(lastName);
  await countIs(1);
  assert.deepEqual(await shownNames(), [contact.displayName]);
  await page.getByText("Our people", { exact: true }).click();
  await countIs(0);
  await page.getByText("Customers", { exact: true }).click();
  await countIs(1);
});

test("a new contact: errors stand beside their fields, then it is there", async () => {
  const lastName = unique();
  await page.getByRole("button", { name: "New contact" }).click();
  await page.getByLabel("Last name").fill(lastName);
  await page.getByLabel("Email").fill("nobody");
  await page.getByLabel("Phone").fill("030 1234");
  await page.getByRole("button", { name: "Create" }).click();
  await errorOf("First name").filter({ hasText: /required|blank/i }).waitFor();
  await errorOf("Email").filter({ hasText: /address/ }).waitFor();
  await errorOf("Phone").filter({ hasText: /country code/ }).waitFor();
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/example-errors.png` });

  await page.getByLabel("First name").fill("Zoe");
  await page.getByLabel("Email").fill(`${lastName}@example.com`);
  await page.getByLabel("Phone").fill("");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name: `Zoe ${lastName}` }).waitFor();
});

test("each kind has its form", async () => {
  await page.getByRole("button", { name: "New contact" }).click();
  await page.getByLabel("Kind", { exact: true }).selectOption("Internal contact");
  const familyName = unique();
  await page.getByLabel("Family name").fill(familyName);
  await page.getByLabel("Email").fill(`${familyName}@example.com`);
  await page.getByLabel("Role").selectOption("Co lead");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name: familyName }).waitFor();
  await page.getByText("No partner yet, Co lead").waitFor();

});

test("a field that the gateway would reject is not offered", async () => {
  await page.getByRole("button", { name: "New contact" }).click();
  await page.getByLabel("Kind", { exact: true }).selectOption("Organization contact");
  const order = page.getByLabel("Purchase order number");
  assert.equal(await order.count(), 0);
  await page.getByLabel("Purpose").selectOption("Invoice address");
  await order.fill("PO-1");
  // Its text is not sent when the field is not offered any more.
  await page.getByLabel("Purpose").selectOption("Technical");
  assert.equal(await order.count(), 0);
  const name = unique();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name }).waitFor();
  assert.equal(await order.count(), 0);

  await page.getByRole("button", { name: "New contact" }).click();
  await page.getByLabel("Kind", { exact: true }).selectOption("Organization contact");
  await page.getByLabel("Purpose").selectOption("Invoice address");
  await page.getByLabel("Name", { exact: true }).fill(`${name}2`);
  await order.fill("PO-1");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { name: `${name}2` }).waitFor();
  assert.equal(await order.inputValue(), "PO-1");
});

test("a contact of each kind is read over REST too, with its version", async () => {
  for (const kind of ["InternalContact", "AccountContact", "OrganizationContact"]) {
    await rows().filter({ has: page.locator(`.${kind}`) }).first().getByRole("button").click();
    await page.locator(`.pane .about`).waitFor();
    const [version] = (await page.locator(".pane .about").innerText()).match(/\d+$/);
    await page.getByText("The same contact over REST").click();
    await page.locator(".rest").getByText(`200, ETag "${version}"`).waitFor();
    const shown = JSON.parse(await page.getByRole("region", { name: "Response" }).innerText());
    assert.ok(shown.id);
    await assertAccessible();
  }
});

test("by keyboard: search, move, open, and back to the row", async () => {
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.type), "search");
  assert.equal(await page.getByRole("searchbox").inputValue(), "");
  await rows().first().getByRole("button").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.locator(".pane h2:focus").waitFor();
  const [, second] = await shownNames();
  assert.equal(await page.locator(".pane h2").innerText(), second);
  await page.keyboard.press("Escape");
  await page.locator(".pane.empty").waitFor();
  await page.waitForFunction(
    (name) => document.activeElement.querySelector("strong")?.textContent === name,
    second,
  );
});

test("a narrow screen has the list or one contact, and a way back", async () => {
  const { lastName, contact } = await createContact();
  await page.setViewportSize({ width: 400, height: 800 });
  await fits();
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/example-narrow-list.png` });
  await openFound(lastName);
  assert.equal(await rows().first().isVisible(), false);
  await fits();
  await assertAccessible();
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/example-narrow.png` });

  await changeElsewhere(contact, { firstName: "Edsger" });
  await page.getByLabel("First name").fill("Grace");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").waitFor();
  await fits();
  await assertAccessible();
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Close" }).click();
  await rows().first().waitFor();
  assert.equal(await page.locator(".pane").isVisible(), false);

  async function fits() {
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.equal(tooWide, false);
  }
});

test("a copy of the folder with the schema beside it is a front end of its own", async (t) => {
  const copy = await mkdtemp(path.join(tmpdir(), "example-"));
  t.after(() => rm(copy, { recursive: true, force: true }));
  for (const name of ["src", "codegen.ts", "index.html", "package.json", "tsconfig.json", "vite.config.ts"]) {
    await cp(path.join(root, name), path.join(copy, name), { recursive: true });
  }
  await rm(path.join(copy, "src/generated"), { recursive: true });
  await cp(path.join(root, "../../schema.graphql"), path.join(copy, "schema.graphql"));
  await symlink(path.join(root, "node_modules"), path.join(copy, "node_modules"));
  await promisify(execFile)("npm", ["run", "build"], { cwd: copy });
});

test("an edit shows at once, before the gateway has answered", async () => {
  const { lastName } = await createContact();
  await openFound(lastName);
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route("**/graphql", async (route) => {
    if (route.request().postData().includes("UpdateAccountContact")) await held;
    await route.continue();
  });
  await page.getByLabel("First name").fill("Grace");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: `Grace ${lastName}` }).waitFor();
  assert.deepEqual(await shownNames(), [`Grace ${lastName}`]);
  const answered = updateAnswered();
  release();
  await answered;
  await page.unroute("**/graphql");
  assert.equal((await contactNamed(lastName)).displayName, `Grace ${lastName}`);
});

test("a refused edit is taken back, and its error stands beside the field", async () => {
  const { lastName, contact } = await createContact();
  await openFound(lastName);
  await page.getByLabel("Email").fill("nobody");
  await page.getByRole("button", { name: "Save" }).click();
  await errorOf("Email").filter({ hasText: /address/ }).waitFor();
  await page.getByText("version 1").waitFor();
  assert.equal((await contactNamed(lastName)).email, contact.email);
});

test("a conflict is shown; the reader's changes are written over the other's, and nothing else", async () => {
  const { lastName, contact } = await createContact();
  await openFound(lastName);
  await changeElsewhere(contact, { firstName: "Edsger", phone: "+12025550143" });
  await page.getByLabel("First name").fill("Grace");
  await page.getByRole("button", { name: "Save" }).click();
  const dialog = page.getByRole("dialog", { name: "This contact has changed meanwhile" });
  await dialog.getByRole("cell", { name: "Edsger" }).waitFor();
  await dialog.getByRole("cell", { name: "Grace" }).waitFor();
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/example-conflict.png` });
  await assertAccessible();

  const answered = updateAnswered();
  await dialog.getByRole("button", { name: "Write mine over it" }).click();
  await answered;
  await page.getByText("version 3").waitFor();
  const written = await contactNamed(lastName);
  assert.equal(written.displayName, `Grace ${lastName}`);
  assert.equal(written.phone, "+12025550143");
});

test("a conflict can be put off, and comes back with the next attempt", async () => {
  const { lastName, contact } = await createContact();
  await openFound(lastName);
  await changeElsewhere(contact, { firstName: "Edsger" });
  await page.getByLabel("First name").fill("Grace");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  assert.equal(await page.getByLabel("First name").inputValue(), "Grace");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").waitFor();
});

test("a conflict can be left as the other wants it", async () => {
  const { lastName, contact } = await createContact();
  await openFound(lastName);
  await changeElsewhere(contact, { firstName: "Edsger" });
  await page.getByLabel("First name").fill("Grace");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Discard my changes" }).click();
  await page.getByRole("heading", { name: `Edsger ${lastName}` }).waitFor();
  assert.equal(await page.getByLabel("First name").inputValue(), "Edsger");
  assert.equal((await contactNamed(lastName)).version, 2);
});

test("a file is previewed, imported and exported; rejected rows can be downloaded and mended", async () => {
  const lastName = unique();
  const row = (number) => `${lastName}${number}@example.com,"Zoe, ${number}",${lastName}`;
  const content = ["email,First Name,Last Name", row(1), row(2), `nobody,Bo,${lastName}`].join("\n");
  await page.getByRole("button", { name: "Import" }).click();
  await page.getByLabel("CSV, JSON Lines or vCards").setInputFiles({
    name: "people.csv",
    mimeType: "text/csv",
    buffer: Buffer.from(content),
  });
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("2 created, 0 updated, 0 unchanged, 1 rejected").waitFor();
  await page.getByRole("cell", { name: "email", exact: true }).waitFor();
  await assertAccessible();
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/example-import.png` });
  await page.getByRole("searchbox").fill(lastName);
  await countIs(0);
  await page.locator(".pane").getByRole("button", { name: "Import" }).click();
  await page.getByText("Done: 2 created").waitFor();
  await countIs(2);

  const rejects = await downloaded("Download rejected rows");
  assert.match(rejects, /reject_reason,email,First Name,Last Name\r\n4,email,.*nobody,Bo/);
  await page.getByLabel("CSV, JSON Lines or vCards").setInputFiles({
    name: "rejects.csv",
    mimeType: "text/csv",
    buffer: Buffer.from(rejects.replace("nobody,", `${lastName}3@example.com,`)),
  });
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("1 created, 0 updated, 0 unchanged, 0 rejected").waitFor();
  await page.locator(".pane").getByRole("button", { name: "Import" }).click();
  await countIs(3);

  assert.equal(await page.getByRole("button", { name: "Export" }).isDisabled(), true);
  await page.getByRole("region", { name: "Contacts" }).getByText("Customers", { exact: true }).click();
  const exported = await downloaded("Export");
  assert.equal(exported.trimEnd().split("\r\n").length, 4);
  assert.ok(exported.includes(`"Zoe, 1",${lastName}`), exported);
});

test("list, contact and form are accessible, light and dark, and by keyboard", async () => {
  await page.getByRole("searchbox").focus();
  await page.keyboard.press("Tab"); // the kinds
  await page.keyboard.press("Tab"); // the first row
  await page.keyboard.press("Enter");
  await page.locator(".pane h2").waitFor();
  assert.equal(await page.locator(".pane h2").innerText(), (await shownNames())[0]);
  await assertAccessible();
  await rows().filter({ has: page.locator(".InternalContact") }).first().getByRole("button").click();
  await page.getByText("Looks after").waitFor();
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/example.png` });
  await assertAccessible();
  await page.emulateMedia({ colorScheme: "dark" });
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/example-dark.png` });
  await assertAccessible();
  await page.getByRole("button", { name: "New contact" }).click();
  await assertAccessible();
});

test("the browser had nothing to complain about", () => assert.deepEqual(complaints, []));

/** The text of the file that a button saves. */
async function downloaded(button) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button }).click(),
  ]);
  return readFile(await download.path(), "utf8");
}

function rows() {
  return page.locator(".rows li");
}

function shownNames() {
  return page.locator(".rows strong").allInnerTexts();
}

async function totalCount() {
  return Number.parseInt(await page.getByRole("status").innerText(), 10);
}

function countIs(count) {
  return page.getByRole("status").filter({ hasText: new RegExp(`^${count} contacts?$`) }).waitFor();
}

function errorOf(label) {
  return page.locator(".field", { has: page.getByLabel(label) }).getByRole("alert");
}

function updateAnswered() {
  return page.waitForResponse((response) => response.request().postData()?.includes("UpdateAccountContact"));
}

async function openFound(lastName) {
  await page.getByRole("searchbox").fill(lastName);
  await countIs(1);
  await rows().getByRole("button").click();
  await page.getByRole("button", { name: "Save" }).waitFor();
}

async function assertAccessible() {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`), []);
}

/** One word that no other contact has. */
function unique() {
  return `test${randomUUID().replaceAll("-", "").slice(0, 12)}`;
}

/** Sends operations as another program does that is signed in to the same organization. */
async function signIn(origin) {
  const { token, organizationId } = await (await fetch(new URL("/playground/session", origin))).json();
  const headers = { authorization: `Bearer ${token}`, "x-org-id": organizationId, "content-type": "application/json" };
  return async (query, variables) => {
    const body = JSON.stringify({ query, variables });
    const response = await fetch(new URL("/graphql", origin), { method: "POST", headers, body });
    const { data, errors } = await response.json();
    assert.equal(errors, undefined);
    return data;
  };
}

async function createContact() {
  const lastName = unique();
  const { createAccountContact } = await send(
    `mutation ($input: CreateAccountContactInput!) {
      createAccountContact(input: $input) { accountContact { id displayName email version } userErrors { message } }
    }`,
    { input: { firstName: "Zoe", lastName, email: `${lastName}@example.com` } },
  );
  assert.deepEqual(createAccountContact.userErrors, []);
  return { lastName, contact: createAccountContact.accountContact };
}

async function changeElsewhere({ id }, patch) {
  const { updateAccountContact } = await send(
    `mutation ($input: UpdateAccountContactInput!) { updateAccountContact(input: $input) { userErrors { message } } }`,
    { input: { id, ...patch } },
  );
  assert.deepEqual(updateAccountContact.userErrors, []);
}

async function contactNamed(lastName) {
  const { contacts } = await send(
    "query ($search: String) { contacts(filter: { search: $search }) { nodes { displayName email phone version } } }",
    { search: lastName },
  );
  assert.equal(contacts.nodes.length, 1);
  return contacts.nodes[0];
}

async function allContacts() {
  const contacts = [];
  let after;
  do {
    const page = await send(
      `query ($after: String) {
        contacts(first: 100, after: $after, orderBy: [{ field: DISPLAY_NAME }]) {
          nodes { id displayName } pageInfo { hasNextPage endCursor }
        }
      }`,
      { after },
    );
    contacts.push(...page.contacts.nodes);
    after = page.contacts.pageInfo.hasNextPage ? page.contacts.pageInfo.endCursor : undefined;
  } while (after);
  return contacts;
}
