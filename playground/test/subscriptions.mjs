// Subscriptions in the playground: events as they come, and what is told when they stop.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import {
  assertAccessibleEverywhere,
  assertSucceeded,
  editorText,
  forgiveRefusal,
  gateway,
  options,
  page,
  replaceText,
  run,
  samples,
  selectTab,
  tabOf,
  WIDE,
} from "./browser.mjs";

const CREATE = `mutation ($input: CreateAccountContactInput!) {
  createAccountContact(input: $input) { accountContact { id } userErrors { message } }
}`;

/** Registers the tests. They begin and end with the tabs that are there. */
export function subscriptionTests() {
  test("a subscription shows each event as it comes, until it is stopped", async () => {
    await openSample();
    await listen();
    assert.equal(await editorText("response.json"), "");

    const first = await createContact();
    assert.deepEqual(changeIn(await response(first)), { contactId: first.id, email: first.email, action: "CREATED" });
    await told(/^1 event so far, the latest at /);
    const second = await createContact();
    assert.deepEqual(changeIn(await response(second)), { contactId: second.id, email: second.email, action: "CREATED" });
    await told(/^2 events so far, the latest at /);
    await assertAccessibleEverywhere();
    if (options.screenshots) await page.screenshot({ path: `${options.screenshots}/graphiql-subscription.png` });

    const closed = page.waitForEvent("requestfailed", isSubscribing);
    await page.getByRole("button", { name: /^Stop query/ }).click();
    await closed;
    await told(/^Stopped after 2 events\.$/);
    await createContact();
    await page.getByRole("button", { name: /^Execute query/ }).waitFor();
    assert.equal(changeIn(JSON.parse(await editorText("response.json"))).contactId, second.id);
  });

  test("the cursor of the last event goes on where it stopped", async () => {
    const { cursor } = JSON.parse(await editorText("response.json")).data.contactChanged;
    const variables = await editorText("variables.json");
    await replaceText("variables.json", JSON.stringify({ ...JSON.parse(variables), after: cursor }));
    // One was created after the stop.
    await page.locator(".graphiql-execute-button").click();
    await told(/^1 event so far/);
    const next = await createContact();
    await response(next);
    await told(/^2 events so far/);
    await page.locator(".graphiql-execute-button").click();
    await told(/^Stopped after 2 events\.$/);
    await replaceText("variables.json", variables);
  });

  test("all events are listed, the newest first; the list can be paused and cleared", async () => {
    await listen();
    const contacts = [await createContact(), await createContact()];
    await response(contacts[1]);
    assert.deepEqual(await listed(), [contacts[1].id, contacts[0].id]);

    await events().getByRole("button", { name: "Pause" }).click();
    const third = await createContact();
    await events().getByText("Paused: 1 new.").waitFor();
    assert.deepEqual(await listed(), [contacts[1].id, contacts[0].id]);
    assert.equal(changeIn(JSON.parse(await editorText("response.json"))).contactId, contacts[1].id);
    await events().getByRole("button", { name: "Resume" }).click();
    await response(third);
    assert.deepEqual(await listed(), [third.id, contacts[1].id, contacts[0].id]);

    await events().locator("summary").filter({ hasText: contacts[0].id }).click();
    const opened = await events().getByRole("region", { name: "Event 1", exact: true }).innerText();
    assert.equal(changeIn(JSON.parse(opened)).contactId, contacts[0].id);
    if (options.screenshots) await page.screenshot({ path: `${options.screenshots}/graphiql-events.png` });
    const { width } = await page.locator(".graphiql-response").boundingBox();
    assert.ok(width < WIDE.width / 2, `events make the response ${width} px wide`);
    await assertAccessibleEverywhere();

    await events().getByRole("button", { name: "Clear" }).click();
    assert.deepEqual(await listed(), []);
    const fourth = await createContact();
    await response(fourth);
    assert.deepEqual(await listed(), [fourth.id]);
    await page.locator(".graphiql-execute-button").click();
    await told(/^Stopped after 4 events\.$/);
    assert.deepEqual(await listed(), [fourth.id]);
  });

  test("the list keeps the latest events only", async (t) => {
    const event = (number) => `event: next\ndata: {"data":{"contactChanged":{"contactId":"ac_${number}"}}}\n\n`;
    await answerOnce(t, Array.from({ length: 105 }, (_, index) => event(index + 1)).join(""));
    await page.locator(".graphiql-execute-button").click();
    await told(/^The connection was lost after 105 events/);
    await events().getByText("The latest 100 of 105.").waitFor();
    assert.equal((await listed()).length, 100);
    assert.equal((await listed())[0], "ac_105");
  });

  test("an operation of another kind says nothing of the subscription any more", async () => {
    const query = await editorText("operation.graphql");
    await replaceText("operation.graphql", "{ viewer { subject } }");
    assertSucceeded(await run());
    await told(/^$/);
    assert.equal(await events().count(), 0);
    await replaceText("operation.graphql", query);
  });

  test("what refuses a subscription is told like the error of any operation", async () => {
    const [query, headers] = [await editorText("operation.graphql"), await editorText("request-headers.json")];
    await replaceText("operation.graphql", "subscription ContactChanged { contactChanged { shoeSize } }");
    await refused("GRAPHQL_VALIDATION_FAILED", 400);
    await replaceText("operation.graphql", query);
    await replaceText("request-headers.json", '{ "Authorization": "Bearer nonsense" }');
    await refused("UNAUTHENTICATED", 401);
    await replaceText("request-headers.json", headers);

    async function refused(code, status) {
      const { errors } = await run();
      assert.equal(errors[0].extensions.code, code);
      await errorsShown().getByText(code).waitFor();
      await errorsShown().getByText(errors[0].extensions.requestId).waitFor();
      await told(/^$/);
      forgiveRefusal(status);
    }
  });

  test("a connection that is cut is told of, and the last event stays", async (t) => {
    await answerOnce(t, 'event: next\ndata: {"data":{"contactChanged":{"contactId":"ac_1"}}}\n\nevent: ne');
    await page.locator(".graphiql-execute-button").click();
    await told(/^The connection was lost after 1 event, at .*: to resume, send the cursor/);
    assert.match(await editorText("response.json"), /ac_1/);
    await page.getByRole("button", { name: /^Execute query/ }).waitFor();
  });

  test("the end that the gateway gives is told of, with its reason", async (t) => {
    const reason = { errors: [{ message: "Too late.", extensions: { code: "UNAUTHENTICATED" } }] };
    await answerOnce(t, `:\n\nevent: next\ndata: ${JSON.stringify(reason)}\n\nevent: complete\ndata:\n\n`);
    await page.locator(".graphiql-execute-button").click();
    await told(/^The gateway ended the subscription after no events\.$/);
    await errorsShown().getByText("Too late.").waitFor();
  });

  test("a connection that is dead without being closed is told of", async (t) => {
    // With a clock of its own, whose 45 s are none for the gateway.
    const context = await page.context().browser().newContext();
    t.after(() => context.close());
    const other = await context.newPage();
    await other.clock.install();
    const query = "subscription { contactChanged { cursor } }";
    const operation = Buffer.from(JSON.stringify({ query })).toString("base64url");
    await other.goto(new URL(`/#operation=${operation}`, gateway).href);
    await other.locator(".graphiql-execute-button").click();
    await other.locator(".progress").filter({ hasText: "Connected since" }).waitFor();
    const closed = other.waitForEvent("requestfailed", isSubscribing);
    await other.clock.fastForward(45_000);
    await other.locator(".progress").filter({ hasText: /^The connection was lost after no events/ }).waitFor();
    await closed;
  });

  test("another organization ends the subscription of the one before", async () => {
    await listen();
    await page.getByRole("button", { name: "Show Token and Organization" }).click();
    const organization = page.getByRole("combobox", { name: "Organization" });
    const selected = await organization.inputValue();
    const other = schemaRead();
    await organization.selectOption({ index: 1 });
    await told(/^Stopped after no events\.$/);
    await other;
    // The reader closes the panel and goes on before the rows of the organization are there.
    const back = schemaRead();
    let goOn;
    const gone = new Promise((resolve) => (goOn = resolve));
    await page.route("**/graphql", (route) => gone.then(() => route.continue()));
    await organization.selectOption(selected);
    await page.getByRole("button", { name: "Hide Token and Organization" }).click();
    await page.getByRole("button", { name: "New tab" }).click();
    goOn();
    await back;
    await page.unroute("**/graphql");
    await closeTab();
    await selectTab("ContactChanged");
    assert.equal(JSON.parse(await editorText("request-headers.json"))["x-org-id"], selected);
  });

  test("a new tab ends the subscription of the one before", async () => {
    await listen();
    const closed = page.waitForEvent("requestfailed", isSubscribing);
    await page.getByRole("button", { name: "New tab" }).click();
    await closed;
    await told(/^Stopped after no events\.$/);
    await closeTab();
    await closeTab();
  });
}

