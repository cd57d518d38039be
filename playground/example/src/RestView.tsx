// A contact as the REST routes return it.

import { useContext, useState, type SyntheticEvent } from "react";
import { Headers } from "./headers";
import type { Contact } from "./kinds";
import { readByRest, restPath, type RestResponse } from "./rest";

export function RestView({ contact }: { contact: Contact }) {
  const headers = useContext(Headers);
  const [response, setResponse] = useState<RestResponse>();
  const [problem, setProblem] = useState("");
  const read = async ({ currentTarget }: SyntheticEvent<HTMLDetailsElement>) => {
    if (!currentTarget.open) return;
    try {
      setResponse(await readByRest(restPath(contact, headers["x-org-id"] ?? ""), headers));
      setProblem("");
    } catch (error) {
      setProblem(String(error));
    }
  };
  return (
    <details className="rest" onToggle={read}>
      <summary>The same contact over REST</summary>
      {problem && (
        <p role="alert" className="problem">
          {problem}
        </p>
      )}
      {response && (
        <>
          <p>
            <code>GET {response.path}</code>: {response.status}, ETag <code>{response.etag}</code>
          </p>
          <pre tabIndex={0} role="region" aria-label="Response">
            {JSON.stringify(response.body, null, 2)}
          </pre>
        </>
      )}
    </details>
  );
}
