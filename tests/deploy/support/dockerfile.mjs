// The parts of the Dockerfile that the tests carry out, and the files that .dockerignore leaves for it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { REPOSITORY } from "./environment.mjs";

/** The stages: each has its instructions in order, as pairs of a name and its arguments. */
export function readStages() {
  const text = readFileSync(path.join(REPOSITORY, "Dockerfile"), "utf8");
  const lines = text.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n\s*/g, "").split("\n").filter(Boolean);
  const instructions = lines.map((line) => /^(\S+)\s+(.*)$/.exec(line).slice(1));
  const stages = [];
  for (const [name, rest] of instructions) {
    if (name === "FROM") stages.push([]);
    stages.at(-1).push([name, rest]);
  }
  return stages;
}

/** The arguments of the only instruction with this name. */
export function only(stage, name) {
  const found = stage.filter(([other]) => other === name);
  assert.equal(found.length, 1, `${name} occurs once`);
  return found[0][1];
}

/** Whether a file of the repository is sent to the builder. The patterns are `*`, and `!` before a path. */
export function isInContext(file) {
  const lines = readFileSync(path.join(REPOSITORY, ".dockerignore"), "utf8").split("\n");
  const [first, ...patterns] = lines.filter((line) => line && !line.startsWith("#"));
  assert.equal(first, "*");
  return patterns.some((pattern) => {
    assert.match(pattern, /^![\w./-]+$/);
    return file === pattern.slice(1) || file.startsWith(`${pattern.slice(1)}/`);
  });
}
