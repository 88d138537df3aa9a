/** What tests of late writes need: every writing operation of a `RedisStore`, and servers that stand still. */

import assert from "node:assert/strict";
import type { RedisStore } from "../../../backends/redis.ts";
import { SessionError } from "../../../src/errors.ts";
import { freshKey, recordOf } from "./clients.ts";
import { contents, type Server } from "./server.ts";

/** Writing operations by name. */
export type Operations = Record<string, (store: RedisStore) => Promise<unknown>>;

/** Prepares what each writing operation works on. Every one of them works as long as nothing has changed. */
export async function prepare(store: RedisStore): Promise<Operations> {
  const mine = recordOf("before", { userId: "late" });
  const made = async (record = mine) => {
    const key = freshKey();
    return [key, (await store.create(key, record))!] as const;
  };
  const [saved, entered, left] = [await made(), await made(recordOf("before")), await made()];
  const [deleted] = await made(), kept = await made();
  const [touched, held] = [await made(), await made()];
  // What the index holds the session for anyway
  const renewed = { ...mine, data: "after", expiresAt: mine.expiresAt + 600_000 };
  const renewedTo = Date.now() + 4_200_000;
  const theirs = recordOf("after", { userId: "others" });
  return {
    create: (store) => store.create(freshKey(), recordOf("after")),
    "create for a user": (store) => store.create(freshKey(), mine),
    save: (store) => store.save(saved[0], { ...mine, data: "after" }, saved[1]),
    "save that renews": (store) => store.save(kept[0], renewed, kept[1]),
    "save for a user": (store) => store.save(entered[0], mine, entered[1]),
    "save for another user": (store) => store.save(left[0], theirs, left[1]),
    delete: (store) => store.delete(deleted),
    touch: (store) => store.touch(touched[0], Date.now() + 1, Date.now() + 7_200_000, touched[1]),
    "touch that the index need not know of": (store) =>
      store.touch(held[0], Date.now() + 1, renewedTo, held[1]),
  };
}

async function outcomes(
  operations: Operations,
  store: RedisStore,
): Promise<Record<string, unknown>> {
  const told = Object.entries(operations).map(async ([name, operate]) =>
    [name, await operate(store).then((result) => Boolean(result), codeOf)] as const
  );
  return Object.fromEntries(await Promise.all(told));
}

/** Starts all operations, and demands that the same comes of each: `true`, or the code of an error. */
export async function allAre(
  expected: unknown,
  operations: Operations,
  store: RedisStore,
): Promise<void> {
  const names = Object.keys(operations);
  assert.deepEqual(
    await outcomes(operations, store),
    Object.fromEntries(names.map((name) => [name, expected])),
  );
}

/** Stops servers, and tells what they hold. */
export async function halt(...servers: Server[]): Promise<string[]> {
  const held = await contents(...servers);
  for (const server of servers) server.signal("SIGSTOP");
  return held;
}

/** Demands that servers hold what they held `before`, apart from what has lapsed by itself: a mark lives for seconds. */
export async function assertHeld(before: readonly string[], servers: Server[], what?: string): Promise<void> {
  const after = await contents(...servers);
  const now = Date.now();
  const lives = (line: string) => {
    const expires = Number(line.split(" ").at(-1));
    return !(expires > 0 && expires <= now);
  };
  assert.deepEqual({ what, held: after.filter(lives) }, { what, held: before.filter(lives) });
}

/** The code of an error. */
export function codeOf(error: unknown): string {
  return error instanceof SessionError ? error.code : String(error);
}

/** Whether an operation gets its answer. */
export async function works(store: RedisStore): Promise<boolean> {
  return await store.load(freshKey()).then(() => true, () => false);
}
