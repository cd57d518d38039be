// What this client asks. The generator finds the documents by the function `graphql`.

import { graphql } from "../generated/index.js";

export const ContactsPage = graphql(`
  query ContactsPage($accountId: ID!, $first: Int!, $after: String) {
    contacts(first: $first, after: $after, filter: { accountId: $accountId }) {
      totalCount
      nodes {
        __typename
        id
        displayName
        email
        version
        ... on AccountContact {
          contactType {
            name
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const RenameContact = graphql(`
  mutation RenameContact($input: UpdateAccountContactInput!) {
    updateAccountContact(input: $input) {
      accountContact {
        id
        firstName
        displayName
        version
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export const ContactChanged = graphql(`
  subscription ContactChanged($ids: [ID!], $after: String) {
    contactChanged(ids: $ids, after: $after) {
      cursor
      contactId
      contact {
        __typename
        displayName
        email
      }
      change {
        action
        fields
      }
    }
  }
`);
