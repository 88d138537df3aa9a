/** A small world for `CachedStore`: a clock, two stores, and any number of processes. */

import { CachedStore, type CachedStoreOptions } from "../../../backends/cached.ts";
import type { SessionRecord, SessionStore } from "../../../src/store.ts";
import { MapStore, VersionedMapStore } from "../stores/map_store.ts";

/** When the clock starts. */
export const startTime = 1_800_000_000_000;
/** The n-th storage key. */
export const key = (n: number): string => n.toString(16).padStart(64, "0");
/** A record that lives for an hour. */
export const record = (
  data = "{}",
  userId?: string,
  expiresAt: number = startTime + 3_600_000,
): SessionRecord => ({
  data,
  ...(userId === undefined ? {} : { userId }),
  createdAt: startTime,
  touchedAt: startTime,
  expiresAt,
});

/** What `world` makes. */
export interface World {
  clock: { now: number };
  durable: MapStore;
  cache: MapStore;
  open(options?: CachedStoreOptions, over?: { cache?: SessionStore; store?: SessionStore }): CachedStore;
}

/** A clock, a durable store, a cache, and a way to make processes that share them. */
export function world(versioned = false): World {
  const clock = { now: startTime };
  const now = () => clock.now;
  const durable = versioned ? new VersionedMapStore(now) : new MapStore(now);
  const cache = new MapStore(now);
  const open = (
    options: CachedStoreOptions = {},
    over: { cache?: SessionStore; store?: SessionStore } = {},
  ) => new CachedStore(over.cache ?? cache, over.store ?? durable, { now, ...options });
  return { clock, durable, cache, open };
}
