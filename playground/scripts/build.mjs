// npm run build: writes the built page to dist/, compressed as it will be sent.

import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { bundle, DIST, MANIFEST } from "./bundle.mjs";

const files = await bundle();
await rm(DIST, { recursive: true, force: true });

let bytes = 0;
for (const [name, content] of files) {
  const packed = name === MANIFEST ? content : compress(content);
  const file = path.join(DIST, name === MANIFEST ? name : `${name}.br`);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, packed);
  bytes += packed.length;
}
console.log(`dist/: ${files.size} files, ${(bytes / 1024).toFixed(0)} KiB`);

function compress(content) {
  return brotliCompressSync(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
}
