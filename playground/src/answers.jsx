// Below the last operation's answer: how far a subscription has come, and what went wrong, each error with its code, its
// place, and the id of the request, under which the gateway's log tells more.

import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useState, useSyncExternalStore } from "react";

let latest = { errors: [], progress: "" };
const listeners = new Set();

/** Takes over the answer to an operation that the reader has sent, with a sentence on its progress if there is any. */
export function report({ data, errors }, progress = "") {
  tell({ errors: [...(errors ?? []).map(requestError), ...userErrors(data)], progress });
}

/** Takes over another sentence; the answer is that of before. */
export function tellProgress(progress) {
  tell({ ...latest, progress });
}

function tell(news) {
  latest = news;
  for (const listener of listeners) listener();
}

function requestError({ message, path, extensions = {} }) {
  const { code, requestId, argument } = extensions;
  return { code: code ?? "ERROR", message, place: (argument ?? path)?.join("."), requestId };
}

/** What mutations say of their inputs. */
function userErrors(data) {
  return Object.entries(data ?? {}).flatMap(([name, payload]) =>
    (Array.isArray(payload?.userErrors) ? payload.userErrors : []).map(({ code, message, field }) => ({
      code: code ?? "REFUSED",
      message: message ?? "The input was rejected.",
      place: [name, "input", ...(field ?? [])].join("."),
    })),
  );
}

function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** How far the subscription has come; nothing where the last operation was none. */
export function Progress() {
  const { progress } = useSyncExternalStore(subscribe, () => latest);
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

/** The errors of the last answer; nothing while there are none. */
export function Errors() {
  const { errors } = useSyncExternalStore(subscribe, () => latest);
  const requestId = errors.find((error) => error.requestId)?.requestId;
  return (
    <section aria-label="Errors of the last response" aria-live="polite" className="errors">
      {errors.length > 0 && (
        <>
          <ul>
            {errors.map(({ code, message, place }, index) => (
              // The answer is replaced as a whole.
              <li key={index}>
                <strong>{code}</strong> {place && <code>{place}</code>} <span>{message}</span>
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
