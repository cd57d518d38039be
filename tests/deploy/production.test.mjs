// The page "From nothing to production" of docs/operations.md: its commands, in its order, as a reader runs them. Only the addresses,
// folders and passwords differ. Cargo, systemctl, docker and kubectl are not run.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { createDatabase } from "./support/database.mjs";
import { needs, PROGRAM, REPOSITORY } from "./support/environment.mjs";
import { eventually, freePorts, run, start } from "./support/process.mjs";

const execute = promisify(execFile);
const PAGE = readFileSync(path.join(REPOSITORY, "docs/operations.md"), "utf8");

test("the page leads to a gateway that accepts the provider's token", needs("NGINX_PROGRAM", "POSTGRES_URL"), async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "contact-gateway-deploy-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const provider = await startProvider(t);
  const [gatewayPort, metricsPort, httpPort, httpsPort] = await freePorts(4);
  const configuration = path.join(folder, "contact-gateway");
  const programs = path.join(folder, "bin");
  for (const name of [configuration, programs]) mkdirSync(name);
  symlinkSync(PROGRAM, path.join(programs, "contact-gateway"));
  const env = { ...process.env, PATH: `${programs}:${process.env.POSTGRES_PROGRAMS}:${process.env.PATH}` };
  const certificate = createCertificate(folder);
  const connect = `--silent --show-error --fail --cacert ${certificate} --connect-to contacts.example.com:443:127.0.0.1:${httpsPort}`;
  const database = createDatabase(t, { statements: block("Database", "sql") });
  const replace = replacer({
    "/etc/contact-gateway": configuration,
    "/etc/nginx/conf.d": folder,
    "/etc/nginx/contact-gateway": folder,
    "postgres://contact_gateway:choose-a-password@db.example.com/contact_gateway": database,
    "https://login.example.com/": provider.issuer,
    "127.0.0.1:8080": `127.0.0.1:${gatewayPort}`,
    "127.0.0.1:9090": `127.0.0.1:${metricsPort}`,
    "/etc/ssl/contacts.example.com": path.join(folder, "certificate"),
    "listen 80;": `listen 127.0.0.1:${httpPort};`,
    "listen 443 ": `listen 127.0.0.1:${httpsPort} `,
    "curl https://": `curl ${connect} https://`,
    "deploy/nginx": path.join(REPOSITORY, "deploy/nginx"),
  });
  // The provider answers from this process, which must not wait for the commands.
  const shell = async (text) => {
    const { stdout, stderr } = await execute("bash", ["-euo", "pipefail", "-c", replace(text)], { cwd: folder, env });
    return stdout + stderr;
  };

  writeFileSync(path.join(configuration, "gateway.toml"), replace(block("Configuration", "toml")));
  const printed = await shell(block("Configuration", "sh"));
  assert.ok(printed.includes(provider.issuer), printed);
  env.CONTACT_GATEWAY__DATABASE__URL_FILE = path.join(configuration, "database-url");
  assert.match(await shell(block("Tables and the first organization", "sh")), /org_abc123/);

  const token = provider.issueToken();
  writeFileSync(path.join(folder, "token.txt"), token);
  const inspected = await shell(block("A token", "sh"));
  assert.match(inspected, /contacts:read/);
  assert.ok(!inspected.includes(token.split(".")[2]), "the token is not printed");

  const args = ["serve", "--config", path.join(configuration, "gateway.toml")];
  const gateway = await start(PROGRAM, args, { env, ready: /"listening"/ });
  t.after(() => gateway.stop());
  await shell(lines("Service", "contact-gateway "));

  await shell(lines("TLS", "install "));
  const nginx = await startNginx(folder, replace);
  t.after(() => nginx.stop());
  await eventually(() => fetch(`http://127.0.0.1:${httpPort}/`, { redirect: "manual" }).catch(() => undefined), "nginx responds");
  const response = await shell(block("The first request", "sh"));
  assert.match(response, /"subject":"auth0\|ada".*"name":"Example"/);
  assert.match(await shell(block("Monitoring and backups", "sh")), /TABLE DATA public account_contact /);
});

