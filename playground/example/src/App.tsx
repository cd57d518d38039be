// The page: a list on the left, one contact, a form for a new one or an import on the right.

import { useState } from "react";
import { ContactList } from "./ContactList";
import { ContactPane } from "./ContactPane";
import { Import } from "./Import";
import { NewContact } from "./NewContact";

type Shown = { pane: "nothing" } | { pane: "new" } | { pane: "import" } | { pane: "contact"; id: string };

export function App() {
  const [shown, setShown] = useState<Shown>({ pane: "nothing" });
  const show = (id: string) => setShown({ pane: "contact", id });
  return (
    <main>
      <ContactList
        selected={shown.pane === "contact" ? shown.id : undefined}
        onSelect={show}
        onNew={() => setShown({ pane: "new" })}
        onImport={() => setShown({ pane: "import" })}
      />
      {shown.pane === "contact" && <ContactPane key={shown.id} id={shown.id} onSelect={show} />}
      {shown.pane === "new" && <NewContact onCreated={show} />}
      {shown.pane === "import" && <Import />}
      {shown.pane === "nothing" && <section className="pane empty">Select a contact, or make a new one.</section>}
    </main>
  );
}
