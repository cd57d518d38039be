"""Queries and subscribes with gql over WebSockets, one after the other, and prints what it receives: one JSON value per line.

Arguments: the URL, the headers as a JSON object, the transport, the ids of two contacts, and for each WebSocket its subprotocols
("default" or a list with commas). The subscription ends after three events of the first contact.
"""

import asyncio
import json
import sys

from gql import Client, gql
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

TRANSPORTS = {"websockets": WebsocketsTransport, "aiohttp": AIOHTTPWebsocketsTransport}
VIEWER = "{ viewer { subject } }"
CONTACT_CHANGED = """subscription ($ids: [ID!]) {
  contactChanged(ids: $ids) { contactId change { kind action fields } }
}"""


def show(**values):
    print(json.dumps(values), flush=True)


async def main(url, headers, transport, contact, other, *choices):
    for subprotocols in choices:
        await subscribe(url, headers, transport, contact, other, subprotocols)


async def subscribe(url, headers, transport, contact, other, subprotocols):
    options = {} if subprotocols == "default" else {"subprotocols": subprotocols.split(",")}
    transport = TRANSPORTS[transport](url=url, init_payload=json.loads(headers), **options)
    async with Client(transport=transport) as session:
        show(subprotocol=transport.subprotocol)
        show(viewer=(await session.execute(gql(VIEWER)))["viewer"])
        try:
            await session.execute(gql("{ shoeSize }"))
        except TransportQueryError as error:
            show(code=error.errors[0]["extensions"]["code"])
        request = gql(CONTACT_CHANGED)
        request.variable_values = {"ids": [contact, other]}
        received = 0
        async for result in session.subscribe(request):
            show(event=result["contactChanged"])
            received += result["contactChanged"]["contactId"] == contact
            if received == 3:
                break
        show(viewer=(await session.execute(gql(VIEWER)))["viewer"])


asyncio.run(main(*sys.argv[1:]))
