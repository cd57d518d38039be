// Relay's environment for this gateway: what a front end would copy.

import { Environment, Network, RecordSource, Store } from "relay-runtime";
import type { GraphQLResponse, RequestParameters, Variables } from "relay-runtime";

/** How an operation is sent: its text, or the id that the compiler has put into the manifest. */
export type Body = (request: RequestParameters, variables: Variables) => object;

export function createEnvironment(endpoint: string, headers: Record<string, string>, body: Body): Environment {
  const send = async (request: RequestParameters, variables: Variables): Promise<GraphQLResponse> => {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify(body(request, variables)),
    });
    return response.json();
  };
  return new Environment({ network: Network.create(send), store: new Store(new RecordSource()) });
}
