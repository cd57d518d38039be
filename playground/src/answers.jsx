// What went wrong with the last operation, below its answer: each error with its code, its place, and the id of the
// request, under which the gateway's log tells more.

import { useEffect, useState, useSyncExternalStore } from "react";

let latest = { errors: [] };
const listeners = new Set();

/** Takes over the answer to an operation that the reader has sent. */
export function report({ data, errors }) {
  latest = { errors: [...(errors ?? []).map(requestError), ...userErrors(data)] };
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
      message: message ?? "The input was refused.",
      place: [name, "input", ...(field ?? [])].join("."),
    })),
  );
}

function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The errors of the last answer; nothing while there are none. */
export function Errors() {
  const { errors } = useSyncExternalStore(subscribe, () => latest);
  const requestId = errors.find((error) => error.requestId)?.requestId;
  return (
    <section aria-label="Errors of the last answer" aria-live="polite" className="errors">
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
