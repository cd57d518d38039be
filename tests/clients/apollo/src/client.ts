// Apollo Client for this schema: what a front end would copy.

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import type { Client as SocketClient } from "graphql-ws";
import generated from "../generated/possible-types.js";

/** A list is another one when it is filtered or ordered otherwise; its pages are joined to one list. */
const list = () => relayStylePagination(["filter", "orderBy"]);

export function createClient(uri: string, headers: Record<string, string>): ApolloClient {
  return new ApolloClient({
    link: new HttpLink({ uri, headers }),
    cache: new InMemoryCache({
      // So that a fragment on the interface Contact matches each kind of contact.
      possibleTypes: generated.possibleTypes,
      typePolicies: {
        Query: {
          fields: {
            contacts: list(),
            internalContacts: list(),
            accountContacts: list(),
            organizationContacts: list(),
            partners: list(),
            accounts: list(),
          },
        },
        Account: { fields: { contacts: list() } },
        Partner: { fields: { assignments: list() } },
      },
    }),
  });
}

/** Subscriptions over the socket, and all else by HTTP as before. */
export function withSubscriptions(http: ApolloLink, socket: SocketClient): ApolloLink {
  const isSubscription = ({ operationType }: ApolloLink.Operation) => operationType === OperationTypeNode.SUBSCRIPTION;
  return ApolloLink.split(isSubscription, new GraphQLWsLink(socket), http);
}
