// What this client asks. The generator finds the documents by the function `graphql`.

import { graphql } from "../generated/index.js";

export const ContactCard = graphql(`
  fragment ContactCard on Contact {
    id
    displayName
    email
    version
  }
`);

export const ContactList = graphql(`
  query ContactList($accountId: ID!, $first: Int!, $after: String) {
    contacts(first: $first, after: $after, filter: { accountId: $accountId }) {
      totalCount
      edges {
        cursor
        node {
          ...ContactCard
        }
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
    }
  }
`);

export const RenameContact = graphql(`
  mutation RenameContact($input: UpdateAccountContactInput!) {
    updateAccountContact(input: $input) {
      accountContact {
        ...ContactCard
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
        ...ContactCard
      }
    }
  }
`);
