/** Real stores for the command line, with known sessions in them, and a terminal that remembers what it was told. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DenoKvStore } from "../../../backends/deno_kv.ts";
import { FileStore } from "../../../backends/file.ts";
import { RedisStore } from "../../../backends/redis.ts";
import { SqliteStore } from "../../../backends/sqlite.ts";
import type { Io } from "../../../cli/io.ts";
import { run } from "../../../cli/run.ts";
import { createSessions } from "../../../src/sessions.ts";
import type { SessionStore } from "../../../src/store.ts";
import { openTestKv } from "../deno_kv/open_kv.ts";
import { clients } from "../redis/clients.ts";

/** What must never be in any output. */
export const canary = "canary-of-the-session-data";
/** When the sessions are made; a whole number of seconds. */
export const start: number = Math.floor(Date.now() / 1000) * 1000;
export const minute = 60_000;
export const hour: number = 60 * minute;
export const day: number = 24 * hour;

/** What a command did. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command; nothing may be wider than the terminal or hold a canary. */
export async function cli(args: readonly string[], given: Partial<Io> = {}): Promise<Outcome> {
  let [out, err] = ["", ""];
  const code = await run(args, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    isTerminal: false,
    columns: 80,
    colours: false,
    now: () => start + 2 * hour,
    env: () => undefined,
    ...given,
  });
  for (const line of `${out}\n${err}`.split("\n")) {
    const isJson = line.startsWith("{");
    assert.ok(isJson || given.isTerminal || [...line].length <= (given.columns ?? 80), `too wide: ${line}`);
    if (isJson) JSON.parse(line);
  }
  assert.doesNotMatch(out + err, new RegExp(canary));
  for (const id of ids) assert.ok(!(out + err).includes(id), "an id was printed");
  return { code, out, err };
}

/** The ids of all sessions that were made. */
const ids: string[] = [];

/** A folder that is removed at the end. */
export function makeFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "sojourn-cli-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** One kind of store: its URL in a folder, and how to open it as an application does. */
export interface Kind {
  url(folder: string, port: number): string;
  open(folder: string, port: number): Promise<{ store: SessionStore; close(): unknown }>;
}

export const kinds: Record<string, Kind> = {
  sqlite: {
    url: (folder) => `sqlite:${folder}/sessions.db`,
    async open(folder) {
      const store = await SqliteStore.open(`${folder}/sessions.db`);
      return { store, close: () => store.close() };
    },
  },
  file: {
    url: (folder) => `file://${folder}/sessions`,
    async open(folder) {
      const store = await FileStore.open(`${folder}/sessions`, { durability: "os" });
      return { store, close: () => store.close() };
    },
  },
  kv: {
    url: (folder) => `kv:${folder}/kv.db`,
    async open(folder) {
      const kv = await openTestKv(`${folder}/kv.db`);
      return { store: new DenoKvStore(kv), close: () => kv.close() };
    },
  },
  redis: {
    url: (_, port) => `redis://127.0.0.1:${port}`,
    async open(_, port) {
      const { client, close } = await clients["ioredis"]!(port);
      return { store: new RedisStore(client), close };
    },
  },
};

/**
 * Makes the sessions: Ada has two, from a phone that was active a minute ago and a desktop of three days; Bob has one; four
 * without a user end an hour after `from`.
 */
export async function furnish(store: SessionStore, from: number = start): Promise<void> {
  let time = from;
  const secrets = [crypto.getRandomValues(new Uint8Array(32))];
  const sessions = createSessions<{ note: string }>({ store, secrets, now: () => time });
  const make = async (at: number, user?: string, label?: string, age?: number) => {
    time = at;
    const session = await sessions.open();
    session.set("note", canary);
    if (user !== undefined) session.login(user);
    if (label !== undefined) session.setLabel(label);
    if (age !== undefined) session.setExpiry(age);
    await session.save();
    ids.push(session.id!);
  };
  await make(from - 3 * day, "ada", "Firefox\u001b[2J on Linux");
  await make(from + 2 * hour - minute, "ada", "Safari on iPhone");
  await make(from, "bob");
  for (let i = 0; i < 4; i++) await make(from, undefined, undefined, 3600);
}
