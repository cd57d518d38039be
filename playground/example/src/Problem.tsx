// A request that failed as a whole: what it says, and the id under which the gateway's log tells more.

import { CombinedGraphQLErrors } from "@apollo/client/errors";

export function Problem({ error }: { error: Error }) {
  const extensions = CombinedGraphQLErrors.is(error) ? error.errors[0]?.extensions : undefined;
  return (
    <p role="alert" className="problem">
      {error.message}
      {extensions && (
        <small>
          {String(extensions["code"])}, request {String(extensions["requestId"])}
        </small>
      )}
    </p>
  );
}
