// The list of all sample operations, in GraphiQL's sidebar: by task, to be searched, each opened in a tab of its own.

import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useState } from "react";
import { SAMPLES_BY_TASK } from "./operations.js";

/** The plugin for GraphiQL; `fillIn` puts ids in the place of their placeholders. */
export function createSamplesPlugin(fillIn) {
  return {
    title: "Sample Operations",
    icon: SamplesIcon,
    content: () => <Samples fillIn={fillIn} />,
  };
}

function Samples({ fillIn }) {
  const [search, setSearch] = useState("");
  const [status, setStatus] = useState("");
  const openInTab = useTabs();
  const open = async ({ name, query, variables = "" }) => {
    openInTab(query, await fillIn(variables));
    setStatus(`${name} was opened in a new tab.`);
  };
  const tasks = matching(search);
  return (
    <section aria-label="Sample operations" className="samples">
      <h2>Sample Operations</h2>
      <input
        type="search"
        aria-label="Find a sample operation"
        placeholder="Find by name, task or text"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      {tasks.map(({ task, samples }) => (
        <section key={task} aria-label={task}>
          <h3>{task}</h3>
          <ul>
            {samples.map((sample) => (
              <li key={sample.name}>
                <button type="button" onClick={() => open(sample)}>
                  <code>{sample.name}</code>
                  <span>{sample.summary}</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
      <p role="status">{tasks.length > 0 ? status : "No sample matches."}</p>
    </section>
  );
}

/** The tasks and samples in which every word of the search appears. */
function matching(search) {
  const words = search.toLowerCase().split(/\s+/);
  const matches = (text) => words.every((word) => text.toLowerCase().includes(word));
  return SAMPLES_BY_TASK.map(({ task, samples }) => ({
    task,
    samples: samples.filter(({ name, summary }) => matches(`${task} ${name} ${summary}`)),
  })).filter(({ samples }) => samples.length > 0);
}

/** Opens a tab with an operation and its variables, and keeps the active tab in view. */
function useTabs() {
  const { addTab, updateActiveTabValues } = useGraphiQLActions();
  const { queryEditor, variableEditor, activeTabIndex } = useGraphiQL(
    pick("queryEditor", "variableEditor", "activeTabIndex"),
  );
  useEffect(() => {
    document.querySelector(".graphiql-tab-active")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [activeTabIndex]);
  return (query, variables) => {
    addTab();
    queryEditor.setValue(query);
    variableEditor.setValue(variables);
    // The editors tell of changes a moment later; the tab has its title at once.
    updateActiveTabValues({ query, variables });
  };
}

function SamplesIcon(props) {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" {...props}>
      <path d="M4 6h.01M8 6h12M4 12h.01M8 12h12M4 18h.01M8 18h12" />
    </svg>
  );
}
