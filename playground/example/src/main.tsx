// Signs in, makes the client, shows the page.

import { ApolloProvider } from "@apollo/client/react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { createClient } from "./client";
import "./style.css";

// A gateway in development mode hands out a token. In production this is where your login comes in.
const session = await (await fetch("/playground/session")).json();
const client = createClient(session.endpoint, {
  authorization: `Bearer ${session.token}`,
  "x-org-id": session.organizationId,
});

createRoot(document.getElementById("app")!).render(
  <ApolloProvider client={client}>
    <App />
  </ApolloProvider>,
);
