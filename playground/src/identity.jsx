// The panel for token and organization, in GraphiQL's sidebar: what the token says, until when it is good, and which of
// its organizations is selected. It writes the headers that the reader sees in the headers editor, of every tab.

import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useState } from "react";
import { claimsOf, expiry, organizationNumbers } from "./claims.js";
import { send } from "./request.js";

const ORGANIZATIONS = "{ viewer { organizations(first: 100) { nodes { id name } } } }";

/** The plugin for GraphiQL. `learn` finds the sample ids of another session, `refill` puts them in a text. */
export function createIdentityPlugin({ session, learn, refill }) {
  return {
    title: "Token and Organization",
    icon: KeyIcon,
    content: () => <Identity session={session} learn={learn} refill={refill} />,
  };
}

function Identity({ session, learn, refill }) {
  const headers = useHeaders();
  const replaceHeaders = useReplaceHeaders(refill);
  const token = headers.authorization?.replace(/^Bearer\s+/i, "") ?? "";
  const claims = claimsOf(token);
  const selected = headers["x-org-id"] ?? "";
  const organizations = useOrganizations(session.endpoint, token, claims, selected);

  const use = async (change) => {
    const next = { endpoint: session.endpoint, token, organizationId: selected, ...change };
    await learn(next);
    replaceHeaders(next);
  };
  return (
    <section aria-label="Token and organization" className="identity">
      <h2>Token and Organization</h2>
      {claims ? <Claims claims={claims} /> : <p>The headers contain no valid JSON Web Token.</p>}
      {claims && (
        <label>
          Organization
          <select value={selected} onChange={(event) => use({ organizationId: event.target.value })}>
            {!organizations.some(({ id }) => id === selected) && (
              <option value={selected}>{selected || "the token's only organization"}</option>
            )}
            {organizations.map(({ id, name }) => (
              <option key={id} value={id}>
                {name} ({id})
              </option>
            ))}
          </select>
        </label>
      )}
      <TokenForm onUse={(text) => use({ token: text, organizationId: firstOrganization(claimsOf(text)) })} />
    </section>
  );
}

function Claims({ claims }) {
  const now = useNow();
  const { text, past } = expiry(claims, now);
  return (
    <dl>
      <dt>Subject</dt>
      <dd>{claims.sub}</dd>
      <dt>Scopes</dt>
      <dd>{claims.scope || "none"}</dd>
      <dt>Organizations</dt>
      <dd>{organizationNumbers(claims).join(", ") || "none"}</dd>
      <dt>Issuer</dt>
      <dd>{claims.iss}</dd>
      <dt>Expires</dt>
      <dd className={past ? "past" : undefined}>{text}</dd>
    </dl>
  );
}

function TokenForm({ onUse }) {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const submit = (event) => {
    event.preventDefault();
    const token = text.trim().replace(/^Bearer\s+/i, "");
    if (!claimsOf(token)) return setProblem("This is not a JSON Web Token.");
    setProblem("");
    setText("");
    onUse(token);
  };
  return (
    <form onSubmit={submit}>
      <label>
        Another token
        <textarea
          value={text}
          rows={4}
          spellCheck={false}
          autoComplete="off"
          placeholder="eyJ…"
          aria-invalid={problem !== ""}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <button type="submit">Use this token</button>
      <p role="alert">{problem}</p>
    </form>
  );
}

/** The headers of the active tab by their names in small letters, also while the reader writes them. */
function useHeaders() {
  const { headerEditor } = useGraphiQL(pick("headerEditor"));
  const [text, setText] = useState(headerEditor?.getValue() ?? "");
  useEffect(() => {
    if (!headerEditor) return undefined;
    setText(headerEditor.getValue());
    const listener = headerEditor.onDidChangeModelContent(() => setText(headerEditor.getValue()));
    return () => listener.dispose();
  }, [headerEditor]);
  return parse(text);
}

function parse(text) {
  try {
    return Object.fromEntries(Object.entries(JSON.parse(text)).map(([name, value]) => [name.toLowerCase(), value]));
  } catch {
    return {};
  }
}

/** Tabs and editors as they are now: by when the panel needs them it may be closed. */
const latest = {};

/** Writes token and organization into the headers of every tab, and today's sample ids into its variables. */
function useReplaceHeaders(refill) {
  const { moveTab, introspect, stop } = useGraphiQLActions();
  return (session) => {
    // A subscription would go on with what it was opened with.
    stop();
    const { tabs, activeTabIndex, headerEditor, variableEditor } = latest;
    const headers = (text) => JSON.stringify(withSession(text, session), null, 2);
    const [activeHeaders, activeVariables] = [headers(headerEditor.getValue()), refill(variableEditor.getValue())];
    const other = (tab) => ({ ...tab, headers: headers(tab.headers), variables: refill(tab.variables ?? "") });
    // The one action that takes tabs. It knows the active one by its identity, so that is set by the editors.
    moveTab(tabs.map((tab, index) => (index === activeTabIndex ? tab : other(tab))));
    headerEditor.setValue(activeHeaders);
    variableEditor.setValue(activeVariables);
    introspect();
  };
}

/** Gives a new tab, which GraphiQL fills with the headers of the beginning, those of now. It is always there. */
export function NewTabHeaders({ opening, now }) {
  Object.assign(latest, useGraphiQL(pick("tabs", "activeTabIndex", "headerEditor", "variableEditor")));
  const { headerEditor, activeTabIndex, tabs } = latest;
  useEffect(() => {
    if (headerEditor?.getValue() === opening && now() !== opening) headerEditor.setValue(now());
  }, [headerEditor, activeTabIndex, tabs.length]);
  return null;
}

/** The reader's other headers stay. */
function withSession(text, { token, organizationId }) {
  const others = Object.entries(parse(text ?? "")).filter(([name]) => !["authorization", "x-org-id"].includes(name));
  const headers = { Authorization: `Bearer ${token}`, ...Object.fromEntries(others) };
  return organizationId ? { ...headers, "x-org-id": organizationId } : headers;
}

/** The organizations of the token with their names, as far as it may read them. */
function useOrganizations(endpoint, token, claims, selected) {
  const [organizations, setOrganizations] = useState([]);
  useEffect(() => {
    let current = true;
    const known = organizationNumbers(claims).map((number) => ({ id: `org_${number}`, name: `Organization ${number}` }));
    setOrganizations(known);
    const headers = { Authorization: `Bearer ${token}`, ...(selected && { "x-org-id": selected }) };
    if (known.length > 0) {
      send(endpoint, { query: ORGANIZATIONS }, headers)
        .then(({ data }) => current && setOrganizations(data?.viewer?.organizations?.nodes ?? known))
        .catch(() => undefined);
    }
    return () => {
      current = false;
    };
  }, [endpoint, token]);
  return organizations;
}

function firstOrganization(claims) {
  const [number] = organizationNumbers(claims);
  return number === undefined ? "" : `org_${number}`;
}

function useNow() {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function KeyIcon(props) {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" {...props}>
      <path d="M14 10a4 4 0 1 0-4 4 4 4 0 0 0 4-4ZM13 13l7 7M17 17l2-2" />
    </svg>
  );
}
