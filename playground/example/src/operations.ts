// Everything that this front end asks of the gateway.

import { graphql } from "./generated";

/** What the forms edit, of a contact of any kind, with the version that was read. */
export const ContactFields = graphql(`
  fragment ContactFields on Contact {
    id
    displayName
    email
    phone
    version
    ... on InternalContact {
      givenName
      familyName
      jobTitle
    }
    ... on AccountContact {
      firstName
      lastName
    }
    ... on OrganizationContact {
      type
      name
      department
      purchaseOrderNumber
    }
  }
`);

export const ContactList = graphql(`
  query ContactList($filter: ContactFilter, $orderBy: [ContactOrder!], $after: String) {
    contacts(first: 25, after: $after, filter: $filter, orderBy: $orderBy) {
      totalCount
      edges {
        node {
          ...ContactFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const ContactDetail = graphql(`
  query ContactDetail($id: ID!) {
    node(id: $id) {
      id
      ... on Contact {
        ...ContactFields
        updatedAt
        relatedContacts(first: 5) {
          nodes {
            id
            displayName
          }
        }
        history(last: 5) {
          nodes {
            seq
            at
            actor
            action
          }
        }
      }
      ... on InternalContact {
        assignments(first: 10) {
          nodes {
            id
            internalRole
            partner {
              id
              name
            }
          }
        }
      }
      ... on AccountContact {
        contactType {
          id
          name
        }
        accounts(first: 10) {
          nodes {
            id
            name
          }
        }
      }
    }
  }
`);

// Every write answers in the same form: `result { contact userErrors }`, by way of aliases.

export const CreateInternalContact = graphql(`
  mutation CreateInternalContact($input: CreateInternalContactInput!) {
    result: createInternalContact(input: $input) {
      contact: internalContact {
        ...ContactFields
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export const CreateAccountContact = graphql(`
  mutation CreateAccountContact($input: CreateAccountContactInput!) {
    result: createAccountContact(input: $input) {
      contact: accountContact {
        ...ContactFields
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export const CreateOrganizationContact = graphql(`
  mutation CreateOrganizationContact($input: CreateOrganizationContactInput!) {
    result: createOrganizationContact(input: $input) {
      contact: organizationContact {
        ...ContactFields
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export const UpdateInternalContact = graphql(`
  mutation UpdateInternalContact($input: UpdateInternalContactInput!) {
    result: updateInternalContact(input: $input) {
      contact: internalContact {
        ...ContactFields
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export const UpdateAccountContact = graphql(`
  mutation UpdateAccountContact($input: UpdateAccountContactInput!) {
    result: updateAccountContact(input: $input) {
      contact: accountContact {
        ...ContactFields
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);

export const UpdateOrganizationContact = graphql(`
  mutation UpdateOrganizationContact($input: UpdateOrganizationContactInput!) {
    result: updateOrganizationContact(input: $input) {
      contact: organizationContact {
        ...ContactFields
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`);
