// What a reader should know at the first visit, until it is dismissed.

import { useState } from "react";

const DISMISSED = "note:dismissed";

/** The note. */
export function FirstVisitNote({ storage, session }) {
  const [isOpen, setOpen] = useState(storage.getItem(DISMISSED) !== "true");
  if (!isOpen) return null;
  const dismiss = () => {
    storage.setItem(DISMISSED, "true");
    setOpen(false);
  };
  return (
    <section aria-label="First steps" className="note">
      <ul>
        <li>Each tab has an operation that is ready to run. The sidebar lists more of them.</li>
        <li>
          {session.token
            ? "You are signed in for development. The key in the sidebar shows your token."
            : "Paste your token below the key in the sidebar."}
        </li>
        <li>
          The <a href="/guide/front-ends.html">guide for front-end developers</a> has code for each task.
        </li>
      </ul>
      <button type="button" onClick={dismiss}>
        Dismiss
      </button>
    </section>
  );
}
