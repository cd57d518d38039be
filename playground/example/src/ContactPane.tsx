// One contact: what is known of it, and a form that changes it.

import { useMutation, useQuery } from "@apollo/client/react";
import { useState } from "react";
import { ConflictDialog } from "./ConflictDialog";
import { ContactForm, readable } from "./ContactForm";
import type { ContactDetailQuery } from "./generated/graphql";
import { Heading } from "./Heading";
import { FORMS, displayName, patchOf, rebased, valuesOf, type Contact, type UserError, type Values } from "./kinds";
import { ContactDetail } from "./operations";
import { Problem } from "./Problem";
import { RestView } from "./RestView";

type Node = NonNullable<ContactDetailQuery["node"]>;
type Detail = Extract<Node, Contact>;

interface Props {
  id: string;
  onSelect: (id: string) => void;
  onClose: () => void;
}

export function ContactPane({ id, onSelect, onClose }: Props) {
  const { data, error, refetch } = useQuery(ContactDetail, { variables: { id }, fetchPolicy: "network-only" });
  const contact = data?.node && "displayName" in data.node ? (data.node as Detail) : undefined;
  if (error) return <Problem error={error} />;
  if (!contact) return <section className="pane empty">{data ? "There is no such contact." : "Loading …"}</section>;
  return (
    <section className="pane" aria-label={contact.displayName}>
      <Heading text={contact.displayName} onClose={onClose} />
      <p className="about">
        {FORMS[contact.__typename].label}, version {contact.version}
      </p>
      <Edit contact={contact} reread={async () => (await refetch()).data?.node as Contact | undefined} />
      <Facts contact={contact} onSelect={onSelect} />
      <RestView key={contact.version} contact={contact} />
    </section>
  );
}

/** What the reader wanted, and what the contact has become meanwhile. */
interface Conflict {
  wanted: Values;
  current: Contact;
}

function Edit({ contact, reread }: { contact: Contact; reread: () => Promise<Contact | undefined> }) {
  const kind = contact.__typename;
  // What the form began with. Others may have changed the contact since; `expectedVersion` finds that out.
  const [read, setRead] = useState(contact);
  const [errors, setErrors] = useState<UserError[]>([]);
  const [conflict, setConflict] = useState<Conflict>();
  const [update, { error }] = useMutation(FORMS[kind].update);

  const save = async (values: Values, from: Contact) => {
    const patch = patchOf(valuesOf(kind, from), values);
    if (Object.keys(patch).length === 0) return;
    const { data } = await update({
      variables: { input: { id: from.id, expectedVersion: from.version, ...patch } },
      // Shown at once everywhere, and taken back when the gateway refuses.
      optimisticResponse: {
        result: {
          __typename: FORMS[kind].payload,
          contact: { ...from, ...patch, displayName: displayName(kind, values), version: from.version + 1 } as Contact,
          userErrors: [],
        },
      },
    });
    if (!data?.result) return;
    const { contact: written, userErrors } = data.result;
    if (written) {
      setRead(written);
    } else if (userErrors.some(({ code }) => code === "CONFLICT")) {
      const current = await reread();
      if (current) setConflict({ wanted: values, current });
    }
    setErrors(userErrors.filter(({ code }) => code !== "CONFLICT"));
  };

  const settle = (current: Contact) => {
    setConflict(undefined);
    setRead(current);
  };
  return (
    <>
      <ContactForm
        // A new form where the contact has become another: its fields begin with what was read.
        key={read.version}
        kind={kind}
        isNew={false}
        values={valuesOf(kind, read)}
        errors={errors}
        submit="Save"
        onSubmit={(values) => save(values, read).catch(() => undefined)}
      />
      {error && <Problem error={error} />}
      {conflict && (
        <ConflictDialog
          kind={kind}
          before={valuesOf(kind, read)}
          mine={conflict.wanted}
          theirs={valuesOf(kind, conflict.current)}
          onKeepMine={() => {
            // Only what the reader changed is written; all else stays as the other has left it.
            const mine = rebased(valuesOf(kind, read), conflict.wanted, valuesOf(kind, conflict.current));
            settle(conflict.current);
            void save(mine, conflict.current).catch(() => undefined);
          }}
          onTakeTheirs={() => settle(conflict.current)}
          onCancel={() => setConflict(undefined)}
        />
      )}
    </>
  );
}

function Facts({ contact, onSelect }: { contact: Detail; onSelect: (id: string) => void }) {
  return (
    <dl>
      {contact.__typename === "InternalContact" && (
        <Fact name="Looks after">
          {contact.assignments?.nodes.map(({ id, internalRole, partner }) => (
            <li key={id}>
              {partner?.name ?? "No partner yet"}, {readable(internalRole)}
            </li>
          ))}
        </Fact>
      )}
      {contact.__typename === "AccountContact" && (
        <>
          <Fact name="Type">{[<li key="type">{contact.contactType.name}</li>]}</Fact>
          <Fact name="Accounts">{contact.accounts?.nodes.map(({ id, name }) => <li key={id}>{name}</li>)}</Fact>
        </>
      )}
      <Fact name="Same email address">
        {contact.relatedContacts?.nodes.map(({ id, displayName }) => (
          <li key={id}>
            <button type="button" onClick={() => onSelect(id)}>
              {displayName}
            </button>
          </li>
        ))}
      </Fact>
      <Fact name="History">
        {contact.history?.nodes.map(({ seq, at, actor, action }) => (
          <li key={seq}>
            {action.toLowerCase()} by {actor}, <time dateTime={at}>{new Date(at).toLocaleString()}</time>
          </li>
        ))}
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode[] | undefined }) {
  if (!children?.length) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <ul>{children}</ul>
      </dd>
    </>
  );
}
