/** The sessions that stores are filled with. */

import process from "node:process";
import { dataBytes } from "./figures.ts";
import type { SessionRecord, SessionStore } from "../src/store.ts";

/** For how long a store is filled that can only be filled one by one, in ms: what it then holds is what is told. */
export const fillTime: number = Number(process.env.BENCH_FILL_MS ?? "8000");

/** In ms. */
export const day: number = 86_400_000;

/** A session that is in a store. */
export interface Session {
  key: string;
  version: string;
}

/** A key that was never there before. */
export function freshKey(): string {
  const words = crypto.getRandomValues(new Uint32Array(8));
  return Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
}

/** As long as the head of a logged-in session that was never given a label. */
const head = `1 ${"0".repeat(24)} 1700000000000 1`;
let data = 0;
/** A logged-in session of {@linkcode dataBytes}, another one each time. */
export function recordOf(userId: string): SessionRecord {
  const now = Date.now();
  const text = `{"visits":${++data},"cart":"`;
  return {
    data: `${text}${"x".repeat(dataBytes - text.length - 2)}"}`,
    head,
    userId,
    createdAt: now,
    touchedAt: now,
    expiresAt: now + 14 * day,
  };
}

/** A user for each session. */
export const userOf = (key: string): string => key.slice(0, 16);

/** Creates sessions with the store's own `create`, for at most the given milliseconds. */
export async function fill(
  store: Pick<SessionStore, "create">,
  count: number,
  time: number,
  userIdOf: (key: string) => string = userOf,
): Promise<Session[]> {
  const all: Session[] = [];
  const start = performance.now();
  while (all.length < count && performance.now() - start < time) {
    const some = Array.from({ length: Math.min(64, count - all.length) }, freshKey);
    const versions = await Promise.all(some.map((key) => store.create(key, recordOf(userIdOf(key)))));
    all.push(...some.map((key, i) => ({ key, version: versions[i]! })));
  }
  return all;
}
