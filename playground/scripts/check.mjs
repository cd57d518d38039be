// npm run check: fails when dist/ is not what its sources build. Compares the content, not the compressed bytes,
// which depend on the compressor's version.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { bundle, DIST } from "./bundle.mjs";

const built = await bundle();
const committed = await readDist();

const names = [...new Set([...built.keys(), ...committed.keys()])].sort();
const wrong = names.flatMap((name) => difference(name) ?? []);
if (wrong.length > 0) {
  console.error(`playground/dist differs from its sources; run \`npm run build\` in playground/:`);
  for (const line of wrong) console.error(`  ${line}`);
  process.exitCode = 1;
} else {
  console.log(`dist/ is what its sources build: ${names.length} files`);
}

function difference(name) {
  if (!committed.has(name)) return `missing: ${name}`;
  if (!built.has(name)) return `not built any more: ${name}`;
  if (!committed.get(name).equals(built.get(name))) return `differs: ${name}`;
  return undefined;
}

async function readDist() {
  const entries = await readdir(DIST, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.map(readPacked)));
}

async function readPacked(file) {
  const name = path.relative(DIST, file).replaceAll(path.sep, "/");
  const content = await readFile(file);
  return name.endsWith(".br") ? [name.slice(0, -3), decompress(content)] : [name, content];
}

/** A damaged file counts as one with other content. */
function decompress(content) {
  try {
    return brotliDecompressSync(content);
  } catch {
    return content;
  }
}
