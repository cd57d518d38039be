// A value that components display and other code changes.

import { useSyncExternalStore } from "react";

/** A store that begins with this value. */
export function createStore(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The current value of a store, in a component. */
export function useStore(store) {
  return useSyncExternalStore(store.subscribe, store.get);
}
