// Signs in, makes the client, shows the page.

import { ApolloProvider } from "@apollo/client/react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { createClient } from "./client";
import { Headers } from "./headers";
import "./style.css";

// A gateway in development mode hands out a token. In production this is where your login comes in.
const session = await (await fetch("/playground/session")).json();
const headers = { authorization: `Bearer ${session.token}`, "x-org-id": session.organizationId };
const client = createClient(session.endpoint, headers);

createRoot(document.getElementById("app")!).render(
  <ApolloProvider client={client}>
    <Headers value={headers}>
      <App />
    </Headers>
  </ApolloProvider>,
);
