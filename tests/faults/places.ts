/** Where the stores of the plans keep their sessions, and how worker and reader open them alike. */

import { DenoKvStore } from "../../backends/deno_kv.ts";
import { createSessions, type Sessions, type SessionStore } from "../../mod.ts";
import { openTestKv } from "../deno_kv/open_kv.ts";
import { secrets, stores } from "../processes_stores.ts";

/** A store that several processes may open. */
export type StoreName = "FileStore" | "SqliteStore" | "DenoKvStore" | "RedisStore";

/** Sessions over a store that this process has opened. */
export interface Opened {
  readonly store: SessionStore;
  readonly sessions: Sessions;
  /** What the library reported about damage or a failing store. */
  readonly troubles: string[];
  close(): Promise<void>;
}

/** Long enough for a touch to be due after each step of the clock, and for nothing ever to expire. */
const idleAge = 300 * 86_400;

/** Opens `name` at a path or port. */
export async function openPlace(
  name: StoreName,
  place: string,
  { now = Date.now, timeout = 10 }: { now?: () => number; timeout?: number } = {},
): Promise<Opened> {
  const troubles: string[] = [];
  const { store, release } = name === "DenoKvStore" ? await kv(place) : await stores[name]!(place, 0);
  const sessions = createSessions({
    store,
    secrets,
    now,
    timeout,
    idleAge,
    absoluteAge: null,
    onEvent({ type, reason }) {
      if (["damaged", "invalid", "store-error"].includes(type)) troubles.push(`${type} ${reason ?? ""}`);
    },
  });
  const close = async () => {
    await sessions.close();
    release?.();
  };
  return { store, sessions, troubles, close };
}

async function kv(path: string): Promise<{ store: SessionStore; release?: () => void }> {
  const database = await openTestKv(path);
  return { store: new DenoKvStore(database, { timeout: 10 }), release: () => database.close() };
}
