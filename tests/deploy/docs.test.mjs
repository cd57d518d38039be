// The links of the documents lead to files and headings that exist.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { REPOSITORY } from "./support/environment.mjs";
import { run } from "./support/process.mjs";

test("every link between the documents leads to a file, and every anchor to a heading", () => {
  const documents = run("git", ["ls-files", "*.md"], { cwd: REPOSITORY }).stdout.trim().split("\n");
  const broken = documents.flatMap((document) => links(document).filter((link) => !leadsSomewhere(document, link)).map((link) => `${document}: ${link}`));
  assert.deepEqual(broken, []);
  assert.ok(documents.length > 20);
});

/** The relative links of a document, outside its blocks of code. */
function links(document) {
  const text = readFileSync(path.join(REPOSITORY, document), "utf8").replaceAll(/^```[^]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link).filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(document, link) {
  const [file, anchor] = link.split("#");
  const target = file ? path.join(path.dirname(document), file) : document;
  if (!existsSync(path.join(REPOSITORY, target))) return false;
  return anchor === undefined || anchors(target).includes(anchor);
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchors(document) {
  const text = readFileSync(path.join(REPOSITORY, document), "utf8").replaceAll(/^```[^]*?^```/gm, "");
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading.replaceAll(/\[(.*?)\]\(.*?\)/g, "$1"));
  return headings.map((heading) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-"));
}
