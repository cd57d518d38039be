// Somebody else was faster: what they made of the contact beside what the reader wants, and the choice between them.

import { useEffect, useRef } from "react";
import { FORMS, type Kind, type Values } from "./kinds";

interface Props {
  kind: Kind;
  before: Values;
  mine: Values;
  theirs: Values;
  onKeepMine: () => void;
  onTakeTheirs: () => void;
  /** Back to the form, as the reader left it. */
  onCancel: () => void;
}

export function ConflictDialog({ kind, before, mine, theirs, onKeepMine, onTakeTheirs, onCancel }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  const differing = FORMS[kind].fields.filter(({ name }) => mine[name] !== before[name] || theirs[name] !== before[name]);
  return (
    <dialog ref={dialog} aria-labelledby="conflict" onClose={onCancel}>
      <h2 id="conflict">This contact has changed meanwhile</h2>
      <table>
        <thead>
          <tr>
            <td />
            <th scope="col">It was</th>
            <th scope="col">Now it is</th>
            <th scope="col">You want</th>
          </tr>
        </thead>
        <tbody>
          {differing.map(({ name, label }) => (
            <tr key={name}>
              <th scope="row">{label}</th>
              <td data-column="It was">{before[name]}</td>
              <td data-column="Now it is">{theirs[name]}</td>
              <td data-column="You want">{mine[name]}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <footer>
        <button type="button" onClick={onTakeTheirs}>
          Discard my changes
        </button>
        <button type="button" className="primary" onClick={onKeepMine}>
          Write mine over it
        </button>
      </footer>
    </dialog>
  );
}
