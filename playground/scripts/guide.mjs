// The documentation site: docs/ and the reference pages, built by mdBook. `npm run build:guide` writes guide/dist/;
// `npm run check:guide` fails if guide/dist/ has other content. MDBOOK is the path of mdBook 0.5.4, by default the one in PATH.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { restPage } from "./rest-page.mjs";
import { schemaPages } from "./schema-pages.mjs";

const ROOT = path.resolve(import.meta.dirname, "../..");
const GUIDE = path.join(ROOT, "playground/guide");
const DIST = path.join(GUIDE, "dist");
const MANIFEST = "manifest.rs";
const REFERENCE = "reference";

/** Files of mdBook that the gateway does not serve. */
const OMITTED = new Set([".nojekyll", "404.html", "toc.html"]);

const CONTENT_TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

const files = await build();
if (process.argv[2] === "--check") await check(files);
else await write(files);

/** Builds the site: a map from file name to content, in a fixed order. */
async function build() {
  const folder = await mkdtemp(path.join(tmpdir(), "contact-gateway-guide-"));
  try {
    await cp(GUIDE, folder, { recursive: true, filter: (source) => source !== DIST });
    await writeSources(path.join(folder, "src"));
    const { status, error } = spawnSync(process.env.MDBOOK ?? "mdbook", ["build"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    if (error || status !== 0) throw error ?? new Error("mdbook failed");
    return await readSite(path.join(folder, "book"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeSources(folder) {
  await cp(path.join(ROOT, "docs"), folder, { recursive: true });
  for (const name of await readdir(folder, { recursive: true })) {
    if (name.endsWith(".md")) await rewrite(path.join(folder, name), (text) => forSite(text, path.dirname(name)));
  }
  const schema = await readFile(path.join(ROOT, "schema.graphql"), "utf8");
  const document = JSON.parse(await readFile(path.join(ROOT, "openapi.json"), "utf8"));
  const pages = await schemaPages(schema, path.join(ROOT, "playground/operations"));
  pages.push({ name: "rest", title: "REST routes", text: restPage(document) });
  await mkdir(path.join(folder, REFERENCE));
  for (const { name, text } of pages) await writeFile(path.join(folder, REFERENCE, `${name}.md`), text);
  const chapters = pages.map(({ name, title }) => `- [${title}](${REFERENCE}/${name}.md)\n`).join("");
  await rewrite(path.join(folder, "SUMMARY.md"), async (text) => {
    const [use, others] = text.split("# Operate the gateway");
    return `${use}# Reference\n\n${chapters}\n# Operate the gateway${others}${await decisions(folder)}`;
  });
}

/** The chapters of the decisions, below the last chapter of the summary. */
async function decisions(folder) {
  const names = (await readdir(path.join(folder, "adr"))).sort();
  const lines = names.map(async (name) => {
    const [title] = (await readFile(path.join(folder, "adr", name), "utf8")).split("\n");
    return `- [${title.replace(/^# /, "")}](adr/${name})\n`;
  });
  return `\n# Decisions\n\n${(await Promise.all(lines)).join("")}`;
}

async function rewrite(file, change) {
  await writeFile(file, await change(await readFile(file, "utf8")));
}

/** The site has no files of the repository outside docs/: such links become texts. highlight.js has no language tsx. */
function forSite(text, folder) {
  return text.replaceAll(/^```tsx$/gm, "```ts").replaceAll(/\[([^\]]*)\]\((\.\.?\/[^)]*)\)/g, (link, title, target) => {
    return path.join(folder, target).startsWith("..") ? title : link;
  });
}

async function readSite(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
  const site = new Map();
  for (const name of names.filter((name) => !OMITTED.has(name) && CONTENT_TYPES[path.extname(name)])) {
    const content = await readFile(path.join(folder, name));
    site.set(name, name.endsWith(".html") ? page(name, content.toString(), site) : content);
  }
  site.set("highlight-graphql.js", await readFile(path.join(GUIDE, "highlight-graphql.js")));
  checkLinks(site);
  const sorted = [...site].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map([...sorted, [MANIFEST, Buffer.from(manifest(sorted))]]);
}

/**
 * A page of mdBook for the gateway. The policy of the gateway's pages allows no inline scripts, so each of them becomes a file. The
 * fonts of the reader's system are used. What scrolls can be focused, and highlight.js learns GraphQL before it runs.
 */
function page(name, html, site) {
  const toRoot = "../".repeat(name.split("/").length - 1);
  const text = html
    .replaceAll(/<script>([^]*?)<\/script>/g, (_, script) => {
      const file = `inline-${createHash("sha256").update(script).digest("hex").slice(0, 8)}.js`;
      site.set(file, Buffer.from(script));
      return `<script src="${toRoot}${file}"></script>`;
    })
    .replace(/\n *<link rel="stylesheet" href="[^"]*fonts\/fonts\.css">/, "")
    .replace(/(<script src="[^"]*)highlight\.js"><\/script>/, `$&\n        $1highlight-graphql.js"></script>`)
    .replace('<label id="mdbook-sidebar-toggle"', '$& role="button"')
    .replaceAll("<pre><code", '$& tabindex="0"')
    .replaceAll('<div class="table-wrapper"', '$& tabindex="0"');
  return Buffer.from(text);
}

/** Fails if a link of a page leads to no page, or to no heading. */
function checkLinks(site) {
  const broken = [];
  for (const [name, html] of site) {
    if (!name.endsWith(".html")) continue;
    for (const [, href] of html.toString().matchAll(/<a [^>]*?href="([^"]*)"/g)) {
      if (/^[a-z]+:/.test(href)) continue;
      const [file, anchor] = href.split("#");
      const target = file ? path.join(path.dirname(name), file) : name;
      if (!site.has(target) || (anchor && !site.get(target).includes(`id="${anchor}"`))) broken.push(`${name}: ${href}`);
    }
  }
  if (broken.length > 0) throw new Error(`broken links:\n${broken.join("\n")}`);
}

/** A Rust expression: one `Asset` of src/http/playground.rs for each path. */
function manifest(site) {
  const assets = site.flatMap(([name, content]) => {
    const paths = name === "index.html" ? ["/guide/", "/guide/index.html"] : [`/guide/${name}`];
    return paths.map(
      (served) => `    Asset {
        path: "${served}",
        content_type: "${CONTENT_TYPES[path.extname(name)]}",
        immutable: ${/-[0-9a-f]{8}\.(min\.)?\w+$/.test(name)},
        sha256: "${createHash("sha256").update(content).digest("hex")}",
        brotli: include_bytes!("${name}.br"),
    },
`,
    );
  });
  return `// Generated by \`npm run build:guide\` in playground/: the embedded files of the guide.\n[\n${assets.join("")}]\n`;
}

async function write(site) {
  await rm(DIST, { recursive: true, force: true });
  let bytes = 0;
  for (const [name, content] of site) {
    const packed = name === MANIFEST ? content : compress(content);
    const file = path.join(DIST, name === MANIFEST ? name : `${name}.br`);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, packed);
    bytes += packed.length;
  }
  console.log(`guide/dist/: ${site.size} files, ${(bytes / 1024).toFixed(0)} KiB`);
}

function compress(content) {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  };
  return brotliCompressSync(content, { params });
}

async function check(site) {
  const entries = await readdir(DIST, { recursive: true, withFileTypes: true });
  const committed = entries.filter((entry) => entry.isFile()).map((entry) => path.relative(DIST, path.join(entry.parentPath, entry.name)));
  const names = new Set([...site.keys(), ...committed.map((name) => name.replace(/\.br$/, ""))]);
  const wrong = [];
  for (const name of names) {
    const content = await committedContent(name).catch(() => undefined);
    if (!site.get(name) || !content?.equals(site.get(name))) wrong.push(name);
  }
  if (wrong.length === 0) return console.log(`guide/dist/ is what its sources build: ${names.size} files`);
  console.error(`playground/guide/dist differs from its sources; run \`npm run build:guide\` in playground/: ${wrong.join(", ")}`);
  process.exitCode = 1;
}

async function committedContent(name) {
  if (name === MANIFEST) return readFile(path.join(DIST, name));
  return brotliDecompressSync(await readFile(path.join(DIST, `${name}.br`)));
}
