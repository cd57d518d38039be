// What GraphiQL leaves out.

import { pick, useGraphiQL } from "@graphiql/react";
import { useEffect, useRef } from "react";

/** The explorer, opening at its top: it focuses each argument of the operation, the last of them far below. */
export function mendExplorer(plugin) {
  const Content = plugin.content;
  return {
    ...plugin,
    content: () => (
      <AtTop>
        <Mended mend={labelInputs}>
          <Content />
        </Mended>
      </AtTop>
    ),
  };
}

/** The history, whose items are called by the operation that a reader sees. */
export function mendHistory(plugin) {
  const Content = plugin.content;
  return { ...plugin, content: () => <Mended mend={nameItems}><Content /></Mended> };
}

function AtTop({ children }) {
  // Only the page moves the focus before the reader has done anything.
  const isUsed = useRef(false);
  useEffect(() => {
    const use = () => (isUsed.current = true);
    addEventListener("keydown", use, true);
    addEventListener("pointerdown", use, true);
    return () => {
      removeEventListener("keydown", use, true);
      removeEventListener("pointerdown", use, true);
    };
  }, []);
  const goToTop = ({ currentTarget, target }) => {
    if (isUsed.current || target === currentTarget) return;
    currentTarget.focus({ preventScroll: true });
    currentTarget.closest(".graphiql-plugin").scrollTop = 0;
  };
  return (
    <div tabIndex={-1} className="explorer" onFocusCapture={goToTop}>
      {children}
    </div>
  );
}

/** Calls `mend` with the element around the children, whenever they have changed. */
function Mended({ mend, children }) {
  const content = useRef(null);
  useEffect(() => {
    const observer = new MutationObserver(() => mend(content.current));
    observer.observe(content.current, { childList: true, subtree: true });
    mend(content.current);
    return () => observer.disconnect();
  }, []);
  return <div ref={content}>{children}</div>;
}

function labelInputs(explorer) {
  for (const input of explorer.querySelectorAll(":is(input, select):not([aria-label])")) {
    input.ariaLabel = input.closest("[data-arg-name]")?.dataset.argName ?? (input.placeholder || "Kind of operation");
  }
}

function nameItems(history) {
  for (const item of history.querySelectorAll(".graphiql-history-item-label[aria-label]")) item.removeAttribute("aria-label");
}

/**
 * Makes the tabs a list, of which one item is current: as elements with the role tab they could not contain their buttons,
 * which a screen reader would not find.
 */
export function TabsAsList() {
  const { tabs, activeTabIndex } = useGraphiQL(pick("tabs", "activeTabIndex"));
  useEffect(() => {
    const list = document.querySelector(".graphiql-tabs");
    list.setAttribute("role", "list");
    for (const [index, item] of [...list.children].entries()) {
      item.setAttribute("role", "listitem");
      item.removeAttribute("aria-selected");
      item.setAttribute("aria-current", index === activeTabIndex);
    }
    const session = document.querySelector("#graphiql-session");
    session.setAttribute("role", "region");
    session.setAttribute("aria-label", "Operation and response");
    session.removeAttribute("aria-labelledby");
  }, [tabs, activeTabIndex]);
  return null;
}

/** Colors with enough contrast for comments, numbers, types and arguments, by the base of a theme. */
const READABLE = {
  "vs-dark": [{ token: "comment", foreground: "#8fbf78" }],
  vs: [
    { token: "number", foreground: "#076b45" },
    { token: "type.identifier", foreground: "#006b6b" },
    { token: "argument.identifier.gql", foreground: "#504cb8" },
  ],
};

/** Adds these colors to the themes, which GraphiQL defines later, and changes the theme whenever the system does. */
export function mendThemes({ editor }) {
  const defineTheme = editor.defineTheme;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => {
    const isChosen = document.body.matches(".graphiql-light, .graphiql-dark");
    if (!isChosen) editor.setTheme(matches ? "graphiql-DARK" : "graphiql-LIGHT");
  });
  editor.defineTheme = (name, theme) => defineTheme(name, { ...theme, rules: [...theme.rules, ...READABLE[theme.base]] });
}
