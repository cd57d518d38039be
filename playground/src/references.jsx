// Links to what explains the API.

/** The name of the page, and the links. */
export function References({ restDocs }) {
  return (
    <>
      <h1>contact-gateway</h1>
      <nav aria-label="References">
        <Reference href="/guide/">Guide</Reference>
        {restDocs && <Reference href="/docs">REST</Reference>}
        <Reference href="/schema.graphql">schema.graphql</Reference>
      </nav>
    </>
  );
}

function Reference({ href, children }) {
  return (
    <a href={href} target="_blank" rel="noreferrer">
      {children}
    </a>
  );
}
