// Changes for subscriptions to tell of.

import assert from "node:assert/strict";
import { send } from "./gateway.mjs";

const RENAME = `mutation ($input: UpdateAccountContactInput!) {
  updateAccountContact(input: $input) { userErrors { message } }
}`;

/** Gives an account contact another first name, which is all of its name. */
export async function rename(id, firstName) {
  const { updateAccountContact } = await send(RENAME, { input: { id, firstName } });
  assert.deepEqual(updateAccountContact.userErrors, []);
}

/** Renames a contact again and again until an event has come, which alone says that they do. Answers it. */
export async function ringUntil(event, id) {
  let rings = 0;
  const ringing = setInterval(() => rename(id, `Ring ${++rings}`), 100);
  return event.finally(() => clearInterval(ringing));
}
