// The code blocks of docs/front-ends.md.

import { readFileSync } from "node:fs";

const GUIDE = new URL("../../../docs/front-ends.md", import.meta.url);

/**
 * A map from the name of each block to its code. The name is in the first line, as a comment, or behind the language for a format
 * without comments. A block without a name is an error.
 */
export function blocks() {
  const found = new Map();
  for (const [, language, named, code] of readFileSync(GUIDE, "utf8").matchAll(/^```(\S*) ?(.*)\n([^]*?)^```$/gm)) {
    const name = named || /^(?:\/\/|#) (\S+\.\w+)$/m.exec(code.split("\n")[0])?.[1];
    if (!name) throw new Error(`a block of ${language || "text"} has no name: ${code.slice(0, 80)}`);
    if (found.has(name)) throw new Error(`two blocks are named ${name}`);
    found.set(name, code);
  }
  return found;
}
