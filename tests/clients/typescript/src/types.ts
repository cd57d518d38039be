// What the compiler knows. Nothing here is run: each expected error is one that a front end would get.

import type {
  ContactChangedSubscription,
  ContactsPageQuery,
  RenameContactMutationVariables,
} from "../generated/graphql.js";

declare const page: NonNullable<ContactsPageQuery["contacts"]>;
declare const event: ContactChangedSubscription["contactChanged"];
declare function take<Value>(value: Value): void;

for (const contact of page.nodes) {
  take<string>(contact.displayName);
  take<string | null>(contact.email ?? null);
  // @ts-expect-error an email address may be null
  take<string>(contact.email);
  // @ts-expect-error the phone number is not selected
  take(contact.phone);
  // Only account contacts have a type: `__typename` tells the kinds apart.
  if (contact.__typename === "AccountContact") take<string>(contact.contactType.name);
  // @ts-expect-error it could be one of the other kinds
  take(contact.contactType);
}

take<RenameContactMutationVariables>({ input: { id: "ac_1", firstName: "Ada", expectedVersion: 1 } });
// @ts-expect-error the id is required
take<RenameContactMutationVariables>({ input: { firstName: "Ada" } });
// @ts-expect-error there is no such field
take<RenameContactMutationVariables>({ input: { id: "ac_1", firstname: "Ada" } });

take<string>(event.cursor);
// Of an erased contact nothing is left.
take<string | undefined>(event.contact?.displayName);
// @ts-expect-error so that it may be null
take<string>(event.contact.displayName);