test("every section of the page is run, or needs a tool that is not here", () => {
  const page = PAGE.slice(PAGE.indexOf("## From nothing"), PAGE.indexOf("## Health"));
  const sections = [...page.matchAll(/^### (.*)$/gm)].map(([, title]) => title);
  const notRun = ["Binary", "Updates", "With Compose", "On Kubernetes"];
  const setup = ["Database", "Configuration", "Tables and the first organization", "A token", "Service", "TLS"];
  const ran = [...setup, "The first request", "Monitoring and backups"];
  assert.deepEqual(sections.toSorted(), [...ran, ...notRun].toSorted());
  for (const [file] of page.matchAll(/deploy\/[\w/.-]*\w/g)) run("ls", [path.join(REPOSITORY, file)]);
});

/** The only block in this language below this heading. */
function block(heading, language) {
  const section = PAGE.split(`\n### ${heading}\n`)[1].split("\n### ")[0];
  const blocks = [...section.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"))];
  assert.equal(blocks.length, 1, `${heading} has one block in ${language}`);
  return blocks[0][1];
}

/** The lines of a block that begin with these words. */
function lines(heading, start) {
  const found = block(heading, "sh").split("\n").filter((line) => line.startsWith(start));
  assert.ok(found.length > 0);
  return found.join("\n");
}

function replacer(replacements) {
  return (text) => Object.entries(replacements).reduce((changed, [from, to]) => changed.replaceAll(from, to), text);
}

/** A certificate of its own authority. */
function createCertificate(folder) {
  const [file, key] = [".pem", ".key"].map((end) => path.join(folder, `certificate${end}`));
  const subject = ["-subj", "/CN=contacts.example.com", "-addext", "subjectAltName=DNS:contacts.example.com"];
  run("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key, "-out", file, ...subject]);
  return file;
}

function startNginx(folder, replace) {
  for (const name of ["contact-gateway.conf", "proxy.conf"]) {
    const file = path.join(folder, name);
    writeFileSync(file, replace(readFileSync(file, "utf8")));
  }
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`);
  const main = `pid ${folder}/nginx.pid; error_log stderr; events {} http { access_log off; ${paths.join(" ")} include ${folder}/contact-gateway.conf; }`;
  const file = path.join(folder, "nginx.conf");
  writeFileSync(file, main);
  run(process.env.NGINX_PROGRAM, ["-t", "-c", file]);
  return start(process.env.NGINX_PROGRAM, ["-c", file, "-g", "daemon off;"]);
}

/** An identity provider with discovery, a key set, and access tokens of Auth0's shape. */
async function startProvider(t) {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = { ...publicKey.export({ format: "jwk" }), kid: "key-1", alg: "RS256", use: "sig" };
  const server = http.createServer((request, response) => {
    const documents = {
      "/.well-known/openid-configuration": {
        issuer,
        jwks_uri: `${issuer}.well-known/jwks.json`,
        authorization_endpoint: `${issuer}authorize`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
      },
      "/.well-known/jwks.json": { keys: [key] },
    };
    const document = documents[request.url];
    response.writeHead(document ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(document ?? {}));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const issuer = `http://127.0.0.1:${server.address().port}/`;
  const issueToken = () => {
    const now = Math.floor(Date.now() / 1000);
    const header = { alg: "RS256", typ: "JWT", kid: key.kid };
    const claims = {
      iss: issuer,
      sub: "auth0|ada",
      aud: ["https://contacts.example.com", `${issuer}userinfo`],
      iat: now,
      exp: now + 86_400,
      scope: "openid profile contacts:read contacts:write",
      org_id: "org_abc123",
      azp: "client-1",
      permissions: ["contacts:read", "contacts:write"],
    };
    const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    return `${text}.${sign("RSA-SHA256", Buffer.from(text), privateKey).toString("base64url")}`;
  };
  return { issuer, issueToken };
}
