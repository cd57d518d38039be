// GraphiQL for this gateway: signed in by the gateway's development session, with sample operations in tabs and as a list.

import "./workers.js";
import "./fonts.css";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./style.css";

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import { Cost, Errors, Progress } from "./answers.jsx";
import { Events } from "./events.jsx";
import { createFetcher } from "./fetcher.js";
import { createIdentityPlugin, NewTabHeaders } from "./identity.jsx";
import { mendExplorer, mendHistory, mendThemes, TabsAsList } from "./mends.jsx";
import { FirstVisitNote } from "./note.jsx";
import { createPlaceholders } from "./placeholders.js";
import { References } from "./references.jsx";
import { fetchValues } from "./sample-rows.js";
import { createSamplesPlugin } from "./samples.jsx";
import { fetchSession, sessionHeaders } from "./session.js";
import { ShareButton, takeFromAddress } from "./share.jsx";
import { createStorage } from "./storage.js";
import { openingTabs, sampleTabs } from "./tabs.js";

async function open() {
  // GraphiQL would begin to load the editor only once it is drawn.
  void import("monaco-graphql/esm/monaco-editor.js").then(mendThemes);
  const session = await fetchSession();
  const placeholders = createPlaceholders();
  // Whom the reader has become in the panel.
  let reader = session;
  const learn = async () => placeholders.learn(await fetchValues(reader));
  // Monaco measures letters once, so its font has to be there first.
  await Promise.all([learn(), document.fonts.load('15px "Fira Code"')]);

  const storage = createStorage(placeholders);
  const tabs = openingTabs(storage, sampleTabs(placeholders, sessionHeaders(session)), takeFromAddress());
  const samples = createSamplesPlugin(async (text) => {
    // The rows of the last time may be deleted by now.
    await learn();
    return placeholders.fill(text);
  });
  const identity = createIdentityPlugin({
    session,
    learn: async (next) => {
      reader = next;
      await learn();
    },
    refill: (text) => placeholders.fill(placeholders.unfill(text)),
  });

  createRoot(document.getElementById("playground")).render(
    <GraphiQL
      fetcher={createFetcher(session.endpoint, readHeaders(tabs.initialHeaders))}
      storage={storage}
      plugins={[samples, mendExplorer(explorerPlugin()), identity, mendHistory(HISTORY_PLUGIN)]}
      inputValueDeprecation
      schemaDescription
      showPersistHeadersSettings
      defaultEditorToolsVisibility={session.token ? "variables" : "headers"}
      {...tabs}
    >
      <GraphiQL.Logo>
        <References restDocs={session.restDocs} />
      </GraphiQL.Logo>
      <GraphiQL.Toolbar>
        {({ prettify, copy, merge }) => (
          <>
            {prettify}
            {merge}
            {copy}
            <ShareButton />
            <TabsAsList />
            <NewTabHeaders opening={tabs.defaultHeaders} now={() => JSON.stringify(sessionHeaders(reader), null, 2)} />
          </>
        )}
      </GraphiQL.Toolbar>
      <GraphiQL.Footer>
        <FirstVisitNote storage={storage} session={session} />
        <Progress />
        <Cost />
        <Errors />
        <Events />
      </GraphiQL.Footer>
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
