// GraphiQL for this gateway: signed in by the gateway's development session, with sample operations in tabs and as a list.

import "./workers.js";
import "./fonts.css";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./style.css";

import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import { createFetcher } from "./fetcher.js";
import { createPlaceholders } from "./placeholders.js";
import { fetchValues } from "./sample-rows.js";
import { createSamplesPlugin } from "./samples.jsx";
import { fetchSession, sessionHeaders } from "./session.js";
import { createStorage } from "./storage.js";
import { openingTabs, sampleTabs } from "./tabs.js";

async function open() {
  // GraphiQL would begin to load the editor only once it is drawn.
  import("monaco-graphql/esm/monaco-editor.js");
  const session = await fetchSession();
  const placeholders = createPlaceholders();
  const learn = async () => placeholders.learn(await fetchValues(session));
  // Monaco measures letters once, so its font has to be there first.
  await Promise.all([learn(), document.fonts.load('15px "Fira Code"')]);

  const storage = createStorage(placeholders);
  const tabs = openingTabs(storage, sampleTabs(placeholders, sessionHeaders(session)));
  const samples = createSamplesPlugin(async (text) => {
    // The rows of the last time may be deleted by now.
    await learn();
    return placeholders.fill(text);
  });

  createRoot(document.getElementById("playground")).render(
    <GraphiQL
      fetcher={createFetcher(session.endpoint, readHeaders(tabs.initialHeaders))}
      storage={storage}
      plugins={[samples, HISTORY_PLUGIN]}
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
