"""The same program as src/contacts.ts, with the client that openapi-python-client generates. Prints one JSON value per step."""

import json
import os
import uuid

from contact_gateway_client import AuthenticatedClient
from contact_gateway_client.api.account_contacts import create_customer_contact, get_customer_contact, update_customer_contact
from contact_gateway_client.models import NewCustomerContact, UpdateCustomerContact

client = AuthenticatedClient(
    base_url=os.environ["GATEWAY_URL"], token=os.environ["GATEWAY_TOKEN"], headers={"x-org-id": "org_1"}
)


def show(**values):
    print(json.dumps(values), flush=True)


contact = NewCustomerContact(first_name="Ada", email=f"{uuid.uuid4()}@openapi.example")
key = str(uuid.uuid4())
created = create_customer_contact.sync_detailed(client=client, body=contact, idempotency_key=key)
show(status=created.status_code, firstName=created.parsed.first_name)

repeated = create_customer_contact.sync(client=client, body=contact, idempotency_key=key)
show(repeated=repeated.id == created.parsed.id)

tag = get_customer_contact.sync_detailed(created.parsed.id, client=client).headers["etag"]
for last_name in ["Lovelace", "King"]:
    body = UpdateCustomerContact(last_name=last_name)
    updated = update_customer_contact.sync_detailed(created.parsed.id, client=client, body=body, if_match=tag)
    show(status=updated.status_code, **({"lastName": updated.parsed.last_name} if updated.status_code == 200 else {}))

rejected = create_customer_contact.sync_detailed(client=client, body=NewCustomerContact(first_name="", email="no address"))
show(status=rejected.status_code, message=rejected.parsed.message)
