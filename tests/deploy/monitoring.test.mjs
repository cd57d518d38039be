// The alerts and the dashboard: valid for Prometheus, with the metrics of a running gateway, and explained in docs/operations.md.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { parse, stringify } from "yaml";
import { needs, PROGRAM, REPOSITORY } from "./support/environment.mjs";
import { freePorts, run, start } from "./support/process.mjs";

const FOLDER = path.join(REPOSITORY, "deploy");
const ALERTS = readFileSync(path.join(FOLDER, "prometheus/alerts.yaml"), "utf8");
const RULES = parse(ALERTS).groups.flatMap(({ rules }) => rules);
const DASHBOARD = JSON.parse(readFileSync(path.join(FOLDER, "grafana/contact-gateway.json"), "utf8"));
const PANELS = DASHBOARD.panels.filter(({ type }) => type !== "row");
/** Old names of metrics, which need no panel. */
const DEPRECATED = ["contact_gateway_executing", "contact_gateway_executing_max"];

test("Prometheus accepts the alerts and the example of its configuration", needs("PROMTOOL"), () => {
  const cwd = path.join(FOLDER, "prometheus");
  run(process.env.PROMTOOL, ["check", "rules", "alerts.yaml"], { cwd });
  run(process.env.PROMTOOL, ["check", "config", "prometheus.yaml"], { cwd });
});

test("each alert fires when it must, and not otherwise", needs("PROMTOOL"), () => {
  const file = path.join(FOLDER, "prometheus/alerts_test.yaml");
  run(process.env.PROMTOOL, ["test", "rules", file]);
  const checks = parse(readFileSync(file, "utf8")).tests.flatMap((item) => item.alert_rule_test);
  for (const { alert } of RULES) {
    const firing = checks.filter(({ alertname }) => alertname === alert).map((check) => check.exp_alerts.length > 0);
    assert.ok(firing.includes(true) && firing.includes(false), `${alert} has tests for both`);
  }
});

test("each alert has a paragraph in docs/operations.md, and each paragraph an alert", () => {
  const docs = readFileSync(path.join(REPOSITORY, "docs/operations.md"), "utf8");
  const paragraphs = [...docs.matchAll(/^### (ContactGateway\w+)\n\n\S/gm)].map(([, name]) => name);
  assert.deepEqual(paragraphs, RULES.map(({ alert }) => alert));
  for (const { alert, annotations, labels } of RULES) {
    assert.equal(annotations.runbook, `docs/operations.md#${alert.toLowerCase()}`);
    assert.ok(["page", "ticket"].includes(labels.severity));
  }
});

test("the panels of the dashboard have their own ids and places", () => {
  const ids = DASHBOARD.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const cells = DASHBOARD.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
    assert.ok(x + w <= 24);
    return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`);
  });
  assert.equal(new Set(cells).size, cells.length);
  for (const { title, description } of PANELS) assert.ok(title && description);
});

test("Prometheus accepts the expressions of the dashboard", needs("PROMTOOL"), (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "contact-gateway-deploy-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const rules = PANELS.flatMap(({ targets }) => targets).map(({ expr }, index) => {
    const expression = expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(job|instance)/g, ".*");
    return { record: `panel:${index}`, expr: expression };
  });
  const file = path.join(folder, "dashboard.yaml");
  writeFileSync(file, stringify({ groups: [{ name: "dashboard", rules }] }));
  run(process.env.PROMTOOL, ["check", "rules", file]);
});

test("alerts and dashboard use metrics and labels that exist, and the dashboard all metrics", async (t) => {
  const { metrics, labels } = await scrape(t);
  const dashboard = PANELS.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join("\n");
  const expressions = RULES.map(({ expr }) => expr).join("\n");
  for (const name of names(`${dashboard}\n${expressions}`)) assert.ok(metrics.has(name), `${name} exists`);
  const shown = names(dashboard).map((name) => name.replace(/_(bucket|sum|count)$/, ""));
  const existing = [...metrics].filter((name) => !/_(bucket|sum|count)$/.test(name) && !DEPRECATED.includes(name));
  assert.deepEqual(existing.filter((name) => !shown.includes(name)), []);
  for (const [, list] of `${dashboard}\n${expressions}`.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of list.split(/, ?/)) assert.ok(label === "instance" || labels.has(label), `the label ${label} exists`);
  }
});

function names(text) {
  return [...new Set(text.match(/contact_gateway_\w+/g))];
}

/** The metrics and labels of a gateway that has answered one request of each kind. */
async function scrape(t) {
  const folder = mkdtempSync(path.join(tmpdir(), "contact-gateway-deploy-"));
  const [port, metricsPort] = await freePorts(2);
  const env = {
    ...process.env,
    CONTACT_GATEWAY__DATABASE__URL: `sqlite://${folder}/contacts.db?mode=rwc`,
    CONTACT_GATEWAY__HTTP__LISTEN: `127.0.0.1:${port}`,
    CONTACT_GATEWAY__METRICS__LISTEN: `127.0.0.1:${metricsPort}`,
    CONTACT_GATEWAY__AUTH__ISSUER: "https://login.example.com/",
    CONTACT_GATEWAY__AUTH__AUDIENCE: "contact-gateway",
    CONTACT_GATEWAY__AUTH__ALGORITHM: "HS256",
    CONTACT_GATEWAY__AUTH__SECRET: randomBytes(32).toString("hex"),
  };
  run(PROGRAM, ["migrate", "up"], { env });
  const gateway = await start(PROGRAM, ["serve"], { env, ready: /"listening"/ });
  t.after(async () => {
    await gateway.stop();
    rmSync(folder, { recursive: true });
  });
  const token = run(PROGRAM, ["token", "--config", "/dev/null"], { env }).stdout.trim();
  for (const authorization of [`Bearer ${token}`, "Bearer none"]) {
    const headers = { authorization, "content-type": "application/json" };
    await fetch(`http://127.0.0.1:${port}/graphql`, { method: "POST", headers, body: `{"query": "{ viewer { subject } }"}` });
  }
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  assert.match(text, /outcome="OK"/);
  assert.match(text, /outcome="UNAUTHENTICATED"/);
  const metrics = new Set();
  const suffixes = { counter: ["_total"], gauge: [""], histogram: ["", "_bucket", "_sum", "_count"] };
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    for (const suffix of suffixes[type]) metrics.add(`${name}${suffix}`);
  }
  const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label));
  return { metrics, labels };
}
