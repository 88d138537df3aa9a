/** The database interface that `DenoKvStore` needs; `Deno.Kv` and the `Kv` of `@deno/kv` both have it. */

/** A key: its parts from the general to the particular. */
export type DenoKvKey = readonly (string | number | bigint | boolean | Uint8Array)[];

/** The part of an atomic operation that a session store uses. */
export interface DenoKvAtomic {
  /** Commits only if the entry still has this versionstamp; with `null`, only if there is no entry. */
  check(check: { key: DenoKvKey; versionstamp: string | null }): this;
  /** Sets an entry; after `expireIn` ms the database may remove it. */
  set(key: DenoKvKey, value: unknown, options?: { expireIn?: number }): this;
  /** Removes an entry. */
  delete(key: DenoKvKey): this;
  /** Applies all changes or none; resolves to whether the checks held. */
  commit(): Promise<{ ok: boolean }>;
}

/**
 * The part of a `Deno.Kv` that a session store uses.
 *
 * @example
 * ```ts
 * import { type DenoKv, DenoKvStore } from "@sojourn/session/deno-kv";
 * import assert from "node:assert/strict";
 *
 * using kv = await Deno.openKv(":memory:");
 * const shape: DenoKv = kv;
 * assert.equal(await new DenoKvStore(shape, { prefix: "shop" }).load("0".repeat(64)), undefined);
 * ```
 */
export interface DenoKv {
  /** Reads one entry; its versionstamp is `null` if there is none. */
  get(
    key: DenoKvKey,
    options: { consistency: "strong" },
  ): Promise<{ value: unknown; versionstamp: string | null }>;
  /** Reads the entries under a prefix, from `start` or before `end` if they are given, in order, at most `limit`. */
  list(
    selector:
      | { prefix: DenoKvKey }
      | { prefix: DenoKvKey; start: DenoKvKey }
      | { prefix: DenoKvKey; end: DenoKvKey },
    options: { consistency: "strong"; limit?: number },
  ): AsyncIterable<{ key: readonly unknown[]; value: unknown }>;
  /** Starts an atomic operation. */
  atomic(): DenoKvAtomic;
  /** Closes the database. */
  close(): void;
}
