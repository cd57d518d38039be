// Links that carry an operation: in the part of the address after #, which browsers send to nobody. A link opens as a
// tab and runs nothing by itself; headers, and so tokens, are never in it.

import { pick, ToolbarButton, useGraphiQL } from "@graphiql/react";
import { useState } from "react";

const NAME = "operation";

/** What browsers and chats pass on without harm. */
const MOST_LETTERS = 30_000;

/** The address that opens with this operation. */
export function linkTo({ query, variables }) {
  const url = new URL(location.origin);
  url.hash = `${NAME}=${encode(JSON.stringify({ query, variables }))}`;
  return url.href;
}

/** The operation that the page's address carries, which is then taken from it; undefined when it carries none. */
export function takeFromAddress() {
  const [name, text] = location.hash.slice(1).split("=", 2);
  if (name !== NAME) return undefined;
  history.replaceState(null, "", location.pathname);
  try {
    const { query, variables } = JSON.parse(decode(text));
    return typeof query === "string" ? { query, variables: typeof variables === "string" ? variables : "" } : undefined;
  } catch {
    return undefined;
  }
}

/** Copies the link to the operation of the active tab. */
export function ShareButton() {
  const { queryEditor, variableEditor } = useGraphiQL(pick("queryEditor", "variableEditor"));
  const [told, setTold] = useState("");
  const copy = async () => {
    const link = linkTo({ query: queryEditor.getValue(), variables: variableEditor.getValue() });
    if (link.length > MOST_LETTERS) return setTold("The operation is too long for a link.");
    await navigator.clipboard.writeText(link);
    setTold("The link to this operation was copied to the clipboard.");
  };
  return (
    <>
      <ToolbarButton label="Copy link to this operation" onClick={copy}>
        <LinkIcon className="graphiql-toolbar-icon" aria-hidden="true" />
      </ToolbarButton>
      <span role="status" className="share-status" onAnimationEnd={() => setTold("")} key={told}>
        {told}
      </span>
    </>
  );
}

/** UTF-8 in the letters that addresses take as they are. */
function encode(text) {
  const letters = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decode(text) {
  const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder().decode(Uint8Array.from(letters, (letter) => letter.charCodeAt(0)));
}

function LinkIcon(props) {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" {...props}>
      <path d="M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7L12 17" />
    </svg>
  );
}
