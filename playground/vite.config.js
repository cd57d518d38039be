// How the page is bundled. scripts/bundle.mjs runs this; scripts/build.mjs packs the result into dist/.

import { defineConfig } from "vite";

/** Where `npm run dev` finds a gateway. The built page only ever talks to its own origin. */
const gateway = process.env.GATEWAY_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  // The gateway serves the page at / and everything that belongs to it below /playground/.
  base: "/playground/",
  build: {
    // Files of their own, so that the content security policy needs no data: for fonts.
    assetsInlineLimit: 0,
    license: { fileName: "licenses.md" },
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Monaco is large by nature.
    chunkSizeWarningLimit: 4000,
    rolldownOptions: { onwarn },
  },
  worker: { format: "es" },
  server: {
    proxy: { "/graphql": gateway, "/playground/session": gateway },
  },
});

/** "use client" speaks to server rendering, which is not done here. */
function onwarn(warning, warn) {
  if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
}
