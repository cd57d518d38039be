// A form for a new contact of a kind that the reader chooses.

import { useMutation } from "@apollo/client/react";
import { useState } from "react";
import { ContactForm } from "./ContactForm";
import { Heading } from "./Heading";
import { FORMS, KINDS, inputOf, valuesOf, type Kind, type UserError, type Values } from "./kinds";
import { ContactList } from "./operations";
import { Problem } from "./Problem";

interface Props {
  onCreated: (id: string) => void;
  onClose: () => void;
}

export function NewContact({ onCreated, onClose }: Props) {
  const [kind, setKind] = useState<Kind>("AccountContact");
  return (
    <section className="pane" aria-label="New contact">
      <Heading text="New contact" onClose={onClose} />
      <div className="field">
        <label htmlFor="kind">Kind</label>
        <select id="kind" value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
          {KINDS.map((each) => (
            <option key={each} value={each}>
              {FORMS[each].label}
            </option>
          ))}
        </select>
      </div>
      <NewContactOf key={kind} kind={kind} onCreated={onCreated} />
    </section>
  );
}

function NewContactOf({ kind, onCreated }: { kind: Kind; onCreated: (id: string) => void }) {
  const [errors, setErrors] = useState<UserError[]>([]);
  // Sent again after a lost answer, the same key makes no second contact.
  const [idempotencyKey, setKey] = useState(() => crypto.randomUUID());
  const [create, { error }] = useMutation(FORMS[kind].create, { refetchQueries: [ContactList] });

  const submit = async (values: Values) => {
    const input = { ...inputOf(kind, values), idempotencyKey };
    const { data } = await create({ variables: { input } });
    if (!data?.result) return;
    setErrors(data.result.userErrors);
    setKey(crypto.randomUUID());
    if (data.result.contact) onCreated(data.result.contact.id);
  };

  return (
    <>
      <ContactForm kind={kind} isNew values={valuesOf(kind)} errors={errors} submit="Create" onSubmit={submit} />
      {error && <Problem error={error} />}
    </>
  );
}
