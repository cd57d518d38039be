// All kinds of contacts in one list: searched, filtered, and loaded in pages while the reader scrolls.

import { NetworkStatus } from "@apollo/client";
import { useQuery } from "@apollo/client/react";
import { useContext, useEffect, useRef, useState, type KeyboardEvent } from "react";
import type { ContactFilter, ContactKind, ContactOrder } from "./generated/graphql";
import { Headers } from "./headers";
import { FORMS } from "./kinds";
import * as operations from "./operations";
import { Problem } from "./Problem";
import { exportRecords, save, type Kind } from "./transfer";

const KINDS: Record<string, ContactKind[]> = {
  All: [],
  "Our people": ["INTERNAL"],
  Customers: ["ACCOUNT"],
  Cards: ["ORGANIZATION"],
};

/** What is exported of them. */
const EXPORTS: Record<string, Kind> = {
  "Our people": "internal-contacts",
  Customers: "account-contacts",
  Cards: "organization-contacts",
};

const BY_NAME: ContactOrder[] = [{ field: "DISPLAY_NAME", direction: "ASC" }];

interface Props {
  selected: string | undefined;
  onSelect: (id: string) => void;
  onNew: () => void;
  onImport: () => void;
}

export function ContactList({ selected, onSelect, onNew, onImport }: Props) {
  const [search, setSearch] = useState("");
  const [kind, setKind] = useState("All");
  const variables = useSettled(listVariables(search.trim(), KINDS[kind] ?? []), 200);
  const { data, previousData, error, networkStatus, fetchMore } = useQuery(operations.ContactList, {
    variables,
    notifyOnNetworkStatusChange: true,
  });
  const contacts = (data ?? previousData)?.contacts;
  const loadingMore = networkStatus === NetworkStatus.fetchMore;
  const loadMore = () => {
    if (!loadingMore) void fetchMore({ variables: { after: contacts?.pageInfo.endCursor } });
  };

  return (
    <section className="list" aria-label="Contacts">
      <header>
        <h2>Contacts</h2>
        <button type="button" onClick={onNew}>
          New contact
        </button>
        <div className="transfer">
          <button type="button" onClick={onImport}>
            Import
          </button>
          <Export kind={EXPORTS[kind]} search={search.trim()} />
        </div>
        <input
          type="search"
          aria-label="Search contacts"
          placeholder="Name, email, phone or company"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <fieldset>
          <legend className="hidden">Kind</legend>
          {Object.keys(KINDS).map((name) => (
            <label key={name}>
              <input type="radio" name="kind" checked={kind === name} onChange={() => setKind(name)} />
              <span>{name}</span>
            </label>
          ))}
        </fieldset>
        <p className="keys">
          <kbd>/</kbd> search, <kbd>↑</kbd> <kbd>↓</kbd> move, <kbd>Enter</kbd> open, <kbd>Esc</kbd> close
        </p>
        <p role="status">{contacts ? counted(contacts.totalCount) : "Loading …"}</p>
      </header>
      {error && <Problem error={error} />}
      <div className="rows" tabIndex={-1}>
        <ul onKeyDown={moveBetweenRows}>
          {contacts?.edges.map(({ node }) => (
            <li key={node.id}>
              <button type="button" aria-current={node.id === selected} onClick={() => onSelect(node.id)}>
                <strong>{node.displayName}</strong>
                <span>{node.email}</span>
                <small className={node.__typename}>{FORMS[node.__typename].label}</small>
              </button>
            </li>
          ))}
        </ul>
        {contacts?.pageInfo.hasNextPage && <LoadMore key={contacts.pageInfo.endCursor} onVisible={loadMore} />}
      </div>
    </section>
  );
}

/** A button that saves what the list shows of one kind. */
function Export({ kind, search }: { kind: Kind | undefined; search: string }) {
  const headers = useContext(Headers);
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<Error>();
  const run = async (kind: Kind) => {
    setRunning(true);
    setError(undefined);
    try {
      save(await exportRecords(headers, kind, search), `${kind}.csv`);
    } catch (failure) {
      setError(failure as Error);
    }
    setRunning(false);
  };
  return (
    <>
      <button
        type="button"
        disabled={!kind || isRunning}
        title={kind ? undefined : "Select a kind of contacts first"}
        onClick={() => kind && run(kind)}
      >
        Export
      </button>
      {error && <Problem error={error} />}
    </>
  );
}

/** The arrow keys, Home and End move between the rows. */
function moveBetweenRows(event: KeyboardEvent<HTMLUListElement>) {
  const rows = [...event.currentTarget.querySelectorAll("button")];
  const row = rows.indexOf(document.activeElement as HTMLButtonElement);
  const steps: Record<string, number> = { ArrowDown: row + 1, ArrowUp: row - 1, Home: 0, End: rows.length - 1 };
  const next = rows[steps[event.key] ?? -1];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function counted(count: number): string {
  return count === 1 ? "1 contact" : `${count} contacts`;
}

/** Without an order, what matches a search best comes first. */
function listVariables(search: string, kinds: ContactKind[]) {
  const filter: ContactFilter = {};
  if (search) filter.search = search;
  if (kinds.length > 0) filter.kind = { in: kinds };
  return search ? { filter } : { filter, orderBy: BY_NAME };
}

/** The value, once it has stayed the same for so many milliseconds. */
function useSettled<Value>(value: Value, milliseconds: number): Value {
  const [settled, setSettled] = useState(value);
  const text = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(text)), milliseconds);
    return () => clearTimeout(timer);
  }, [text, milliseconds]);
  return settled;
}

/** A button below the last row, which presses itself when it comes into view. */
function LoadMore({ onVisible }: { onVisible: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const press = useRef(onVisible);
  press.current = onVisible;
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && press.current());
    observer.observe(button.current!);
    return () => observer.disconnect();
  }, []);
  return (
    <button ref={button} type="button" className="more" onClick={onVisible}>
      Load more
    </button>
  );
}
