/** Where the stores of the plans keep their sessions, and how worker and reader open them alike. */

import { DenoKvStore } from "../../backends/deno_kv.ts";
import { FileStore } from "../../backends/file.ts";
import { RedisStore } from "../../backends/redis.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import { createSessions, type Sessions, type SessionStore } from "../../mod.ts";
import { openTestKv } from "../support/deno_kv/open_kv.ts";
import { secrets } from "../support/processes_stores.ts";
import { clients } from "../support/redis/clients.ts";

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
  const { store, release } = await open[name](place);
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

/** With time enough for a machine that has other work. */
const patient = { timeout: 10 };
const open: Record<StoreName, (place: string) => Promise<{ store: SessionStore; release?: () => void }>> = {
  FileStore: async (folder) => ({ store: await FileStore.open(folder, patient) }),
  SqliteStore: async (path) => ({ store: await SqliteStore.open(path, patient) }),
  async DenoKvStore(path) {
    const database = await openTestKv(path);
    return { store: new DenoKvStore(database, patient), release: () => database.close() };
  },
  async RedisStore(port) {
    const { client, close } = await Object.values(clients).at(-1)!(Number(port));
    return { store: new RedisStore(client, patient), release: close };
  },
};
