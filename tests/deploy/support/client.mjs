// A client of a gateway: queries, and subscriptions over both transports.

import assert from "node:assert/strict";
import http from "node:http";
import { WebSocket } from "ws";

/** The subscription of the tests. */
const CONTACT_CHANGED = "subscription ($after: String) { contactChanged(after: $after) { cursor contactId change { action } } }";

/** A client of the gateway at `url`, such as http://127.0.0.1:8080, with an address of its own if `localAddress` is given. */
export class Client {
  constructor(url, token, localAddress) {
    this.url = url;
    this.headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    this.agent = new http.Agent({ keepAlive: true, localAddress });
  }

  /** Sends an operation over a connection that is kept open, and returns its data. */
  async send(query, variables) {
    const body = JSON.stringify({ query, variables });
    const { status, text } = await new Promise((resolve, reject) => {
      const options = { method: "POST", headers: this.headers, agent: this.agent };
      const request = http.request(new URL("/graphql", this.url), options, (response) => {
        let text = "";
        response.on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode, text }));
        response.on("error", reject);
      });
      request.on("error", reject);
      request.end(body);
    });
    assert.equal(status, 200, text);
    const { data, errors } = JSON.parse(text);
    assert.equal(errors, undefined, text);
    return data;
  }

  /** Creates the first organization of a database. */
  async createOrganization() {
    const mutation = `mutation { createOrganization(input: { name: "Example" }) { organization { id } userErrors { message } } }`;
    const { createOrganization } = await this.send(mutation);
    assert.deepEqual(createOrganization, { organization: { id: "org_1" }, userErrors: [] });
  }

  /** Creates an account contact and returns its id. */
  async createContact(email) {
    const mutation = `mutation ($input: CreateAccountContactInput!) {
      createAccountContact(input: $input) { accountContact { id } userErrors { message } }
    }`;
    const { createAccountContact } = await this.send(mutation, { input: { email, firstName: "Ada" } });
    assert.deepEqual(createAccountContact.userErrors, []);
    return createAccountContact.accountContact.id;
  }

  /** Subscribes by server-sent events. All changes after it returns are delivered to `next`. */
  async eventStream() {
    const controller = new AbortController();
    const response = await fetch(new URL("/graphql", this.url), {
      method: "POST",
      headers: { ...this.headers, accept: "text/event-stream" },
      body: JSON.stringify({ query: CONTACT_CHANGED }),
      signal: controller.signal,
    });
    assert.equal(response.status, 200);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const next = async () => {
      for (;;) {
        const event = /^data: ?(\{.*\})$/m.exec(text);
        if (event) {
          text = text.slice(event.index + event[0].length);
          return JSON.parse(event[1]).data.contactChanged;
        }
        const { value, done } = await reader.read();
        assert.ok(!done, "the stream has ended");
        text += value;
      }
    };
    return { next, close: () => controller.abort() };
  }

  /** Subscribes over a WebSocket after a cursor. `closed` is the code with which the server closes it. */
  async webSocket(after) {
    const socket = new WebSocket(new URL("/graphql", this.url.replace("http", "ws")), "graphql-transport-ws");
    const events = [];
    const waiting = [];
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    socket.on("message", (data) => {
      const { type, payload } = JSON.parse(data);
      if (type === "connection_ack") {
        const subscribe = { id: "1", type: "subscribe", payload: { query: CONTACT_CHANGED, variables: { after } } };
        socket.send(JSON.stringify(subscribe));
      } else if (type === "next") {
        events.push(payload.data.contactChanged);
        waiting.shift()?.();
      }
    });
    socket.send(JSON.stringify({ type: "connection_init", payload: { authorization: this.headers.authorization } }));
    const next = async () => {
      if (events.length === 0) await new Promise((resolve) => waiting.push(resolve));
      return events.shift();
    };
    return { next, closed, close: () => socket.close() };
  }
}