/** Runs the operation of the active tab, and waits until the gateway listens. */
export async function listen() {
  await page.locator(".graphiql-execute-button").click();
  await told(/^Connected since .*: no event yet\.$/);
}

async function openSample() {
  await page.getByRole("button", { name: "Show Sample Operations" }).click();
  await samples().getByRole("button").filter({ has: page.getByText("contactChanged", { exact: true }) }).click();
  await tabOf("contactChanged").waitFor();
  await page.getByRole("button", { name: "Hide Sample Operations" }).click();
}

/** Answers with these events in the gateway's place, and closes the connection. */
async function answerOnce(t, body) {
  await page.route("**/graphql", (route) => route.fulfill({ contentType: "text/event-stream; charset=utf-8", body }));
  t.after(() => page.unroute("**/graphql"));
}

/** Waits until the schema is asked for, which is the last thing that the page does for another organization. */
function schemaRead() {
  return page.waitForRequest((request) => (request.postData() ?? "").includes("IntrospectionQuery"));
}

function closeTab() {
  return page.locator(".graphiql-tab-active").getByRole("button", { name: "Close Tab" }).click();
}

/** Waits until the line on the progress is like this. */
function told(text) {
  return page.locator(".progress").filter({ hasText: text }).waitFor({ state: text.test("") ? "attached" : "visible" });
}

