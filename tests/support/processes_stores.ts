/** The stores that several processes may open on one place, opened alike by all of them. */

import { FileStore } from "../../backends/file.ts";
import { RedisStore } from "../../backends/redis.ts";
import { SqliteStore } from "../../backends/sqlite.ts";
import type { CountableStore } from "../../src/store.ts";

export const secrets: Uint8Array[] = [Uint8Array.from({ length: 32 }, (_, i) => i * 5 + 3)];

interface Opened {
  readonly store: CountableStore;
  /** Lets go of what `store.close` leaves open. */
  readonly release?: () => void;
}

/** By name: opens the store on a path or port. `turn` chooses among the clients that this runtime has. */
export const stores: Record<string, (ref: string, turn: number) => Promise<Opened>> = {
  SqliteStore: async (path) => ({ store: await SqliteStore.open(path) }),
  FileStore: async (folder) => ({ store: await FileStore.open(folder) }),
  async RedisStore(port, turn) {
    const { clients } = await import("./redis/clients.ts");
    const { client, close } = await Object.values(clients).at(-1 - turn % 2)!(Number(port));
    return { store: new RedisStore(client), release: close };
  },
};
