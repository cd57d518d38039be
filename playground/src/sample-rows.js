// Rows of the signed-in organization that stand for the id placeholders of the sample operations.

import { send } from "./fetcher.js";
import { sessionHeaders } from "./session.js";

/** Enough rows to find an assignment whose role the sample of updateInternalContactRole can change. */
const SAMPLE_ROWS = `query SampleRows {
  internalContacts(first: 1) { nodes { id } }
  accounts(first: 2) { nodes { id } }
  partners(first: 10) {
    nodes { id assignments(first: 10) { nodes { id internalRole internalContact { id } } } }
  }
}`;

/** The role that the sample sets. */
const SAMPLE_ROLE = "CO_LEAD";

/** The value of each id placeholder, as far as the organization has a row for it. */
export async function fetchSampleIds(session) {
  if (!session.token) return {};
  try {
    const { data } = await send(session.endpoint, { query: SAMPLE_ROWS }, sessionHeaders(session));
    return withoutMissing(sampleIds(data));
  } catch {
    return {};
  }
}

function sampleIds({ internalContacts, accounts, partners }) {
  const [account, otherAccount = account] = accounts.nodes;
  return {
    internalContactId: internalContacts.nodes[0]?.id,
    accountId: account?.id,
    otherAccountId: otherAccount?.id,
    ...changeableAssignment(partners.nodes),
  };
}

/** The first assignment, and its partner, that can be given the sample's role. */
function changeableAssignment(partners) {
  for (const partner of partners) {
    const assignments = partner.assignments.nodes;
    const assignment = assignments.find((candidate) => !assignments.some((other) => blocks(other, candidate)));
    if (assignment) return { partnerId: partner.id, assignmentId: assignment.id };
  }
  return {};
}

/** A person has a role only once for a partner. */
function blocks(other, candidate) {
  return (
    other.id !== candidate.id &&
    other.internalContact.id === candidate.internalContact.id &&
    other.internalRole === SAMPLE_ROLE
  );
}

function withoutMissing(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value));
}
