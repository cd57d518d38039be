// After the type checker: Babel's plugin puts the generated documents in the place of the `graphql` tags. It and the
// compiler write imports for bundlers, without file extensions; Node needs them.

import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { transformAsync } from "@babel/core";

/** Replaces the tags in all compiled files of the folder. */
export async function replaceGraphqlTags(folder) {
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith(".js")) continue;
    const file = path.join(folder, name);
    const options = { configFile: false, filename: file, plugins: [["relay", { eagerEsModules: true }]] };
    const { code } = await transformAsync(await readFile(file, "utf8"), options);
    await writeFile(file, code.replaceAll(/ from (["'])(\.[^"']*\.graphql)\1/g, ' from "$2.js"'));
  }
}

if (process.argv[1] === import.meta.filename) await replaceGraphqlTags(path.join(import.meta.dirname, "build"));
