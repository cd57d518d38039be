// Programs that a test runs to their end, or starts and stops.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import net from "node:net";

/** Runs a program and returns its output. It must succeed, unless `status` is another exit code. */
export function run(command, args, { env = process.env, cwd, input, status = 0 } = {}) {
  const result = spawnSync(command, args, { encoding: "utf8", env, cwd, input, timeout: 120_000, maxBuffer: 2 ** 26 });
  const text = `${result.stdout}${result.stderr}`;
  assert.equal(result.error, undefined);
  assert.equal(result.status, status, `${command} ${args.join(" ")}\n${text}`);
  return { stdout: result.stdout, text };
}

/** Starts a program, and waits until its output matches `ready`, if that is given. */
export async function start(command, args, { env = process.env, cwd, ready } = {}) {
  const child = spawn(command, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  let log = "";
  await new Promise((resolve, reject) => {
    const read = (chunk) => {
      log += chunk;
      if (ready?.test(log)) resolve();
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    if (!ready) child.once("spawn", resolve);
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`${command} has ended: ${log}`)));
    setTimeout(() => reject(new Error(`${command} is not ready: ${log}`)), 60_000).unref();
  });
  const pid = lastDescendant(child.pid);
  const stop = (signal = "SIGTERM") => {
    if (child.exitCode === null && child.signalCode === null) process.kill(pid, signal);
    return ended;
  };
  return { pid, ended, stop, log: () => log };
}

/** The program that a launcher, such as bubblewrap, runs as its only child. */
function lastDescendant(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  return children.length > 0 ? lastDescendant(Number(children[0])) : pid;
}

/** Port numbers of 127.0.0.1 on which nothing listens. */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => net.createServer());
  await Promise.all(servers.map((server) => new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Waits until `check` returns something true, and returns it. */
export async function eventually(check, what) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await check();
    if (found) return found;
    assert.ok(Date.now() < deadline, `not within 30 s: ${what}`);
    await sleep(50);
  }
}

/** Waits. */
export function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
