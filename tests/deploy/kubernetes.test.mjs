// The manifests for Kubernetes: valid by the schemas of two versions, and consistent with each other and with the gateway.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { readStages, only } from "./support/dockerfile.mjs";
import { needs, PROGRAM, REPOSITORY } from "./support/environment.mjs";
import { run } from "./support/process.mjs";
import { validator } from "./support/schema.mjs";

const FOLDER = path.join(REPOSITORY, "deploy/kubernetes");
/** The oldest version with a preStop hook that sleeps, and the newest one. */
const VERSIONS = ["v1.30.0", "v1.37.0"];
/** A default server of PostgreSQL: 100 connections, 3 of them for administrators. */
const POSTGRES_CONNECTIONS = 97;

const kustomization = read("kustomization.yaml")[0];
const resources = [...kustomization.resources, "migrate-job.yaml"].flatMap(read);
const find = (kind) => resources.find((resource) => resource.kind === kind);
const deployment = find("Deployment");
const [gateway] = deployment.spec.template.spec.containers;
const job = find("Job");

for (const version of VERSIONS) {
  test(`the manifests are valid in Kubernetes ${version}`, needs("KUBERNETES_SCHEMAS"), () => {
    for (const resource of resources) {
      const [group, name] = resource.apiVersion.includes("/") ? resource.apiVersion.split("/") : ["", resource.apiVersion];
      const kind = [resource.kind, group.split(".")[0], name].filter(Boolean).join("-").toLowerCase();
      validatorOf(kind, version)(resource, resource.kind);
    }
  });
}

test("the validator rejects a field that does not exist", needs("KUBERNETES_SCHEMAS"), () => {
  const validate = validatorOf("deployment-apps-v1", VERSIONS[1]);
  const damaged = structuredClone(deployment);
  damaged.spec.template.spec.containers[0].readOnlyFileSystem = true;
  assert.throws(() => validate(damaged, "damaged"), /additional properties/);
});

test("selectors, names and ports of the manifests agree", () => {
  const { labels } = deployment.spec.template.metadata;
  assert.deepEqual(deployment.spec.selector.matchLabels, labels);
  assert.deepEqual(find("Service").spec.selector, labels);
  assert.deepEqual(find("PodDisruptionBudget").spec.selector.matchLabels, labels);
  assert.deepEqual(find("NetworkPolicy").spec.podSelector.matchLabels, labels);
  assert.notDeepEqual(job.spec.template.metadata.labels, labels, "the job gets no requests");
  assert.equal(find("HorizontalPodAutoscaler").spec.scaleTargetRef.name, deployment.metadata.name);

  const ports = Object.fromEntries(gateway.ports.map(({ name, containerPort }) => [name, containerPort]));
  assert.equal(String(ports.http), only(readStages().at(-1), "EXPOSE"));
  assert.equal(find("Service").spec.ports[0].targetPort, "http");
  assert.deepEqual(find("NetworkPolicy").spec.ingress.map((rule) => rule.ports[0].port), ["http", "metrics"]);
  assert.equal(deployment.spec.template.metadata.annotations["prometheus.io/port"], String(ports.metrics));
  assert.ok(settings().includes(`listen = "0.0.0.0:${ports.metrics}"`));

  const [image] = kustomization.images;
  assert.equal(gateway.image, image.name);
  assert.equal(job.spec.template.spec.containers[0].image, `${image.newName}:${image.newTag}`);
  assert.equal(job.metadata.namespace, kustomization.namespace);
  assert.equal(find("Namespace").metadata.name, kustomization.namespace);
  const [{ configMap }] = deployment.spec.template.spec.volumes;
  assert.equal(configMap.name, kustomization.configMapGenerator[0].name);
});

test("the user is the image's, with a read-only root and without privileges", () => {
  for (const { spec } of [deployment.spec.template, job.spec.template]) {
    const { runAsUser, runAsGroup, runAsNonRoot } = spec.securityContext;
    assert.equal(`${runAsUser}:${runAsGroup}`, only(readStages().at(-1), "USER"));
    assert.equal(runAsNonRoot, true);
    assert.deepEqual(spec.containers[0].securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  }
});

test("a pod has time to finish its requests, and PostgreSQL has connections for all pods", () => {
  const configuration = settings();
  const [, seconds] = /^shutdown_timeout = "(\d+)s"$/m.exec(configuration);
  const pause = gateway.lifecycle.preStop.sleep.seconds;
  assert.ok(deployment.spec.template.spec.terminationGracePeriodSeconds > pause + Number(seconds));
  const [, connections] = /^\[database\][^[]*^max_connections = (\d+)$/m.exec(configuration);
  const pods = find("HorizontalPodAutoscaler").spec.maxReplicas + deployment.spec.strategy.rollingUpdate.maxSurge;
  // Each pod has two more for /readyz.
  assert.ok(pods * (Number(connections) + 2) <= POSTGRES_CONNECTIONS);
});

function validatorOf(kind, version) {
  const folder = path.join(process.env.KUBERNETES_SCHEMAS, `${version}-local-strict`);
  const definitions = { ...json(path.join(folder, "_definitions.json")), $id: "https://kubernetes.io/api/_definitions.json" };
  return validator(json(path.join(folder, `${kind}.json`)), [definitions]);
}

/** The configuration of a pod, as the gateway reads it. */
function settings() {
  const env = { ...process.env };
  for (const { name, valueFrom } of gateway.env) {
    if (!valueFrom.secretKeyRef.optional) env[name] = "postgres://contact_gateway:secret@db.example.com/contacts";
  }
  const [flag, file] = gateway.args.slice(1);
  const args = ["serve", flag, path.join(FOLDER, path.basename(file)), "--print-config"];
  return run(PROGRAM, args, { env }).stdout;
}

function read(name) {
  return parseAllDocuments(readFileSync(path.join(FOLDER, name), "utf8")).map((document) => document.toJS());
}

function json(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}
