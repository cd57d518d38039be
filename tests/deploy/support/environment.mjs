// The programs and files that the tests use. scripts/test finds or installs them and names them by these variables.

import path from "node:path";

/** The folder of the repository. */
export const REPOSITORY = path.resolve(import.meta.dirname, "../../..");

/** The gateway's program. */
export const PROGRAM = process.env.GATEWAY_PROGRAM ?? path.join(REPOSITORY, "target/debug/contact-gateway");

/** An option of a test that needs these variables: without them it is skipped, and the report says which are missing. */
export function needs(...names) {
  const missing = names.filter((name) => !process.env[name]);
  return { skip: missing.length > 0 && `not set: ${missing.join(", ")}` };
}
