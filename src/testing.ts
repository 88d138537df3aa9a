/**
 * Tools for tests: the contract of a session store as a suite, and a client that keeps cookies.
 *
 * They run under `deno test`, `bun test` and `node --test`, without dependencies.
 *
 * @module
 */
import { describe, it } from "node:test";
import { check } from "./option_checks.ts";
import * as is from "./option_checks.ts";
import type { MaybePromise, SessionStore } from "./store.ts";
import { readOptions, type StoreTestOptions } from "./testing/options.ts";
import { storeCases } from "./testing/suite.ts";

export type {
  IndexedRecord,
  ListOptions,
  MaybePromise,
  SessionPage,
  SessionRecord,
  SessionStore,
  SessionSummary,
  StoredRecord,
} from "./store.ts";
export { type ClientHandler, SessionClient, type SessionClientOptions } from "./testing/client.ts";
export type { StoreTestOptions } from "./testing/options.ts";

/**
 * Registers the store contract as tests of `node:test`: what every method of a `SessionStore` returns, that texts,
 * heads, users and instants come back exactly, that saves are compare-and-set and versions never used twice, that a
 * touch only moves forward, that a deleted record stays deleted, what expires and what is listed, page by page, what
 * happens with concurrent calls, and random histories against a model.
 *
 * `open` gives a fresh, empty store; every case opens one and closes it. Cases for optional methods that the store does
 * not have are skipped. The suite uses real instants around `Date.now()` and waits only for the store.
 *
 * @example Every case, by hand
 * ```ts
 * import { MemoryStore } from "@sojourn/session/memory";
 * import { testStore } from "@sojourn/session/testing";
 * import assert from "node:assert/strict";
 *
 * const runs: (() => Promise<void>)[] = [];
 * testStore("MemoryStore", () => new MemoryStore(), { runs: 2, register: (_name, run) => runs.push(run) });
 *
 * for (const run of runs) await run();
 * assert.ok(runs.length > 50);
 * ```
 *
 * In a test file, `testStore("MyStore", () => new MyStore())` is enough.
 *
 * @throws {TypeError} If `open` is not a function, or an option is unknown or of the wrong type.
 * @throws {RangeError} If a number among the options is out of range.
 */
export function testStore(
  name: string,
  open: () => MaybePromise<SessionStore>,
  options: StoreTestOptions = {},
): void {
  check("testStore", "open", is.callback, open);
  const settings = readOptions(options);
  const cases = storeCases(open, settings);
  if (settings.register !== undefined) {
    for (const { name: promise, run } of cases) {
      settings.register(`${name}: ${promise}`, async () => void await run());
    }
    return;
  }
  describe(name, () => {
    for (const { name: promise, run } of cases) {
      it(promise, async (test) => {
        const missing = await run();
        if (missing !== undefined) test.skip(`the store has no ${missing}`);
      });
    }
  });
}
