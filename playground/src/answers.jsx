// Below the last operation's response: its cost, how far a subscription has come, and errors, each with its code, its path,
// and the id of the request, which identifies it in the gateway's log.

import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useState } from "react";
import { createStore, useStore } from "./store.js";

/** The page of the guide that explains the codes of errors. */
const CODES = "/guide/errors.html";

const store = createStore({ errors: [], progress: "", cost: undefined });

/** Takes over the response to an operation that the reader has sent, its cost, and a sentence on its progress. */
export function report({ data, errors }, { cost, progress = "" } = {}) {
  store.set({ errors: [...(errors ?? []).map(requestError), ...userErrors(data)], progress, cost });
}

/** Takes over another sentence; the response is that of before. */
export function tellProgress(progress) {
  store.set({ ...store.get(), progress });
}

function requestError({ message, path, extensions = {} }) {
  const { code, requestId, argument } = extensions;
  return { code, message, place: (argument ?? path)?.join("."), requestId };
}

/** What mutations say of their inputs. */
function userErrors(data) {
  return Object.entries(data ?? {}).flatMap(([name, payload]) =>
    (Array.isArray(payload?.userErrors) ? payload.userErrors : []).map(({ code, message, field }) => ({
      code,
      message: message ?? "The input was rejected.",
      place: [name, "input", ...(field ?? [])].join("."),
    })),
  );
}

/** The cost of the last response; nothing where the gateway has not computed one. */
export function Cost() {
  const { cost } = useStore(store);
  if (!cost) return null;
  const { requested, limit, rateLimit } = cost;
  return (
    <p className="cost">
      <a href="/guide/limits.html#cost" target="_blank" rel="noreferrer">
        Cost
      </a>
      : {points(requested)} of {points(limit)} points
      {rateLimit && `; ${points(rateLimit.left)} of ${points(rateLimit.burst)} left in the rate limit`}
    </p>
  );
}

function points(count) {
  return count.toLocaleString("en");
}

/** How far the subscription has come; nothing where the last operation was none. */
export function Progress() {
  const { progress } = useStore(store);
  const { tabs, activeTabIndex } = useGraphiQL(pick("tabs", "activeTabIndex"));
  const { stop } = useGraphiQLActions();
  // GraphiQL itself does so when the reader goes to another tab, but not when that is a new one.
  useEffect(() => stop, [tabs[activeTabIndex]?.id]);
  return (
    <p role="status" className="progress">
      {progress}
    </p>
  );
}

/** The errors of the last response; nothing while there are none. */
export function Errors() {
  const { errors } = useStore(store);
  const requestId = errors.find((error) => error.requestId)?.requestId;
  return (
    <section aria-label="Errors of the last response" aria-live="polite" className="errors" tabIndex={errors.length > 0 ? 0 : undefined}>
      {errors.length > 0 && (
        <>
          <ul>
            {errors.map(({ code, message, place }, index) => (
              // The response is replaced as a whole.
              <li key={index}>
                <Code code={code} /> {place && <code>{place}</code>} <span>{message}</span>
              </li>
            ))}
          </ul>
          {requestId && (
            <p>
              Request <code>{requestId}</code> <CopyButton key={requestId} text={requestId} />
            </p>
          )}
        </>
      )}
    </section>
  );
}

/** The code with a link to its explanation. An error of something between the browser and the gateway has none. */
function Code({ code }) {
  if (!code) return <strong>ERROR</strong>;
  return (
    <a href={`${CODES}#${code.toLowerCase()}`} target="_blank" rel="noreferrer">
      {code}
    </a>
  );
}

function CopyButton({ text }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    const timer = copied && setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
  };
  return (
    <button type="button" onClick={copy}>
      {copied ? "Copied" : "Copy the id"}
    </button>
  );
}