/** The list of events. */
function events() {
  return page.getByRole("region", { name: "Events", exact: true });
}

/** The ids of the contacts in the list. */
async function listed() {
  const rows = await events().locator("summary code").allInnerTexts();
  return rows.map((row) => JSON.parse(row).contactChanged.contactId);
}

function errorsShown() {
  return page.getByRole("region", { name: "Errors of the last response" });
}

/** Creates a contact of its own in the reader's organization, as any other program would; answers its id and address. */
async function createContact() {
  const email = `${randomUUID()}@example.com`;
  const { endpoint, token, organizationId } = await (await fetch(new URL("/playground/session", gateway))).json();
  const answered = await fetch(new URL(endpoint, gateway), {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "x-org-id": organizationId, "content-type": "application/json" },
    body: JSON.stringify({ query: CREATE, variables: { input: { email, firstName: "Grace" } } }),
  });
  const { data, errors } = await answered.json();
  assertSucceeded({ data, errors });
  return { id: data.createAccountContact.accountContact.id, email };
}

/** The answer, once it is the event of this contact. */
async function response({ id }) {
  const text = await page.waitForFunction((part) => {
    const models = globalThis.__MONACO.editor.getModels();
    const shown = models.find((model) => model.uri.path.endsWith("response.json")).getValue();
    return shown.includes(part) && shown;
  }, id);
  return JSON.parse(await text.jsonValue());
}

function changeIn({ data, errors }) {
  assert.equal(errors, undefined);
  const { contactId, contact, change } = data.contactChanged;
  return { contactId, email: contact.email, action: change.action };
}

function isSubscribing(request) {
  return request.headers().accept === "text/event-stream";
}
