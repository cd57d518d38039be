// Which tabs the page opens with: those the reader left, else one for each of a few sample operations.
//
// GraphiQL compares the editors' initial text with its stored tabs and opens one more tab when none is the same, so
// the text is taken from the stored tab itself.

import { FIRST_SAMPLES } from "./operations.js";

const TABS = "graphiql:tabState";
const PERSIST_HEADERS = "graphiql:shouldPersistHeaders";

/** The tabs of the first samples, with ids in the place of their placeholders. */
export function sampleTabs({ fill }, headers) {
  return FIRST_SAMPLES.map(({ query, variables }) => ({
    query,
    variables: variables && fill(variables),
    headers: JSON.stringify(headers, null, 2),
  }));
}

/**
 * The properties of <GraphiQL> that decide about tabs and what the editors show first. An operation that is `shared` by
 * a link gets a tab in front of the reader's others.
 */
export function openingTabs(storage, samples, shared) {
  const [{ headers }] = samples;
  // Headers are kept only for readers who ask for it in the settings.
  const shouldPersistHeaders = storage.getItem(PERSIST_HEADERS) === "true";
  const stored = storedTab(storage, shouldPersistHeaders ? headers : null);
  const tab = shared ?? stored ?? samples[0];
  return {
    defaultTabs: shared ? [{ ...shared, headers }, ...samples] : samples,
    defaultHeaders: headers,
    shouldPersistHeaders,
    initialQuery: tab.query ?? "",
    initialVariables: tab.variables ?? "",
    initialHeaders: tab.headers ?? headers,
  };
}

/** The tab that was open last, with these headers where it was stored before headers were to be kept. */
function storedTab(storage, headers) {
  try {
    const state = JSON.parse(storage.getItem(TABS));
    const tab = state.tabs[state.activeTabIndex];
    tab.headers ??= headers;
    storage.setItem(TABS, JSON.stringify(state));
    return tab;
  } catch {
    return undefined;
  }
}
