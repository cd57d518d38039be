// The sample operations of the tabs, in their order. Each is a file of playground/operations/, with its variables
// beside it.

const documents = import.meta.glob("../operations/*.graphql", { query: "?raw", import: "default", eager: true });
const variables = import.meta.glob("../operations/*.variables.json", { query: "?raw", import: "default", eager: true });

const NAMES = [
  "overview",
  "createInternalContact",
  "updateInternalContact",
  "updateInternalContactRole",
  "createAccountContact",
  "createOrganizationContact",
];

/** The samples: `query` and, where the operation takes any, `variables` with placeholders. */
export const operations = NAMES.map((name) => ({
  query: documents[`../operations/${name}.graphql`],
  variables: variables[`../operations/${name}.variables.json`],
}));
