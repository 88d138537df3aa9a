/** What the tests of the recipes share: starting an example as its first line says, and the visit that most of them answer. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { get } from "node:http";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { SessionClient } from "../../src/testing.ts";
import { isBun } from "./live_server.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A program that serves. */
export interface Program {
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts an example in a process of its own, on a free port, and waits until it says where it listens. */
export async function start(command: "run" | "serve", name: string): Promise<Program> {
  const flags = command === "serve" ? ["--port=0", "--host=127.0.0.1"] : ["--allow-net", "--allow-env=PORT"];
  const args = isBun ? [] : [command, "--no-check", ...flags];
  const child = spawn(process.execPath, [...args, `${root}/examples/${name}.ts`], {
    cwd: root,
    env: { ...process.env, PORT: "0", NO_COLOR: "1" },
  });
  let said = "";
  const port = await new Promise<string>((resolve, reject) => {
    const read = (part: unknown) => {
      said += part;
      const found = /https?:\/\/[\w.:[\]]+?:(\d+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", () => reject(new Error(`The example has ended: ${said}`)));
  }).catch(async (error) => {
    await end(child);
    throw error;
  });
  return { url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

/** Two visits, a log-in, a visit, a log-out, a visit: what every example of a framework has to answer. */
export async function visit(url: string): Promise<void> {
  const client = new SessionClient(url);
  const cookie = () => client.cookies.get("__Host-sid");
  const look = async () => {
    const answer = await client.fetch("/");
    assert.equal(answer.status, 200);
    return await answer.text();
  };
  const send = async (path: string, fields: Record<string, string> = {}) => {
    const answer = await client.fetch(path, { method: "POST", body: new URLSearchParams(fields) });
    await answer.body?.cancel();
    assert.ok([302, 303].includes(answer.status), `${path} answered ${answer.status}`);
    assert.equal(new URL(answer.headers.get("location")!, url).pathname, "/");
  };
  assert.equal(await look(), "nobody: visit 1");
  const first = cookie();
  assert.ok(first);
  assert.equal(await look(), "nobody: visit 2");
  assert.equal(cookie(), first, "a visit keeps the id");
  await send("/login", { user: "ada" });
  const second = cookie();
  assert.ok(second !== undefined && second !== first, "a log-in changes the id");
  assert.equal(await look(), "ada: visit 3");
  const stolen = new SessionClient(url);
  stolen.cookies.set("__Host-sid", first);
  const refused = await stolen.fetch("/");
  assert.equal(
    refused.status,
    409,
    "the id before the log-in is dead, and the newer cookie may be on its way",
  );
  assert.equal(refused.headers.get("set-cookie"), null);
  await refused.body?.cancel();
  await send("/logout");
  assert.equal(cookie(), undefined, "a log-out clears the cookie");
  stolen.cookies.set("__Host-sid", second);
  assert.equal(await (await stolen.fetch("/")).text(), "nobody: visit 1", "so does its record");
  assert.equal(await look(), "nobody: visit 1");
}

/** Opens a WebSocket by hand and drops it; the cookie that the answer brought. */
export function handshake(port: number, headers: Record<string, string>): Promise<string> {
  const shake = {
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": btoa("0123456789abcdef"),
  };
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, headers: { ...shake, ...headers } });
    request.on("error", reject);
    request.on("response", ({ statusCode }) => reject(new Error(`answered ${statusCode}`)));
    request.on("upgrade", ({ headers }, socket) => {
      socket.destroy();
      resolve(headers["set-cookie"]?.[0]?.split(";", 1)[0] ?? "");
    });
  });
}

/**
 * What a WebSocket answers to these messages, each sent when the one before is answered and `between` is done; at last the code
 * with which the server closed, if it did.
 */
export function talk(
  port: number,
  said: readonly string[],
  headers: Record<string, string>,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<(string | number)[]> {
  // both runtimes take headers, which browsers do not
  const Socket = WebSocket as unknown as new (
    url: string,
    options: { headers: Record<string, string> },
  ) => WebSocket;
  return new Promise((resolve, reject) => {
    const socket = new Socket(`ws://127.0.0.1:${port}/`, { headers });
    const answers: (string | number)[] = [];
    socket.onerror = () => reject(new Error("the socket failed"));
    socket.onopen = () => socket.send(said[0]!);
    socket.onclose = ({ code }) => resolve(answers.length < said.length ? [...answers, code] : answers);
    socket.onmessage = async ({ data }) => {
      answers.push(String(data));
      if (answers.length === said.length) return socket.close();
      await between();
      socket.send(said[answers.length]!);
    };
  });
}
