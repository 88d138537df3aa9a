/** All stores, each on the real thing, for suites that run over every one of them. A new store is one more entry. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { CachedStore } from "../backends/cached.ts";
import { CookieStore } from "../backends/cookie.ts";
import { DenoKvStore } from "../backends/deno_kv.ts";
import { MemoryStore } from "../backends/memory.ts";
import { SqliteStore } from "../backends/sqlite.ts";
import type { MaybePromise, SessionsOptions, SessionStore } from "../mod.ts";
import { openTestKv } from "./deno_kv/open_kv.ts";

/** One kind of store. */
export interface Backend {
  readonly name: string;
  /** A fresh, empty store. What it needs besides is closed and removed after the calling file's tests. */
  open(now?: () => number): MaybePromise<SessionsOptions["store"]>;
  /** Whether records are held on the server, so that what another request saved is there for the next one. */
  readonly isHeld: boolean;
  /** Whether it finds a user's sessions. */
  readonly lists: boolean;
}

/** A store whose records are held on the server. */
export interface HeldBackend extends Backend {
  open(now?: () => number): MaybePromise<SessionStore>;
}

/** The list. Call it once in a test file, outside of any test. */
export function backends(): readonly Backend[] {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-backends-"));
  const closing: { close(): unknown }[] = [];
  let files = 0;
  after(async () => {
    for (const one of closing) await one.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const path = () => join(folder, String(++files));
  const keep = <T extends { close(): unknown }>(one: T): T => {
    closing.push(one);
    return one;
  };
  const sqlite = async (now: () => number) =>
    keep(await SqliteStore.open(path(), { now, synchronous: "NORMAL" }));
  const kv = async (path: string, now: () => number) =>
    new DenoKvStore(keep(await openTestKv(path)), { now });
  const held = (name: string, open: (now: () => number) => MaybePromise<SessionStore>): HeldBackend => ({
    name,
    open: (now = Date.now) => open(now),
    isHeld: true,
    lists: true,
  });
  return [
    held("MemoryStore", (now) => new MemoryStore({ now })),
    held("SqliteStore", sqlite),
    held(
      "CachedStore, memory over SQLite",
      async (now) => new CachedStore(new MemoryStore({ now }), await sqlite(now), { now }),
    ),
    held(
      "CachedStore, memory over SQLite, staleness 60",
      async (now) => new CachedStore(new MemoryStore({ now }), await sqlite(now), { now, staleness: 60 }),
    ),
    held("DenoKvStore in memory", (now) => kv(":memory:", now)),
    held("DenoKvStore in a file", (now) => kv(path(), now)),
    {
      name: "CookieStore",
      open: (now = Date.now) => new CookieStore({ revocation: new MemoryStore({ now }) }),
      isHeld: false,
      lists: false,
    },
    {
      name: "CookieStore, signed, over five cookies",
      open: (now = Date.now) =>
        new CookieStore({ revocation: new MemoryStore({ now }), chunks: 5, seal: false }),
      isHeld: false,
      lists: false,
    },
  ];
}
