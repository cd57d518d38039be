// The three kinds of contacts: what is asked of each, and the operations that write it.

import type { TypedDocumentNode } from "@apollo/client";
import type {
  ContactFieldsFragment,
  CreateAccountContactInput,
  CreateInternalContactInput,
  CreateOrganizationContactInput,
  UserErrorCode,
} from "./generated/graphql";
import * as operations from "./operations";

/** A contact of any kind; `__typename` says which. */
export type Contact = ContactFieldsFragment;
export type Kind = Contact["__typename"];

/** The text in each field of a form, by the field's name in the input. */
export type Values = Record<string, string>;

export interface UserError {
  code: UserErrorCode;
  field: string[] | null;
  message: string;
}

/** What each write answers. */
export interface Written {
  result: { __typename?: string; contact: Contact | null; userErrors: UserError[] } | null;
}
/** A write of any kind. Its input is what the fields of the form make it; `fields` below sees to their names. */
type Write = TypedDocumentNode<Written, { input: any }>;

export interface Field<Name extends string = string> {
  name: Name;
  label: string;
  required?: true;
  /** Fixed once the contact is there. */
  onlyNew?: true;
  /** The values to choose from. Default: any text. */
  options?: readonly string[];
  /** The gateway rejects the field unless another one has this value, so it is offered only then. */
  onlyIf?: { field: string; is: string };
}

interface Form {
  label: string;
  fields: readonly Field[];
  create: Write;
  update: Write;
  payload: string;
}

/** Fields whose names the schema knows: another one does not compile. */
const fields = <Input>(...list: Field<Extract<keyof Input, string>>[]): readonly Field[] => list;

export const FORMS: Record<Kind, Form> = {
  InternalContact: {
    label: "Internal contact",
    fields: fields<CreateInternalContactInput>(
      { name: "email", label: "Email", required: true },
      { name: "givenName", label: "Given name" },
      { name: "familyName", label: "Family name" },
      { name: "jobTitle", label: "Job title" },
      { name: "phone", label: "Phone" },
      {
        name: "internalRole",
        label: "Role",
        required: true,
        onlyNew: true,
        options: ["ACCOUNT_MANAGER", "ACCOUNT_EXECUTIVE", "CSM", "LEAD", "CO_LEAD", "PRACTICE_LEAD"],
      },
    ),
    create: operations.CreateInternalContact,
    update: operations.UpdateInternalContact,
    payload: "UpdateInternalContactPayload",
  },
  AccountContact: {
    label: "Account contact",
    fields: fields<CreateAccountContactInput>(
      { name: "firstName", label: "First name", required: true },
      { name: "lastName", label: "Last name" },
      { name: "email", label: "Email", required: true },
      { name: "phone", label: "Phone" },
    ),
    create: operations.CreateAccountContact,
    update: operations.UpdateAccountContact,
    payload: "UpdateAccountContactPayload",
  },
  OrganizationContact: {
    label: "Organization contact",
    fields: fields<CreateOrganizationContactInput>(
      {
        name: "type",
        label: "Purpose",
        required: true,
        onlyNew: true,
        options: ["COMMERCIAL", "TECHNICAL", "FINANCE", "SHIPPING_ADDRESS", "COMPANY_ADDRESS", "INVOICE_ADDRESS"],
      },
      { name: "name", label: "Name" },
      { name: "department", label: "Department" },
      { name: "email", label: "Email" },
      { name: "phone", label: "Phone" },
      {
        name: "purchaseOrderNumber",
        label: "Purchase order number",
        onlyIf: { field: "type", is: "INVOICE_ADDRESS" },
      },
    ),
    create: operations.CreateOrganizationContact,
    update: operations.UpdateOrganizationContact,
    payload: "UpdateOrganizationContactPayload",
  },
};

export const KINDS = Object.keys(FORMS) as Kind[];

/** The text of a contact's fields; for a new one empty text, and the first of what can be chosen. */
export function valuesOf(kind: Kind, contact?: Contact): Values {
  const read = contact as Record<string, unknown> | undefined;
  const value = ({ name, options = [""] }: Field) => (read ? (read[name] ?? "") : options[0]);
  return Object.fromEntries(FORMS[kind].fields.map((field) => [field.name, String(value(field))]));
}

/** The fields of a form that the gateway accepts together with these values. */
export function offeredFields(kind: Kind, values: Values): readonly Field[] {
  return FORMS[kind].fields.filter(({ onlyIf }) => !onlyIf || values[onlyIf.field] === onlyIf.is);
}

/** The input for a new contact. The gateway decides whether a required field is valid, so it is always sent. */
export function inputOf(kind: Kind, values: Values): Values {
  const given = offeredFields(kind, values).filter(({ name, required }) => values[name] || required);
  return Object.fromEntries(given.map(({ name }) => [name, values[name] ?? ""]));
}

/** A patch: only what differs, and null for what was emptied. What is absent stays as it is. */
export function patchOf(before: Values, after: Values): Record<string, string | null> {
  const changed = Object.entries(after).filter(([name, value]) => value !== before[name]);
  return Object.fromEntries(changed.map(([name, value]) => [name, value || null]));
}

/** Their values, with what I have changed on top. */
export function rebased(before: Values, mine: Values, theirs: Values): Values {
  const changed = patchOf(before, mine);
  const value = (name: string) => (name in changed ? mine[name] : theirs[name]) ?? "";
  return Object.fromEntries(Object.keys(theirs).map((name) => [name, value(name)]));
}

/** What the gateway will call the contact, as far as this page can tell before it answers. */
export function displayName(kind: Kind, values: Values): string {
  const names = {
    InternalContact: ["givenName", "familyName"],
    AccountContact: ["firstName", "lastName"],
    OrganizationContact: ["name"],
  }[kind];
  const name = names.map((name) => values[name]).filter(Boolean).join(" ");
  return name || values["email"] || FORMS[kind].label;
}
