// Subscriptions by server-sent events (the protocol of graphql-sse, each on a connection of its own): a request with the
// headers of any other, whose answer comes in parts. A request that is refused is answered like any other, too.

import { createParser } from "eventsource-parser";
import { report, tellProgress } from "./answers.jsx";
import { splitCost, withCost } from "./cost.js";
import { addEvent, beginEvents, endEvents } from "./events.jsx";
import { answer, post } from "./request.js";

/** How long nothing may come, in ms. While there are no events the gateway sends a comment every 12 s. */
const LONGEST_SILENCE = 40_000;

/** An observable for GraphiQL. It sends once it is subscribed to; unsubscribing closes the connection. */
export function subscription(endpoint, operation, headers) {
  return {
    subscribe(observer) {
      const connection = new AbortController();
      const { signal } = connection;
      let events = 0;

      const follow = async () => {
        report({});
        beginEvents((answered) => observer.next(answered));
        const sent = { ...withCost(headers), accept: "text/event-stream" };
        const response = await post(endpoint, operation, sent, signal);
        if (!isEventStream(response)) {
          const rejected = await answer(response);
          report(rejected);
          return observer.next(rejected);
        }
        tellProgress(`Connected since ${now()}: no event yet.`);
        for await (const { event, data } of eventsOf(response.body)) {
          if (signal.aborted) return;
          if (event === "complete") return tellProgress(`The gateway ended the subscription after ${counted(events)}.`);
          const { answered, cost } = splitCost(JSON.parse(data), headers);
          // Why there are none, or no more, is not one of them.
          if (answered.data) events += 1;
          report(answered, { cost, progress: events > 0 ? `${counted(events)} so far, the latest at ${now()}.` : "" });
          if (answered.data) addEvent(answered);
          else observer.next(answered);
        }
        if (!signal.aborted) tellProgress(cut(events));
      };

      follow()
        .then(() => signal.aborted || observer.complete())
        .catch((error) => signal.aborted || observer.error(error))
        .finally(() => {
          if (!signal.aborted) endEvents();
          connection.abort();
        });
      return {
        unsubscribe() {
          connection.abort();
          endEvents();
          tellProgress(`Stopped after ${counted(events)}.`);
        },
      };
    },
  };
}

function isEventStream(response) {
  return response.headers.get("content-type")?.startsWith("text/event-stream");
}

/** The events until the connection has ended, in whichever way. */
async function* eventsOf(body) {
  const events = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await nextPart(reader);
    if (done) return;
    parser.feed(value);
    yield* events.splice(0);
  }
}

/** A connection that is dead without being closed counts as ended. */
async function nextPart(reader) {
  let timer;
  const silence = new Promise((resolve) => {
    timer = setTimeout(resolve, LONGEST_SILENCE, { done: true });
  });
  const part = await Promise.race([reader.read(), silence]).catch(() => ({ done: true }));
  clearTimeout(timer);
  return part;
}

function cut(events) {
  const advice = events > 0 ? "to resume, send the cursor of the latest event as after" : "run it again";
  return `The connection was lost after ${counted(events)}, at ${now()}: ${advice}.`;
}

function counted(events) {
  return events === 1 ? "1 event" : `${events || "no"} events`;
}

function now() {
  return new Date().toLocaleTimeString();
}
