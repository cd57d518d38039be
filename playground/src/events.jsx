// All events of a subscription, the newest first, below the response. The reader can pause and clear the list. While it is
// paused, events are received and counted, and neither the list nor the response changes.

import { pick, useGraphiQL } from "@graphiql/react";
import { useEffect, useState } from "react";
import { createStore, useStore } from "./store.js";

/** How many events the list keeps. */
const KEPT = 100;

/** `paused` holds the list as it was at the pause, with the number of events until then. */
const NOTHING = { run: 0, events: [], received: 0, running: false, paused: undefined };

const store = createStore(NOTHING);

/** Shows an event as the response. */
let present = () => undefined;

/** Empties the list, because another operation was sent; a subscription says how its events are presented. */
export function beginEvents(presentEvent) {
  present = presentEvent ?? (() => undefined);
  store.set({ ...NOTHING, run: store.get().run + 1, running: Boolean(presentEvent) });
}

/** Adds an event, and presents it unless the list is paused. */
export function addEvent(answered) {
  const state = store.get();
  const event = { number: state.received + 1, time: new Date().toLocaleTimeString(), answered };
  store.set({ ...state, received: event.number, events: [event, ...state.events].slice(0, KEPT) });
  if (!state.paused) present(answered);
}

/** The subscription has ended. */
export function endEvents() {
  resume();
  store.set({ ...store.get(), running: false });
}

function pause() {
  const { events, received } = store.get();
  store.set({ ...store.get(), paused: { events, received } });
}

function resume() {
  const { paused, events, received } = store.get();
  if (!paused) return;
  store.set({ ...store.get(), paused: undefined });
  if (received > paused.received && events.length > 0) present(events[0].answered);
}

function clear() {
  const { paused, received } = store.get();
  store.set({ ...store.get(), events: [], paused: paused && { events: [], received } });
}

/** The list; nothing where the active tab has sent no subscription. */
export function Events() {
  const { run, events, received, running, paused } = useStore(store);
  const { tabs, activeTabIndex } = useGraphiQL(pick("tabs", "activeTabIndex"));
  const activeTab = tabs[activeTabIndex]?.id;
  const [owner, setOwner] = useState();
  useEffect(() => setOwner(activeTab), [run]);
  const list = paused?.events ?? events;
  if (owner !== activeTab || received === 0) return null;
  return (
    <section aria-label="Events" className="events">
      <header>
        <h2>Events</h2>
        <span role="status">{summary({ list, received, paused })}</span>
        {running && (
          <button type="button" aria-pressed={Boolean(paused)} onClick={paused ? resume : pause}>
            {paused ? "Resume" : "Pause"}
          </button>
        )}
        <button type="button" onClick={clear} disabled={list.length === 0}>
          Clear
        </button>
      </header>
      <ol>
        {list.map(({ number, time, answered }) => (
          <li key={number}>
            <details>
              <summary>
                <span>{number}</span> <time>{time}</time> <code>{JSON.stringify(answered.data)}</code>
              </summary>
              <pre tabIndex={0} role="region" aria-label={`Event ${number}`}>
                {JSON.stringify(answered, null, 2)}
              </pre>
            </details>
          </li>
        ))}
      </ol>
    </section>
  );
}

function summary({ list, received, paused }) {
  if (paused) return `Paused: ${received - paused.received} new.`;
  return list.length < received ? `The latest ${list.length} of ${received}.` : "";
}
