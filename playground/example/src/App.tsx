// The page: a list on the left; one contact, a form for a new one or an import on the right. On a narrow screen either of them.

import { useEffect, useRef, useState } from "react";
import { ContactList } from "./ContactList";
import { ContactPane } from "./ContactPane";
import { Import } from "./Import";
import { NewContact } from "./NewContact";

type Shown = { pane: "nothing" } | { pane: "new" } | { pane: "import" } | { pane: "contact"; id: string };

export function App() {
  const [shown, setShown] = useState<Shown>({ pane: "nothing" });
  const list = useRef<HTMLDivElement>(null);
  const show = (id: string) => setShown({ pane: "contact", id });
  const close = () => {
    // The row that was open, which is there as soon as the list is visible.
    const row = list.current?.querySelector<HTMLElement>('[aria-current="true"]');
    setShown({ pane: "nothing" });
    requestAnimationFrame(() => (row ?? list.current?.querySelector("input"))?.focus());
  };
  useShortcuts(() => list.current?.querySelector("input")?.focus(), close);
  return (
    <main className={shown.pane === "nothing" ? undefined : "open"}>
      <h1 className="hidden">Contacts</h1>
      <div className="side" ref={list}>
        <ContactList
          selected={shown.pane === "contact" ? shown.id : undefined}
          onSelect={show}
          onNew={() => setShown({ pane: "new" })}
          onImport={() => setShown({ pane: "import" })}
        />
      </div>
      {shown.pane === "contact" && <ContactPane key={shown.id} id={shown.id} onSelect={show} onClose={close} />}
      {shown.pane === "new" && <NewContact onCreated={show} onClose={close} />}
      {shown.pane === "import" && <Import onClose={close} />}
      {shown.pane === "nothing" && <section className="pane empty">Select a contact, or make a new one.</section>}
    </main>
  );
}

/** `/` goes to the search, Escape closes what is open. In a field both are keys like others, and a dialog has its own Escape. */
function useShortcuts(search: () => void, close: () => void) {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (target.closest("dialog, input, select, textarea")) return;
      if (event.key === "Escape") close();
      if (event.key === "/") {
        event.preventDefault();
        search();
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}
