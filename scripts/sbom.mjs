// Prints the software bill of materials of the binary as CycloneDX 1.6: its crates, and the packages in the embedded playground and guide.
//
// Usage: node scripts/sbom.mjs TARGET, for example x86_64-unknown-linux-gnu. SOURCE_DATE_EPOCH is its time, in seconds.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { brotliDecompressSync } from "node:zlib";

const FOLDER = path.resolve(import.meta.dirname, "..");
const [target] = process.argv.slice(2);
if (!target || target.startsWith("-")) {
  console.error("usage: node scripts/sbom.mjs TARGET");
  process.exit(2);
}

const metadata = JSON.parse(cargo("metadata", "--format-version", "1", "--locked", "--filter-platform", target));
const packages = new Map(metadata.packages.map((item) => [item.id, item]));
const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
const checksums = readChecksums();
const root = metadata.resolve.root;
const linked = reach([root], (dependency) => isLinked(dependency));
const all = reach([root], (dependency) => isLinked(dependency) || isForBuild(dependency));
const playground = bundledPackages();

const crates = [...all].filter((id) => id !== root).map((id) => crate(packages.get(id), linked.has(id)));
const main = crate(packages.get(root), true);
const document = {
  $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  version: 1,
  metadata: {
    timestamp: new Date(Number(process.env.SOURCE_DATE_EPOCH ?? 0) * 1000).toISOString(),
    component: { ...main, type: "application", scope: undefined },
    properties: [{ name: "target", value: target }],
  },
  components: [...crates, ...playground].sort((one, other) => (one["bom-ref"] < other["bom-ref"] ? -1 : 1)),
  dependencies: [...all].map(dependencies).sort((one, other) => (one.ref < other.ref ? -1 : 1)),
};
// The same content has the same number.
const digest = createHash("sha256").update(JSON.stringify(document)).digest("hex");
document.serialNumber = `urn:uuid:${digest.slice(0, 8)}-${digest.slice(8, 12)}-4${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
console.log(JSON.stringify(document, null, 1));

function cargo(...args) {
  return execFileSync("cargo", args, { cwd: FOLDER, encoding: "utf8", maxBuffer: 2 ** 28 });
}

/** The ids that can be reached from these by dependencies of which `follows` is true. */
function reach(ids, follows) {
  const found = new Set(ids);
  for (const id of found) {
    // A procedural macro runs during the build, and so do its own dependencies.
    for (const dependency of nodes.get(id).deps.filter(follows)) found.add(dependency.pkg);
  }
  return found;
}

function isLinked({ pkg, dep_kinds: kinds }) {
  const isMacro = packages.get(pkg).targets.some(({ kind }) => kind.includes("proc-macro"));
  return !isMacro && kinds.some(({ kind }) => kind === null);
}

function isForBuild({ dep_kinds: kinds }) {
  return kinds.some(({ kind }) => kind !== "dev");
}

/** What Cargo.lock says about the contents of the packages. */
function readChecksums() {
  const found = new Map();
  const lock = readFileSync(path.join(FOLDER, "Cargo.lock"), "utf8");
  for (const [, name, version, entry] of lock.matchAll(/\[\[package\]\]\nname = "(.+)"\nversion = "(.+)"\n([^[]*)/g)) {
    const checksum = /^checksum = "(.+)"$/m.exec(entry);
    if (checksum) found.set(`${name}@${version}`, checksum[1]);
  }
  return found;
}

function crate({ name, version, description, license, source }, isInBinary) {
  const checksum = checksums.get(`${name}@${version}`);
  return {
    type: "library",
    "bom-ref": reference(name, version),
    name,
    version,
    description: description?.trim(),
    // Excluded: needed for the build, not in the binary.
    scope: isInBinary ? "required" : "excluded",
    hashes: checksum && [{ alg: "SHA-256", content: checksum }],
    // Old packages separate alternatives by a slash.
    licenses: license ? [{ expression: license.replaceAll(/ ?\/ ?/g, " OR ") }] : undefined,
    purl: source ? `pkg:cargo/${name}@${version}` : undefined,
  };
}

function reference(name, version) {
  return `cargo:${name}@${version}`;
}

function dependencies(id) {
  const { name, version } = packages.get(id);
  const needed = nodes.get(id).deps.filter(({ pkg }) => all.has(pkg));
  const dependsOn = needed.map(({ pkg }) => reference(packages.get(pkg).name, packages.get(pkg).version));
  if (id === root) dependsOn.push(...playground.map((item) => item["bom-ref"]));
  return { ref: reference(name, version), dependsOn: [...new Set(dependsOn)].sort() };
}

/** The packages that the playground's page and the guide contain, as their lists of licences name them. */
function bundledPackages() {
  const playground = brotliDecompressSync(readFileSync(path.join(FOLDER, "playground/dist/licenses.md.br"))).toString();
  const lists = playground + readFileSync(path.join(FOLDER, "playground/guide/licenses.md"), "utf8");
  return [...lists.matchAll(/^## (\S+) - (\S+) \((.+)\)$/gm)].map(([, name, version, license]) => {
    const registry = name === "mdbook" ? "cargo" : "npm";
    return {
      type: "library",
      "bom-ref": `${registry}:${name}@${version}`,
      name,
      version,
      scope: "required",
      licenses: [{ expression: license }],
      purl: `pkg:${registry}/${name.replace("@", "%40")}@${version}`,
    };
  });
}
