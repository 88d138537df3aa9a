/** What tests of the commands of a `RedisStore` share. */

import { instantsSum, sumsOf } from "../backends/checksum.ts";
import { RedisStore } from "../backends/redis.ts";
import type { SessionRecord } from "../src/store.ts";
import { shaped } from "./redis_clients.ts";
import { type Answer, answering, type Asked } from "./redis_wire_rig.ts";

/** What the time is, by the clock of the stores. */
export const now = 1000;
/** A record of nobody. */
export const record: SessionRecord = { data: "{}", createdAt: 1, touchedAt: 2, expiresAt: 5000.5 };
/** A record of a user. */
export const mine: SessionRecord & { readonly userId: string } = { ...record, userId: "ann" };
/** The sums of the one or the other, by its user as it is written. */
function sums(key: string, version: string, userId: string): [string, string] {
  const { data, record: own, instants } = sumsOf({ ...record, key, version, userId });
  return [`${data} ${own}`, String(instants)];
}
/** How the first is written, with its key. */
export const plain = (key: string, version: string): string[] => [
  ...[key, "{}", "1", "2", "5000.5", ""],
  ...sums(key, version, ""),
  "4001",
];
/** How the other is written, with its key. */
export const owned = (key: string, version: string): string[] => [
  ...[key, "{}", "1", "2", "5000.5", '"ann"'],
  ...sums(key, version, '"ann"'),
  "4001",
];
/** The sum of these instants. */
export const sumOf = (key: string, touchedAt: number, expiresAt: number): string =>
  String(instantsSum(key, touchedAt, expiresAt));
/** The name of that user's index. */
export const anns = 'p:user:"ann"';

/** A store over a function that answers scripts; `steps` are what it was asked. */
export function storeOf(
  answer: Answer,
  cluster = false,
): { store: RedisStore; log: Asked[]; steps: () => string[] } {
  const { send, log } = answering(answer);
  const store = new RedisStore(shaped(send), { prefix: "p:", cluster, now: () => now });
  const steps = () => log.map(({ script, command, keys }) => `${script || command} ${keys}`);
  return { store, log, steps };
}

/** What a load script answers for a record under this key. */
export function fieldsOf(key: string, more: { user?: string; pending?: string } = {}): unknown[] {
  const { user = '"ann"', pending = null } = more;
  return ["2", key, "v", "{}", "1", "2", "5000.5", user, ...sums(key, "v", user), pending];
}

/** What it answers where nothing is. */
export const missing: readonly null[] = Array(11).fill(null);

/** Answers by the name of the script, in turn where there are several. */
export function inTurn(answers: Record<string, unknown[][]>): Answer {
  return ({ script }) => {
    const [next] = answers[script]!;
    if (answers[script]!.length > 1) answers[script]!.shift();
    return next;
  };
}
