// Contacts of an account in Relay's two ways of paging: a list of the root, and a list of an object that is refetched
// by its id. Relay's compiler makes the query for the next page of either.

import { graphql } from "relay-runtime";

/** The list of the root. */
export const rootQuery = graphql`
  query contactsRootQuery($accountId: ID!, $first: Int!) {
    ...contacts_root @arguments(accountId: $accountId, first: $first)
  }
`;

export const rootFragment = graphql`
  fragment contacts_root on Query
  @argumentDefinitions(accountId: { type: "ID!" }, first: { type: "Int!" }, after: { type: "String" })
  @refetchable(queryName: "contactsRootNextPageQuery") {
    contacts(first: $first, after: $after, filter: { accountId: $accountId })
      @connection(key: "contacts_root__contacts", filters: ["filter"]) {
      totalCount
      edges {
        node {
          id
          ...contacts_card
        }
      }
    }
  }
`;

/** The list of an account: `node(id:)` leads to its next page. */
export const accountQuery = graphql`
  query contactsAccountQuery($accountId: ID!, $first: Int!) {
    account(id: $accountId) {
      ...contacts_account @arguments(first: $first)
    }
  }
`;

export const accountFragment = graphql`
  fragment contacts_account on Account
  @argumentDefinitions(first: { type: "Int!" }, after: { type: "String" })
  @refetchable(queryName: "contactsAccountNextPageQuery") {
    contacts(first: $first, after: $after) @connection(key: "contacts_account__contacts", filters: []) {
      totalCount
      edges {
        node {
          id
          ...contacts_card
        }
      }
    }
  }
`;

/** What a list shows of a contact of any kind. */
export const card = graphql`
  fragment contacts_card on Contact {
    displayName
    email
  }
`;

export const renameMutation = graphql`
  mutation contactsRenameMutation($input: UpdateAccountContactInput!) {
    updateAccountContact(input: $input) {
      accountContact {
        id
        ...contacts_card
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`;
