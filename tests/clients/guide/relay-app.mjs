// Renders the guide's component for Relay in a simulated browser, and prints its list before and after a click on its
// button, and an event.

import { Window } from "happy-dom";

const window = new Window();
globalThis.window = window;
globalThis.document = window.document;
globalThis.navigator ??= window.navigator;

const { createElement } = await import("react");
const { createRoot } = await import("react-dom/client");
const { App } = await import("./build/out/ContactList.js");
const { environment } = await import("./build/out/environment.js");

const container = document.createElement("div");
document.body.append(container);
createRoot(container).render(createElement(App));

const rows = () => [...container.querySelectorAll("li")].map((row) => row.textContent);
const first = await rowsAfter(0);
container.querySelector("button").click();
const both = await rowsAfter(first.length);
console.log(JSON.stringify({ first, both, event: await nextEvent() }));
process.exit();

/** An event of a subscription that the environment sends. */
function nextEvent() {
  const text = "subscription Changed { contactChanged { contactId } }";
  const request = { name: "Changed", id: null, cacheID: "Changed", operationKind: "subscription", text, metadata: {} };
  const events = environment.getNetwork().execute(request, {}, {});
  return new Promise((resolve, reject) => events.subscribe({ next: ({ data }) => resolve(data.contactChanged), error: reject }));
}

/** The rows, as soon as there are more than this number. */
async function rowsAfter(count) {
  const deadline = Date.now() + 10_000;
  while (rows().length <= count) {
    if (Date.now() > deadline) throw new Error(`still ${rows().length} rows: ${container.innerHTML}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return rows();
}
