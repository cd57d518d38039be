// GraphiQL for this gateway: signed in by the gateway's development session, with a tab for each sample operation.

import "./workers.js";
import "./fonts.css";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./style.css";

import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import { createFetcher } from "./fetcher.js";
import { fetchSampleIds } from "./sample-rows.js";
import { fetchSession, sessionHeaders } from "./session.js";
import { createStorage } from "./storage.js";
import { openingTabs, sampleTabs } from "./tabs.js";

async function open() {
  // GraphiQL would begin to load the editor only once it is drawn.
  import("monaco-graphql/esm/monaco-editor.js");
  const session = await fetchSession();
  // Monaco measures letters once, so its font has to be there first.
  const [ids] = await Promise.all([fetchSampleIds(session), document.fonts.load('15px "Fira Code"')]);

  const storage = createStorage(session.token ? { ...ids, developmentToken: session.token } : ids);
  const tabs = openingTabs(storage, sampleTabs(ids, sessionHeaders(session)));

  createRoot(document.getElementById("playground")).render(
    <GraphiQL
      fetcher={createFetcher(session.endpoint, readHeaders(tabs.initialHeaders))}
      storage={storage}
      inputValueDeprecation
      schemaDescription
      showPersistHeadersSettings
      defaultEditorToolsVisibility={session.token ? "variables" : "headers"}
      {...tabs}
    >
      <GraphiQL.Logo>contact-gateway</GraphiQL.Logo>
    </GraphiQL>,
  );
}

/** The headers as the editor holds them; none while the reader's text is unfinished. */
function readHeaders(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

await open();
