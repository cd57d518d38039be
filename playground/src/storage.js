// Where GraphiQL keeps tabs, history and settings: the browser's storage, under a name of its own, because many
// tools are opened on the same address.
//
// The session's token and the sample ids are kept as placeholders. So no token is ever written to disk, and tabs
// and history come back with the token and the rows of today.

import { createLocalStorage } from "@graphiql/toolkit";

/** The storage for GraphiQL. */
export function createStorage({ fill, unfill }) {
  const storage = createLocalStorage({ namespace: "contact-gateway" });
  return {
    getItem: (key) => {
      const text = storage.getItem(key);
      return text === null ? null : fill(text);
    },
    setItem: (key, text) => storage.setItem(key, unfill(text)),
    removeItem: storage.removeItem,
    clear: storage.clear,
    get length() {
      return storage.length;
    },
  };
}
