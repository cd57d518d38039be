// The sample operations. Each is a file of playground/operations/, with its variables beside it.

const documents = import.meta.glob("../operations/*.graphql", { query: "?raw", import: "default", eager: true });
const variables = import.meta.glob("../operations/*.variables.json", { query: "?raw", import: "default", eager: true });

/** What the page opens with, in the order of the tabs. */
const FIRST = [
  "overview",
  "createInternalContact",
  "updateInternalContact",
  "updateInternalContactRole",
  "createAccountContact",
  "createOrganizationContact",
];

/** All of them by task, in the order of the list. */
const TASKS = {
  "Overview": ["overview", "viewer", "node", "nodes"],
  "Contacts of all kinds": ["contacts", "searchContacts", "contact", "contactsOfPartner"],
  "Internal contacts": [
    "internalContacts",
    "internalContactsByRole",
    "internalContact",
    "createInternalContact",
    "updateInternalContact",
    "deleteInternalContact",
    "restoreInternalContact",
  ],
  Assignments: [
    "internalContactAssignments",
    "floatingAssignments",
    "internalContactAssignment",
    "addInternalContactToPartner",
    "updateInternalContactRole",
    "attachInternalContactAssignment",
    "moveInternalContactAssignment",
    "removeInternalContactAssignment",
  ],
  Partners: ["partners", "partner", "createPartner", "updatePartner", "deletePartner", "restorePartner"],
  "Account contacts": [
    "accountContacts",
    "filterAccountContacts",
    "filterByCustomField",
    "accountContact",
    "createAccountContact",
    "updateAccountContact",
    "addAccountContactToAccount",
    "removeAccountContactFromAccount",
    "deleteAccountContact",
    "restoreAccountContact",
  ],
  Accounts: ["accounts", "account", "createAccount", "updateAccount", "deleteAccount", "restoreAccount"],
  "Organization contacts": [
    "organizationContacts",
    "organizationContact",
    "countries",
    "country",
    "createOrganizationContact",
    "updateOrganizationContact",
    "deleteOrganizationContact",
    "restoreOrganizationContact",
  ],
  "Contact types and custom fields": [
    "contactTypes",
    "createContactType",
    "updateContactType",
    "setDefaultContactType",
    "deleteContactType",
    "customFields",
    "createCustomField",
    "updateCustomField",
    "archiveCustomField",
  ],
  "Import and synchronize": [
    "upsertPartners",
    "upsertAccounts",
    "upsertAccountContacts",
    "upsertInternalContacts",
    "upsertInternalContactAssignments",
    "syncAccountContacts",
    "followChanges",
    "contactChanged",
  ],
  "Audit and clean up": ["changes", "trash", "mergeContacts", "eraseContact"],
  Organizations: ["organizations", "organization", "createOrganization", "updateOrganization"],
};

/** The samples of the tabs: `query` and, where the operation takes any, `variables` with placeholders. */
export const FIRST_SAMPLES = FIRST.map(sample);

/** All samples: each `task` with its `samples`, which also have a `name` and a `summary`. */
export const SAMPLES_BY_TASK = Object.entries(TASKS).map(([task, names]) => ({ task, samples: names.map(sample) }));

function sample(name) {
  const query = documents[`../operations/${name}.graphql`];
  return { name, summary: summary(query), query, variables: variables[`../operations/${name}.variables.json`] };
}

/** The first sentence of the comment on top. */
function summary(query) {
  const [comment] = query.match(/^(# .*\n)+/);
  return comment.replaceAll(/^# /gm, "").replaceAll("\n", " ").match(/^.*?[.:](?= )/)[0].replace(/:$/, ".");
}
