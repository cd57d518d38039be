// The alerts and the dashboard: valid for Prometheus, with the metrics of a running gateway, and explained in docs/operations.md.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { parse, stringify } from "yaml";
import { needs, PROGRAM, REPOSITORY } from "./support/environment.mjs";
import { eventually, freePorts, run, start } from "./support/process.mjs";

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
  const folder = temporaryFolder(t);
  const rules = PANELS.flatMap(({ targets }) => targets).map(({ expr }, index) => {
    return { record: `panel:${index}`, expr: withoutVariables(expr, "1m") };
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

test("Prometheus scrapes a gateway, and every panel of the dashboard has data", needs("PROMETHEUS"), async (t) => {
  const { address } = await startGateway(t);
  const folder = temporaryFolder(t);
  const configuration = parse(readFileSync(path.join(FOLDER, "prometheus/prometheus.yaml"), "utf8"));
  configuration.global = { scrape_interval: "1s", evaluation_interval: "1s" };
  configuration.rule_files = [path.join(FOLDER, "prometheus/alerts.yaml")];
  configuration.scrape_configs[0].static_configs[0].targets = [address];
  const file = path.join(folder, "prometheus.yaml");
  writeFileSync(file, stringify(configuration));
  const [port] = await freePorts(1);
  const args = [`--config.file=${file}`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`];
  const prometheus = await start(process.env.PROMETHEUS, args, { cwd: folder, ready: /Server is ready/ });
  t.after(() => prometheus.stop());

  const query = async (expression) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { status, data, error } = await response.json();
    assert.equal(status, "success", error);
    return data.result;
  };
  const hasData = async () => (await query(`min_over_time(up[5s]) == 1 and count_over_time(up[5s]) >= 4`)).length > 0;
  await eventually(hasData, "Prometheus scrapes the gateway");
  for (const { title, targets } of PANELS) {
    const results = await Promise.all(targets.map(({ expr }) => query(withoutVariables(expr, "5s"))));
    assert.ok(results.flat().length > 0, `${title} has data`);
  }
  const { data } = await (await fetch(`http://127.0.0.1:${port}/api/v1/rules`)).json();
  const states = data.groups.flatMap(({ rules }) => rules.map(({ name, state, health }) => `${name} ${state} ${health}`));
  assert.deepEqual(states, RULES.map(({ alert }) => `${alert} inactive ok`));
});

/** An expression of the dashboard, for all instances. */
function withoutVariables(expression, interval) {
  return expression.replaceAll("$__rate_interval", interval).replaceAll(/\$(job|instance)/g, ".*");
}

function names(text) {
  return [...new Set(text.match(/contact_gateway_\w+/g))];
}

function temporaryFolder(t) {
  const folder = mkdtempSync(path.join(tmpdir(), "contact-gateway-deploy-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A gateway that has answered one request with a token and one without, and the address of its metrics. */
async function startGateway(t) {
  const folder = temporaryFolder(t);
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
  t.after(() => gateway.stop());
  const token = run(PROGRAM, ["token", "--config", "/dev/null"], { env }).stdout.trim();
  for (const authorization of [`Bearer ${token}`, "Bearer none"]) {
    const headers = { authorization, "content-type": "application/json" };
    await fetch(`http://127.0.0.1:${port}/graphql`, { method: "POST", headers, body: `{"query": "{ viewer { subject } }"}` });
  }
  return { address: `127.0.0.1:${metricsPort}` };
}

/** The metrics and labels of a gateway. */
async function scrape(t) {
  const { address } = await startGateway(t);
  const text = await (await fetch(`http://${address}/metrics`)).text();
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
